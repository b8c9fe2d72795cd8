// Which installation of Postgres: by the given pg_ctl, $PATH, or the usual places.
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "keeper/postgres/environment.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int oldest_major = 13;
constexpr int newest_major = 18;

bool executable(const std::string& path) {
  return ::access(path.c_str(), X_OK) == 0 && !fs::is_directory(path);
}

std::string in_path(const std::string& program) {
  const char* variable = std::getenv("PATH");
  std::istringstream directories(variable != nullptr ? variable : "");
  std::string directory;
  while (std::getline(directories, directory, ':'))
    if (directory.starts_with('/') && executable(directory + "/" + program)) return directory + "/" + program;
  return {};
}

/// Highest supported major first.
std::vector<std::string> usual_places() {
  std::vector<std::string> places;
  for (int major = newest_major; major >= oldest_major; --major) {
    places.push_back("/usr/lib/postgresql/" + std::to_string(major) + "/bin/pg_ctl");
    places.push_back("/usr/pgsql-" + std::to_string(major) + "/bin/pg_ctl");
  }
  return places;
}

/// "postgres (PostgreSQL) 15.4 (Debian 15.4-1)" -> "15.4"; "17beta1" and "18devel" as they are.
std::string version_in(const std::string& output) {
  static constexpr std::string_view before = "(PostgreSQL) ";
  const auto at = output.find(before);
  if (at == std::string::npos) return {};
  const auto from = at + before.size();
  return output.substr(from, output.find_first_of(" \n", from) - from);
}

Result<Tools> look_at(const std::string& pg_ctl) {
  std::error_code error;
  // $PATH often has a symbolic link (/usr/bin/pg_ctl); the other tools are beside the real one.
  const fs::path real = fs::canonical(pg_ctl, error);
  if (error) return fail(Errc::not_found, "there is no " + pg_ctl, "Give the path of pg_ctl with --pgctl");
  Tools tools;
  tools.bindir = real.parent_path().string();
  for (const char* tool : {"pg_ctl", "postgres", "initdb", "pg_controldata", "pg_basebackup", "pg_rewind"})
    if (!executable(tools.path(tool)))
      return fail(Errc::not_found, "there is no " + tools.path(tool), "Install PostgreSQL's server package");
  const auto output = run(tool_command(tools, "postgres", {"--version"}), 30s);
  if (!output) return fail(output.error());
  tools.version = version_in(output->output);
  tools.major = std::atoi(tools.version.c_str());
  if (tools.major < oldest_major || tools.major > newest_major)
    return fail(Errc::incompatible, tools.path("postgres") + " is PostgreSQL " + tools.version,
                "PostgreSQL " + std::to_string(oldest_major) + " to " + std::to_string(newest_major) +
                    " are supported; choose one with --pgctl");
  return tools;
}

}  // namespace

Result<Tools> find_tools(const std::string& pg_ctl) {
  if (!pg_ctl.empty()) return look_at(pg_ctl);
  if (const std::string found = in_path("pg_ctl"); !found.empty()) return look_at(found);
  for (const auto& place : usual_places())
    if (executable(place)) return look_at(place);
  return fail(Errc::not_found, "PostgreSQL is not installed, or not in a usual place",
              "Install PostgreSQL 13 to 18, or give the path of pg_ctl with --pgctl");
}

}  // namespace autoctl::keeper
