#include "keeper/postgres/adopted_files.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "common/postgres/tools.h"
#include "keeper/postgres/session.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// What is in force, whatever the command line was; nullopt when no server answers.
std::optional<GivenFiles> files_in_force(const std::string& pgdata) {
  Session session(pgdata);
  const auto rows = session.query(
      "select current_setting('config_file'), current_setting('hba_file'), current_setting('ident_file')", {}, 5s);
  if (!rows) return std::nullopt;
  return GivenFiles{rows->text(0, 0), rows->text(0, 1), rows->text(0, 2)};
}

/// autoctl replaces files whole: it writes a new one beside, and renames it.
Result<> check_usable(const std::string& path, const char* what) {
  const std::string user = postgres::os_user();
  std::error_code error;
  const fs::path target = fs::canonical(path, error);
  if (error || ::access(target.c_str(), R_OK) != 0)
    return fail(Errc::denied,
                std::string(what) + " " + path + " cannot be read: " + (error ? error.message() : std::strerror(errno)),
                "let " + user + " read it");
  const std::string directory = target.parent_path().string();
  if (::access(directory.c_str(), W_OK | X_OK) == 0) return {};
  return fail(Errc::denied, "cannot write to " + directory + ", where " + what + " is: " + std::strerror(errno),
              "autoctl keeps its part of the configuration there: let " + user + " write to that directory");
}

}  // namespace

Result<GivenFiles> find_configuration(const config::Config& config, const DataDirectory& found,
                                      const std::string& config_file) {
  GivenFiles given{config_file, {}, {}};
  if (!found.exists) return given;
  const std::string inside = config.pgdata + "/postgresql.conf";
  const auto in_force = files_in_force(config.pgdata);
  if (in_force) given.config_file = is_same(in_force->config_file, inside) ? "" : in_force->config_file;
  Layout layout = find_layout(config.pgdata, found.major, given);
  given.config_file = layout.config_outside() ? layout.config_file : "";
  // Named on the command line only, or by a relative path there: nothing else would tell at the next start.
  if (in_force && !is_same(layout.hba_file, in_force->hba_file)) given.hba_file = in_force->hba_file;
  if (in_force && !is_same(layout.ident_file, in_force->ident_file)) given.ident_file = in_force->ident_file;
  layout = find_layout(config.pgdata, found.major, given);

  std::error_code error;
  if (!layout.config_outside() && !fs::exists(inside, error)) {
    if (found.standby_signal || found.fresh_backup || found.control_missing) return given;
    return fail(
        Errc::not_found, "there is no postgresql.conf in " + config.pgdata + ", and nothing tells where it is instead",
        "give the directory with postgresql.conf as --pgdata if it has data_directory, or start Postgres as you "
        "usually do and try again");
  }
  AUTOCTL_TRY(check_usable(layout.config_file, "postgresql.conf"));
  if (!config.skip_pg_hba && fs::exists(layout.hba_file, error))
    AUTOCTL_TRY(check_usable(layout.hba_file, "pg_hba.conf"));
  if (layout.config_outside()) spdlog::info("Postgres' configuration stays in {}", layout.config_file);
  return given;
}

}  // namespace autoctl::keeper
