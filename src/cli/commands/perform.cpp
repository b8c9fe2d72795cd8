#include "cli/commands/commands.h"
#include "cli/operation.h"

namespace autoctl::cli {

namespace {

/// `failover` and `switchover` are one, as in pg_auto_failover.
Result<ExitCode> failover(const OperationOptions& options) {
  OperationOptions asked = options;
  if (options.allow_data_loss) asked.no_wait = true;  // nodes are missing: the others may never follow
  AUTOCTL_TRY(run_operation(options.allow_data_loss ? "forced_failover" : "switchover", asked));
  return ExitCode::ok;
}

Result<ExitCode> promotion(const OperationOptions& asked) {
  OperationOptions options = asked;
  AUTOCTL_TRY(find_group_of_node(options));
  AUTOCTL_TRY(run_operation("promotion", options));
  return ExitCode::ok;
}

void declare_operation(Verb command, OperationOptions& options) {
  add_changing_target(command, options.target);
  add_group_scope(command, options.scope);
  command.add_option("--wait", options.wait_seconds, "stop waiting after this many seconds; default: 60")
      .positive()
      .type_name("SECONDS");
  command.add_flag("--no-wait", options.no_wait, "end as soon as there is a new primary, before the others follow it");
}

void declare_failover(Verb command, OperationOptions& options) {
  declare_operation(command, options);
  command.add_flag(
      "--allow-data-loss", options.allow_data_loss,
      "the primary is lost and no standby can be elected: the most advanced standby that is present takes over; "
      "acknowledged commits that only missing nodes have are lost, and a primary that still runs somewhere "
      "keeps serving until it hears of the new one. Ends as soon as there is a new primary");
}

void declare_promotion(Verb command, OperationOptions& options) {
  declare_operation(command, options);
  from_environment(command.add_option("--name", options.name, "the node to promote"), "NODE_NAME")
      .required()
      .type_name("NODE");
}

}  // namespace

void add_perform(Verb parent, Invocation& invocation) {
  add_command<OperationOptions>(parent, invocation, "failover", "move the primary to the best standby",
                                "autoctl perform failover --pgdata /srv/pg", declare_failover, failover);
  add_command<OperationOptions>(
      parent, invocation, "switchover", "move the primary to the best standby: no commit is lost",
      "autoctl perform switchover --pgdata /srv/pg --formation default", declare_failover, failover);
  add_command<OperationOptions>(parent, invocation, "promotion", "move the primary to the standby that is named",
                                "autoctl perform promotion --pgdata /srv/pg --name node2", declare_promotion,
                                promotion);
}

}  // namespace autoctl::cli
