#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/timeline.h"

namespace autoctl::cli {

namespace {

struct ShowTimelineOptions {
  MonitorTarget target;
  Scope scope;
  bool json = false;
};

Result<ExitCode> show_timeline(const ShowTimelineOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.scope.formation, options.scope.group, call_timeout);
  if (!state) return fail(state.error());
  print(options.json ? pretty(timeline_json(*state)) : timeline_table(*state));
  return ExitCode::ok;
}

void declare(Verb command, ShowTimelineOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  add_json(command, options.json);
}

}  // namespace

void add_show_timeline(Verb show, Invocation& invocation) {
  add_command<ShowTimelineOptions>(show, invocation, "timeline",
                                   "the timelines of a group, and which nodes have left the primary's history",
                                   "autoctl show timeline --pgdata /srv/pg", declare, show_timeline);
}

}  // namespace autoctl::cli
