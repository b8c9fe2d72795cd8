// A new database cluster.
#include <langinfo.h>
#include <locale.h>

#include <cstring>
#include <filesystem>

#include "common/postgres/tools.h"
#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/markers.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// UTF-8, unless the environment asks for something else. A locale that the machine does not have would make initdb
/// fail.
std::vector<std::string> locale_options() {
  const locale_t locale = ::newlocale(LC_ALL_MASK, "", nullptr);
  if (locale == nullptr) return {"--locale=C.UTF-8", "--encoding=UTF8"};
  const std::string codeset = ::nl_langinfo_l(CODESET, locale);
  ::freelocale(locale);
  if (codeset == "UTF-8" || codeset == "ANSI_X3.4-1968") return {"--encoding=UTF8"};
  return {};
}

Result<> remove_contents(const std::string& directory) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    fs::remove_all(entry.path(), error);
    if (error) return fail(Errc::system, "cannot remove " + entry.path().string() + ": " + error.message());
  }
  return {};
}

}  // namespace

Result<> Instance::initdb(const Cancelled& cancelled) {
  const auto& files = impl_->files;
  if (is_marked(files, Marker::initdb)) AUTOCTL_TRY(remove_contents(files.pgdata));
  const auto found = inspect();
  if (!found) return fail(found.error());
  if (found->exists)
    return fail(Errc::conflict, files.pgdata + " is not empty", "Choose an empty or new directory with --pgdata");
  AUTOCTL_TRY(set_marker(files, Marker::initdb));

  const std::string& auth = impl_->config.auth;
  // initdb's own lines are for connections without TLS, too, and no certificate is shown there.
  const std::string for_hosts = auth == "cert" ? "scram-sha-256" : auth;
  std::vector<std::string> arguments = {"-D",
                                        files.pgdata,
                                        "--data-checksums",
                                        "--no-sync",
                                        "--auth-host=" + for_hosts,
                                        auth == "trust" ? "--auth-local=trust" : "--auth-local=peer"};
  if (!impl_->config.waldir.empty()) arguments.push_back("--waldir=" + impl_->config.waldir);
  for (auto& option : locale_options()) arguments.push_back(std::move(option));
  const auto done = run(postgres::tool_command(impl_->tools, "initdb", std::move(arguments)), 1h, cancelled);
  if (done && done->ok()) {
    AUTOCTL_TRY(sync_data_directory(files.pgdata));
    return clear_marker(files, Marker::initdb);
  }

  // Whatever it was, it leaves nothing behind: initdb removes its files itself unless it was killed.
  static_cast<void>(remove_contents(files.pgdata));
  static_cast<void>(clear_marker(files, Marker::initdb));
  if (!done) return fail(done.error());
  return fail(Errc::postgres, "initdb failed: " + postgres::last_lines(done->output, 4));
}

}  // namespace autoctl::keeper
