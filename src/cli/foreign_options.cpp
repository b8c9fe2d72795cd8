#include "cli/foreign_options.h"

namespace autoctl::cli {

namespace {

constexpr const char* not_here = "pg_autoctl's; says what to do instead";

}  // namespace

void declare_foreign_of_nodes(Verb command, ForeignOptions& options) {
  command.add_flag("--disable-monitor", options.disable_monitor, not_here).hide();
  command.add_option("--node-id", options.node_id, not_here).hide();
  command.add_option("--replication-password", options.replication_password, not_here).hide();
}

void declare_foreign_of_monitors(Verb command, ForeignOptions& options) {
  command.add_option("--autoctl-node-password", options.autoctl_node_password, not_here).hide();
}

Result<> refuse_foreign(const ForeignOptions& options) {
  if (options.disable_monitor)
    return fail(
        Errc::bad_usage, "--disable-monitor: without a monitor nobody decides which node is the primary",
        "`autoctl create monitor` first, then --monitor here; a single Postgres without failover needs no autoctl");
  if (options.node_id)
    return fail(Errc::bad_usage, "--node-id: the monitor numbers the nodes", "leave it out; --name is yours to choose");
  if (options.replication_password)
    return fail(Errc::bad_usage, "--replication-password: each node makes a password of its own, which only it has",
                "leave it out; `autoctl rotate password` replaces it later");
  if (options.autoctl_node_password)
    return fail(Errc::bad_usage,
                "--autoctl-node-password: nodes have credentials of their own and do not log in as that role",
                "leave it out, and let nodes join with `autoctl token create`; who needs the role's password: `select "
                "autoctl.set_node_password('…')` in the monitor's Postgres");
  return {};
}

}  // namespace autoctl::cli
