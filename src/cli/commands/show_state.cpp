#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/local_state.h"
#include "cli/monitor_connection.h"
#include "cli/output/local_state.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"
#include "cli/watch.h"

namespace autoctl::cli {

namespace {

struct ShowStateOptions {
  MonitorTarget target;
  Scope scope;
  bool local = false;
  bool watch = false;
  bool json = false;
};

/// From this node's disk: the monitor is not asked.
Result<ExitCode> show_local(const ShowStateOptions& options) {
  const auto local = read_local_state(options.target.pgdata);
  if (!local) return fail(local.error());
  protocol::StateDocument state;
  state.nodes.push_back(node_document(*local));
  print(options.json ? pretty(local_state_json(state.nodes.front())) : state_table(state));
  return ExitCode::ok;
}

Result<ExitCode> show_state(const ShowStateOptions& options) {
  if (options.local) return show_local(options);
  if (options.watch) return watch({.target = options.target, .scope = options.scope, .json = options.json});
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.scope.formation, options.scope.group, call_timeout);
  if (!state) return fail(state.error());
  print(options.json ? pretty(state_json(*state)) : state_table(*state, terminal_width()));
  return ExitCode::ok;
}

void declare(Verb command, ShowStateOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  auto local = command.add_flag("--local", options.local,
                                "what the node in PGDATA knows of itself, from its own disk: no monitor is asked");
  command.add_flag("--watch", options.watch, "as `autoctl watch`: state and events, redrawn until Ctrl-C")
      .excludes(local);
  add_json(command, options.json);
}

}  // namespace

void add_show_state(Verb show, Invocation& invocation) {
  add_command<ShowStateOptions>(show, invocation, "state",
                                "every node: its address, its state, its assigned state, and what is wrong",
                                "autoctl show state --pgdata /srv/pg", declare, show_state);
}

}  // namespace autoctl::cli
