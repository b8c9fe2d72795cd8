#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"

namespace autoctl::cli {

namespace {

struct ShowStateOptions {
  MonitorTarget target;
  Scope scope;
  bool json = false;
};

Result<ExitCode> show_state(const ShowStateOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.scope.formation, options.scope.group, call_timeout);
  if (!state) return fail(state.error());
  print(options.json ? pretty(state_json(*state)) : state_table(*state));
  return ExitCode::ok;
}

void declare(Verb command, ShowStateOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  add_json(command, options.json);
}

}  // namespace

void add_show_state(Verb show, Invocation& invocation) {
  add_command<ShowStateOptions>(show, invocation, "state",
                                "every node: its address, its state, its assigned state, and what is wrong",
                                "autoctl show state --pgdata /srv/pg", declare, show_state);
}

}  // namespace autoctl::cli
