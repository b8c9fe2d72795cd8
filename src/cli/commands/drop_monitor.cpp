#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/create_checks.h"
#include "cli/monitor_connection.h"
#include "monitor/daemon.h"

namespace autoctl::cli {

namespace {

struct DropMonitorOptions {
  std::string pgdata;
  bool destroy = false;
};

Result<ExitCode> drop_monitor(const DropMonitorOptions& options) {
  const auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  if (!config->is_monitor())
    return fail(Errc::bad_usage, config->pgdata + " is a node's, not a monitor's", "`autoctl drop node` drops a node");
  AUTOCTL_TRY(check_ownership(config->pgdata));
  AUTOCTL_TRY(monitor::drop_monitor(config::Files(options.pgdata), options.destroy));
  spdlog::info("The monitor in \"{}\" has been {}", config->pgdata, options.destroy ? "destroyed" : "dropped");
  return ExitCode::ok;
}

void declare(Verb command, DropMonitorOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_flag("--destroy", options.destroy, "also remove PGDATA: what the monitor knows about all formations");
}

}  // namespace

void add_drop_monitor(Verb drop, Invocation& invocation) {
  add_command<DropMonitorOptions>(drop, invocation, "monitor", "stop and remove the monitor in PGDATA",
                                  "autoctl drop monitor --pgdata /srv/monitor --destroy", declare, drop_monitor);
}

}  // namespace autoctl::cli
