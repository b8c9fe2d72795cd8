#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/events.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

constexpr Millis follow_wait{20'000};

struct ShowEventsOptions {
  MonitorTarget target;
  Scope scope;
  int count = 10;
  bool follow = false;
  bool json = false;
};

void print_lines(const protocol::EventsDocument& events, const Table& table, bool json) {
  for (const auto& event : events.events) print(json ? event_json(event).dump() + '\n' : table.line(event_row(event)));
}

/// One event a line from here on; ends only with an error or Ctrl-C.
Result<ExitCode> follow(client::MonitorApi& api, const ShowEventsOptions& options, std::int64_t after) {
  const Table table = events_table();
  while (true) {
    const auto events = api.events(
        {.formation = options.scope.formation, .group = options.scope.group, .after = after, .wait = follow_wait},
        call_timeout);
    if (!events) return fail(events.error());
    print_lines(*events, table, options.json);
    after = std::max(after, events->last_id);
  }
}

Result<ExitCode> show_events(const ShowEventsOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto events = api->events(
      {.formation = options.scope.formation, .group = options.scope.group, .count = options.count}, call_timeout);
  if (!events) return fail(events.error());
  if (options.follow) {
    if (!options.json) print(events_table().head());
    print_lines(*events, events_table(), options.json);
    return follow(*api, options, events->last_id);
  }
  Table table = events_table();
  nlohmann::json array = nlohmann::json::array();
  for (const auto& event : events->events) {
    table.add(event_row(event));
    array.push_back(event_json(event));
  }
  print(options.json ? pretty(array) : table.text());
  return ExitCode::ok;
}

void declare(Verb command, ShowEventsOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  command.add_option("--count", options.count, "number of events; default: 10").range(1, 10'000).type_name("N");
  command.add_flag("-f,--follow,--watch", options.follow,
                   "keep printing new events until Ctrl-C (with --json, one object a line)");
  add_json(command, options.json);
}

}  // namespace

void add_show_events(Verb show, Invocation& invocation) {
  add_command<ShowEventsOptions>(show, invocation, "events", "what happened, by which rule, and why",
                                 "autoctl show events --pgdata /srv/pg --count 30", declare, show_events);
}

}  // namespace autoctl::cli
