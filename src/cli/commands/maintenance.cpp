// enable maintenance, disable maintenance.
#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/operation.h"

namespace autoctl::cli {

namespace {

/// The node in PGDATA, unless another one is named.
Result<> choose_node(OperationOptions& options) {
  if (options.name.empty()) {
    const auto config = load_config(options.target.pgdata);
    if (!config) return fail(config.error());
    if (config->is_monitor())
      return fail(Errc::bad_usage, config->pgdata + " is the monitor's, not a node's", "say with --name which node");
    options.name = config->name;
    options.scope = {config->formation, config->group};
    return {};
  }
  return find_group_of_node(options);
}

Result<ExitCode> enable(const OperationOptions& asked) {
  OperationOptions options = asked;
  AUTOCTL_TRY(choose_node(options));
  AUTOCTL_TRY(run_operation("maintenance", options));
  spdlog::info("Node \"{}\" is in maintenance: its Postgres is yours until `autoctl disable maintenance`",
               options.name);
  return ExitCode::ok;
}

Result<ExitCode> disable(const OperationOptions& asked) {
  OperationOptions options = asked;
  AUTOCTL_TRY(choose_node(options));
  AUTOCTL_TRY(run_operation("end_maintenance", options));
  return ExitCode::ok;
}

void declare_maintenance(Verb command, OperationOptions& options) {
  add_changing_target(command, options.target);
  add_group_scope(command, options.scope);
  command.add_option("--name", options.name, "the node; default: the node in PGDATA").type_name("NODE");
  command.add_option("--wait", options.wait_seconds, "stop waiting after this many seconds; default: 60")
      .positive()
      .type_name("SECONDS");
}

void declare_enable(Verb command, OperationOptions& options) {
  declare_maintenance(command, options);
  command.add_flag("--allow-failover", options.allow_failover, "also when it is the primary: it hands over first");
}

void declare_disable(Verb command, OperationOptions& options) {
  declare_maintenance(command, options);
  command.add_flag("--no-wait", options.no_wait, "do not wait until it is a secondary again");
}

}  // namespace

void add_enable_maintenance(Verb parent, Invocation& invocation) {
  add_command<OperationOptions>(parent, invocation, "maintenance",
                                "take a node out of service: its Postgres may be stopped and changed",
                                "autoctl enable maintenance --pgdata /srv/pg --allow-failover", declare_enable, enable);
}

void add_disable_maintenance(Verb parent, Invocation& invocation) {
  add_command<OperationOptions>(parent, invocation, "maintenance",
                                "take a node back into service: it rejoins its group",
                                "autoctl disable maintenance --pgdata /srv/pg", declare_disable, disable);
}

}  // namespace autoctl::cli
