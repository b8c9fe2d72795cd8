// inspect pgsetup: the Postgres of the node or monitor in PGDATA, as this machine shows it.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/local_state.h"
#include "cli/monitor_connection.h"
#include "cli/output/pgsetup.h"
#include "cli/output/print.h"
#include "common/pg/connection.h"
#include "common/postgres/tools.h"
#include "keeper/postgres/instance.h"
#include "keeper/postgres/layout.h"

namespace autoctl::cli {

namespace {

constexpr Millis pgsetup_poll_interval{100};
constexpr Millis pgsetup_ask_timeout{2000};

struct PgsetupOptions {
  std::string pgdata;
  bool json = false;
  bool read_write = false;  // wait
  int timeout_seconds = 30;
};

Result<PgSetup> discover(const std::string& pgdata) {
  const auto config = load_config(pgdata);
  if (!config) return fail(config.error());
  const auto tools = postgres::find_tools(config->pg_ctl);
  if (!tools) return fail(tools.error());
  const auto data = keeper::inspect(*tools, config->pgdata);
  if (!data) return fail(data.error());
  return PgSetup{*config, *tools, *data, find_postmaster(config->pgdata)};
}

Result<ExitCode> pg_ctl(const PgsetupOptions& options) {
  std::string given;
  if (!options.pgdata.empty())
    if (const auto config = load_config(options.pgdata)) given = config->pg_ctl;
  const auto tools = postgres::find_tools(given);
  if (!tools) return fail(tools.error());
  spdlog::info("`autoctl create postgres` would use \"{}\" for Postgres {}", tools->path("pg_ctl"), tools->version);
  if (options.json) print(pretty({{"pg_ctl", tools->path("pg_ctl")}, {"version", tools->version}}));
  return ExitCode::ok;
}

Result<ExitCode> show_setup(const PgsetupOptions& options) {
  const auto setup = discover(options.pgdata);
  if (!setup) return fail(setup.error());
  print(options.json ? pretty(pgsetup_json(*setup)) : pgsetup_text(*setup));
  return ExitCode::ok;
}

/// As the server itself says; false when it says nothing.
bool accepts_writes(const std::optional<postgres::LockFile>& postmaster) {
  if (!postmaster) return false;
  auto connection = pg::Connection::open(
      fmt::format("host={} port={} user={} dbname=postgres", pg::quote_conninfo(postmaster->socket_directory),
                  postmaster->port, pg::quote_conninfo(postgres::os_user())),
      pgsetup_ask_timeout);
  if (!connection) return false;
  const auto rows = connection->query("select not pg_is_in_recovery()", pgsetup_ask_timeout);
  return rows && rows->truth(0, 0);
}

Result<ExitCode> tell(const PgsetupOptions& options, const std::string& status) {
  spdlog::info("Postgres status is: \"{}\"", status);
  if (options.json) print(pretty({{"status", status}}));
  return status == "ready" ? ExitCode::ok : ExitCode::postgres;
}

Result<ExitCode> ready(const PgsetupOptions& options) {
  const auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  return tell(options, status_of(find_postmaster(config->pgdata)));
}

Result<ExitCode> wait(const PgsetupOptions& options) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.timeout_seconds);
  std::string status = "not running";
  for (;; std::this_thread::sleep_for(pgsetup_poll_interval)) {
    const auto config = load_config(options.pgdata);
    if (!config && config.error().code != Errc::not_found) return fail(config.error());
    const auto postmaster = config ? find_postmaster(config->pgdata) : std::nullopt;
    status = status_of(postmaster);
    if (status == "ready" && (!options.read_write || accepts_writes(postmaster))) break;
    if (std::chrono::steady_clock::now() >= deadline) {
      tell(options, status);
      return fail(Errc::timeout,
                  fmt::format("Postgres {} after {} s", options.read_write ? "accepts no writes" : "is not ready",
                              options.timeout_seconds),
                  "`autoctl status`, and the log of `autoctl run`, say why");
    }
  }
  return tell(options, status);
}

std::string newest_log(const std::string& directory) {
  std::error_code error;
  std::filesystem::file_time_type newest;
  std::string found;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error))
    if (entry.is_regular_file(error) && (found.empty() || entry.last_write_time(error) > newest)) {
      newest = entry.last_write_time(error);
      found = entry.path();
    }
  return found;
}

Result<ExitCode> logs(const PgsetupOptions& options) {
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  bool any = false;
  for (const std::string& path : {files->startup_log(), newest_log(files->pgdata + "/log")}) {
    const auto text = path.empty() ? fail(Errc::not_found, "") : config::read_file(path);
    if (!text) continue;
    spdlog::info("Postgres logs from \"{}\":", path);
    print(*text);
    any = true;
  }
  if (any) return ExitCode::ok;
  return fail(Errc::not_found, fmt::format("there is no {} and no log in {}/log", files->startup_log(), files->pgdata),
              "the node's Postgres has not been started yet, or logs elsewhere (log_directory)");
}

Result<ExitCode> tune(const PgsetupOptions& options) {
  const auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  const auto tools = postgres::find_tools(config->pg_ctl);
  if (!tools) return fail(tools.error());
  const auto layout =
      keeper::find_layout(config->pgdata, tools->major, keeper::read_given_files(config::Files(options.pgdata)));
  const auto text = config::read_file(layout.include_file);
  if (!text) return fail(text.error());
  print(*text);
  return ExitCode::ok;
}

void declare(Verb command, PgsetupOptions& options) {
  add_pgdata(command, options.pgdata);
}

void declare_json(Verb command, PgsetupOptions& options) {
  declare(command, options);
  add_json(command, options.json);
}

void declare_wait(Verb command, PgsetupOptions& options) {
  declare_json(command, options);
  command.add_flag("--read-write", options.read_write, "wait until it accepts writes, as only a primary does");
  command.add_option("--timeout", options.timeout_seconds, "how many seconds to wait; default: 30")
      .positive()
      .type_name("SECONDS");
}

}  // namespace

Verb add_inspect_pgsetup(Verb inspect, Invocation& invocation) {
  Verb group = inspect.add_group("pgsetup", "the Postgres of PGDATA: which, where, is it ready");
  add_command<PgsetupOptions>(group, invocation, "pg_ctl", "which pg_ctl `create` would use",
                              "autoctl inspect pgsetup pg_ctl", declare_json, pg_ctl);
  add_command<PgsetupOptions>(group, invocation, "discover", "where the Postgres of PGDATA is and how it stands",
                              "autoctl inspect pgsetup discover --pgdata /srv/pg", declare_json, show_setup);
  add_command<PgsetupOptions>(group, invocation, "ready", "does it take connections? Exit code 11 if not",
                              "autoctl inspect pgsetup ready --pgdata /srv/pg", declare_json, ready);
  add_command<PgsetupOptions>(group, invocation, "wait", "wait until it takes connections",
                              "autoctl inspect pgsetup wait --pgdata /srv/pg --timeout 60", declare_wait, wait);
  add_command<PgsetupOptions>(group, invocation, "logs", "what Postgres wrote at its start, and its newest log",
                              "autoctl inspect pgsetup logs --pgdata /srv/pg", declare, logs);
  add_command<PgsetupOptions>(group, invocation, "tune", "the settings that autoctl gives it",
                              "autoctl inspect pgsetup tune --pgdata /srv/pg", declare, tune);
  return group;
}

}  // namespace autoctl::cli
