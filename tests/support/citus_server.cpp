#include "support/citus_server.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

#include "common/postgres/tools.h"
#include "lab/cluster.h"

namespace autoctl::test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Where an installation of Postgres has its extensions' scripts; it says so itself.
Result<fs::path> share_directory(const postgres::Tools& tools) {
  const auto output = run(postgres::tool_command(tools, "initdb", {"--show", "--pgdata", "/nowhere"}), 30s);
  if (!output) return fail(output.error());
  static constexpr std::string_view name = "share_path=";
  std::istringstream lines(output->output);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with(name)) return fs::path(line.substr(name.size()));
  return fail(Errc::not_found, "initdb --show does not tell share_path: " + output->output);
}

Result<std::string> installed_version(const postgres::Tools& tools) {
  const auto share = share_directory(tools);
  if (!share) return fail(share.error());
  std::ifstream control(*share / "extension" / "citus.control");
  static constexpr std::string_view name = "default_version = '";
  for (std::string line; std::getline(control, line);)
    if (line.starts_with(name)) return line.substr(name.size(), line.size() - name.size() - 1);
  return fail(Errc::not_found, tools.path("postgres") + " does not offer the extension citus");
}

/// A copy of Postgres that offers our own extension citus. Postgres finds its libraries and scripts relative to the
/// program that runs, so programs are copied; all else may be links.
class StandIn {
 public:
  explicit StandIn(lab::ScratchDirectory directory) : directory_(std::move(directory)) {}

  Result<> build(const postgres::Tools& tools) {
    const auto share = share_directory(tools);
    if (!share) return fail(share.error());
    try {
      const fs::path bin = moved(tools.bindir), lib = bin.parent_path() / "lib", data = moved(*share);
      fs::create_directories(bin.parent_path());
      fs::copy(tools.bindir, bin, fs::copy_options::recursive);
      link_files(fs::path(tools.bindir).parent_path() / "lib", lib);
      link_files(*share, data);
      install_extension(lib, data / "extension");
      pg_ctl_ = bin / "pg_ctl";
      return {};
    } catch (const fs::filesystem_error& error) {
      return fail(Errc::system, error.what());
    }
  }

  const std::string& pg_ctl() const { return pg_ctl_; }

 private:
  fs::path moved(const fs::path& absolute) const { return directory_.path() / absolute.relative_path(); }

  static void link_files(const fs::path& from, const fs::path& to) {
    fs::create_directories(to);
    for (const auto& entry : fs::directory_iterator(from)) {
      const fs::path target = to / entry.path().filename();
      if (entry.is_directory()) {
        link_files(entry.path(), target);
      } else {
        fs::create_symlink(fs::canonical(entry.path()), target);
      }
    }
  }

  /// shared_preload_libraries = citus must load something: a library that does nothing unless it is asked to.
  static void install_extension(const fs::path& lib, const fs::path& extension) {
    for (const auto& entry : fs::directory_iterator(extension))
      if (entry.path().filename().string().starts_with("citus")) fs::remove(entry.path());
    fs::remove(lib / "citus.so");
    fs::copy_file(fs::canonical(lib / "auto_explain.so"), lib / "citus.so");
    for (const auto& entry : fs::directory_iterator(AUTOCTL_SOURCE_DIR "/tests/support/citus_stand_in"))
      fs::copy(entry.path(), extension);
  }

  lab::ScratchDirectory directory_;
  std::string pg_ctl_;
};

Result<CitusServer> choose_server() {
  const char* variable = std::getenv("AUTOCTL_CITUS");
  const std::string wanted = variable != nullptr ? variable : "";
  auto real = find_real_citus();
  return wanted == "real" || (real && wanted != "stand-in") ? real : make_citus_stand_in();
}

}  // namespace

Result<CitusServer> find_real_citus() {
  const auto tools = postgres::find_tools("");
  if (!tools) return fail(tools.error());
  const auto version = installed_version(*tools);
  if (!version) return fail(version.error());
  return CitusServer{true, tools->path("pg_ctl"), "REAL CITUS " + *version};
}

Result<CitusServer> make_citus_stand_in() {
  static std::optional<StandIn> stand_in;
  if (!stand_in) {
    const auto tools = postgres::find_tools("");
    if (!tools) return fail(tools.error());
    auto scratch = lab::ScratchDirectory::make("citus-stand-in-");
    if (!scratch) return fail(std::move(scratch.error()));
    StandIn made(std::move(*scratch));
    AUTOCTL_TRY(made.build(*tools));
    stand_in.emplace(std::move(made));
  }
  return CitusServer{false, stand_in->pg_ctl(),
                     "A STAND-IN OF CITUS' SQL FUNCTIONS, which proves less than the real one"};
}

void say_which_citus(const CitusServer& server) {
  const std::string line = "Tests of Citus formations ran against " + server.description + "\n";
  std::cout << "**** " << line << std::flush;
  if (const char* notes = std::getenv("AUTOCTL_TEST_NOTES")) std::ofstream(notes, std::ios::app) << line;
}

const CitusServer& citus_server() {
  static const CitusServer server = [] {
    auto chosen = choose_server();
    if (chosen) return std::move(*chosen);
    return CitusServer{false, "", "no Citus at all: " + chosen.error().message};
  }();
  return server;
}

}  // namespace autoctl::test
