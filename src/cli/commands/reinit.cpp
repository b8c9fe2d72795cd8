// reinit: a standby whose data is not trusted gets another copy of the primary's.
//
// It leaves the quorum first, as for maintenance, so no commit is counted on what is thrown away, and no election needs
// it. The copy is made beside the old data and takes its place when it is complete.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/confirm.h"
#include "cli/monitor_connection.h"
#include "cli/operation.h"

namespace autoctl::cli {

namespace {

struct ReinitOptions {
  MonitorTarget target;
  Scope scope;
  std::vector<std::string> words;  // [FORMATION] NODE
  bool force = false;
  bool wait = false;
  int wait_seconds = 60 * 60;
};

Result<protocol::NodeDocument> find_standby(const OperationOptions& operation) {
  auto api = connect_monitor(operation.target);
  if (!api) return fail(api.error());
  const auto state = api->state(operation.scope.formation, operation.scope.group, call_timeout);
  if (!state) return fail(state.error());
  const auto node = std::ranges::find(state->nodes, operation.name, &protocol::NodeDocument::name);
  if (node == state->nodes.end())
    return fail(Errc::not_found,
                fmt::format("there is no node '{}' in formation '{}'", operation.name, operation.scope.formation),
                "`autoctl list` names the nodes");
  if (is_leader_state(node->assigned))
    return fail(Errc::conflict, operation.name + " is the primary: its data is what the others are copied from",
                "`autoctl perform switchover` first, if it is to be copied from its successor");
  return *node;
}

OperationOptions operation_of(const ReinitOptions& options) {
  OperationOptions operation;
  operation.target = options.target;
  operation.scope = options.scope;
  if (options.words.size() > 1) operation.scope.formation = options.words.front();
  operation.name = options.words.back();
  operation.wait_seconds = options.wait_seconds;
  operation.no_wait = !options.wait;
  return operation;
}

Result<ExitCode> reinit(const ReinitOptions& options) {
  OperationOptions operation = operation_of(options);
  const auto node = find_standby(operation);
  if (!node) return fail(node.error());
  operation.scope.group = node->group;
  AUTOCTL_TRY(confirm(fmt::format("Are you sure you want to replace all data of {} ({}:{}) by a copy of the primary's?",
                                  node->name, node->host, node->port),
                      options.force));
  if (node->assigned != NodeState::maintenance) AUTOCTL_TRY(run_operation("maintenance", operation));
  if (auto begun = run_operation("reinit", operation); !begun) {
    if (begun.error().hint.empty())
      begun.error().hint = "it may be in maintenance now: `autoctl reinit` again, or `autoctl disable maintenance`";
    return fail(std::move(begun.error()));
  }
  const char* now = options.wait ? "has a fresh copy and is a secondary again"
                                 : "is being copied; `autoctl list` shows how far it is";
  spdlog::info("Node \"{}\" {}", node->name, now);
  return ExitCode::ok;
}

void declare(Verb command, ReinitOptions& options) {
  add_changing_target(command, options.target);
  add_scope(command, options.scope);
  command.add_option("node", options.words, "the standby; before it, its formation, unless that is --formation's")
      .required()
      .expected(1, 2)
      .type_name("[FORMATION] NODE");
  command.add_flag("--force", options.force, "do not ask");
  command.add_flag("--wait", options.wait, "end when it is a secondary again");
  command.add_option("--timeout", options.wait_seconds, "stop waiting after this many seconds; default: 3600")
      .positive()
      .type_name("SECONDS");
}

}  // namespace

void add_reinit(Verb root, Invocation& invocation) {
  add_command<ReinitOptions>(root, invocation, "reinit", "replace a standby's data by a fresh copy of the primary's",
                             "autoctl reinit --pgdata /srv/pg node_2 --wait", declare, reinit);
}

}  // namespace autoctl::cli
