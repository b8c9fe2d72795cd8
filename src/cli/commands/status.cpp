#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/local_state.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/port_probe.h"
#include "common/postgres/tools.h"
#include "common/util/pid_file.h"
#include "common/util/version.h"

namespace autoctl::cli {

namespace {

constexpr Millis probe_timeout{2000};
constexpr Millis status_timeout{2000};

struct StatusOptions {
  std::string pgdata;
  bool json = false;
};

struct Status {
  config::Config config;
  std::optional<pid_t> daemon;
  std::optional<postgres::LockFile> postmaster;  // of a process that lives
  PortState port = PortState::unknown;
  std::string version;             // of Postgres' programs; empty: there are none
  std::string reported, assigned;  // as the monitor knows them; empty: it did not say
};

/// What the monitor thinks of this node; best effort, because status must answer where the monitor is away.
void ask_monitor(Status& status) {
  MonitorTarget target;
  target.pgdata = status.config.pgdata;
  auto api = connect_monitor(target);
  if (!api) return;
  const auto state = api->state(status.config.formation, status.config.group, status_timeout);
  if (!state) return;
  for (const auto& node : state->nodes) {
    if (node.id != status.config.node) continue;
    status.reported = to_string(node.reported);
    status.assigned = to_string(node.assigned);
  }
}

Result<Status> look(const config::Files& files) {
  auto config = config::load(files);
  if (!config) return fail(config.error());
  Status status{*config, {}, find_postmaster(files.pgdata), PortState::unknown, {}, {}, {}};
  if (const auto tools = postgres::find_tools(config->pg_ctl)) status.version = tools->version;
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  status.daemon = *pid;
  if (status.postmaster) status.port = postgres::probe_postgres("127.0.0.1", status.config.pgport, probe_timeout);
  if (!status.config.is_monitor()) ask_monitor(status);
  return status;
}

nlohmann::json json_of(const Status& status) {
  const config::Config& config = status.config;
  nlohmann::json document = {
      {"postgres",
       {{"pgdata", config.pgdata},
        {"pg_ctl", config.pg_ctl},
        {"host", config.pghost},
        {"port", config.pgport},
        {"proxyport", config.proxy_port},
        {"version", status.version},
        {"in_recovery", std::filesystem::exists(config.pgdata + "/standby.signal")},
        {"pid", nullptr},
        {"postmaster", {{"status", status.port == PortState::open ? "ready" : to_string(status.port)}}}}},
      {"pg_autoctl",
       {{"pid", nullptr},
        {"status", status.daemon ? "running" : "not running"},
        {"pgdata", config.pgdata},
        {"version", program_version}}},
      {"role", config.role},
      {"current_group_state", status.reported},
      {"assigned_group_state", status.assigned}};
  if (status.daemon) document["pg_autoctl"]["pid"] = *status.daemon;
  if (status.postmaster) document["postgres"]["pid"] = status.postmaster->pid;
  return document;
}

void log(const Status& status) {
  const config::Config& config = status.config;
  if (status.daemon)
    spdlog::info("autoctl is running with pid {}", *status.daemon);
  else
    spdlog::warn("autoctl is not running for \"{}\"", config.pgdata);
  if (!status.postmaster)
    spdlog::warn("Postgres is not running in \"{}\"", config.pgdata);
  else if (status.port == PortState::open)
    spdlog::info("Postgres is serving PGDATA \"{}\" on port {} with pid {}", config.pgdata, config.pgport,
                 status.postmaster->pid);
  else
    spdlog::warn("Postgres runs with pid {}, but its port {} does not answer", status.postmaster->pid, config.pgport);
  if (!status.reported.empty())
    spdlog::info("The monitor knows node {} \"{}\" as {}, and wants it to be {}", config.node.value, config.name,
                 status.reported, status.assigned);
}

Result<ExitCode> status(const StatusOptions& options) {
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  const auto found = look(*files);
  if (!found) return fail(found.error());
  log(*found);
  if (options.json) print(pretty(json_of(*found)));
  if (!found->daemon) return ExitCode::not_running;
  return found->port == PortState::open ? ExitCode::ok : ExitCode::unhealthy;
}

void declare(Verb command, StatusOptions& options) {
  add_pgdata(command, options.pgdata);
  add_json(command, options.json);
}

}  // namespace

void add_status(Verb root, Invocation& invocation) {
  add_command<StatusOptions>(root, invocation, "status", "whether the daemon and Postgres of PGDATA run",
                             "autoctl status --pgdata /srv/pg", declare, status);
}

}  // namespace autoctl::cli
