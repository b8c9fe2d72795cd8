// history: which timelines a group has had, and what ended each of them.
#include "cli/output/history.h"

#include <algorithm>
#include <iterator>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct HistoryOptions {
  MonitorTarget target;
  Scope scope;
  std::string format = "pretty";
  bool json = false;
};

/// All that the monitor still has of one group, in pages as large as it gives.
Result<std::vector<protocol::EventDocument>> all_events(client::MonitorApi& api, const Scope& scope, GroupId group) {
  std::vector<protocol::EventDocument> all;
  for (std::int64_t after = 0;;) {
    auto page = api.events({.formation = scope.formation, .group = group, .after = after}, call_timeout);
    if (!page) return fail(page.error());
    if (page->events.empty()) return all;
    after = page->events.back().id;
    std::ranges::move(page->events, std::back_inserter(all));
  }
}

Result<ExitCode> history(const HistoryOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.scope.formation, options.scope.group, call_timeout);
  if (!state) return fail(state.error());
  if (state->groups.size() > 1)
    return fail(Errc::bad_usage,
                "formation \"" + options.scope.formation + "\" has several groups, each with a history",
                "say which one with --group");
  if (state->groups.empty())
    return fail(Errc::not_found, "formation \"" + options.scope.formation + "\" has no such group",
                "`autoctl list` shows what there is");
  const auto events = all_events(*api, options.scope, state->groups.front().group);
  if (!events) return fail(events.error());
  const SheetFormat format =
      options.json ? SheetFormat::json : parse_sheet_format(options.format).value_or(SheetFormat::pretty);
  print(to_text(history_sheet(state->nodes, *events), format));
  return ExitCode::ok;
}

void declare(Verb command, HistoryOptions& options) {
  add_target(command, options.target);
  add_worded_scope(command, options.scope);
  command.add_option("-f,--format", options.format, "how to print it; default: pretty")
      .one_of({"pretty", "tsv", "csv", "json"})
      .type_name("FORMAT");
  command.add_flag("--json", options.json, "the same as --format json, with the keys of patronictl");
}

}  // namespace

void add_history(Verb root, Invocation& invocation) {
  add_command<HistoryOptions>(root, invocation, "history",
                              "each change of a group's primary: the timeline that ended, where, when and why",
                              "autoctl history --pgdata /srv/pg default", declare, history);
}

}  // namespace autoctl::cli
