// list, topology: the members of a formation, as patronictl's users know them.
#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/members.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"

namespace autoctl::cli {

namespace {

struct ListOptions {
  MonitorTarget target;
  Scope scope;
  std::string format = "pretty";
  bool json = false;
};

using MakeSheet = Sheet(const protocol::StateDocument& state, const std::string& formation,
                        std::optional<GroupId> group);

Result<ExitCode> print_members(const ListOptions& options, MakeSheet* make) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.scope.formation, options.scope.group, call_timeout);
  if (!state) return fail(state.error());
  const SheetFormat format =
      options.json ? SheetFormat::json : parse_sheet_format(options.format).value_or(SheetFormat::pretty);
  print(to_text(make(*state, options.scope.formation, options.scope.group), format));
  if (format == SheetFormat::pretty) print(state_trouble(*state));
  return ExitCode::ok;
}

Result<ExitCode> list(const ListOptions& options) {
  return print_members(options, members_sheet);
}

Result<ExitCode> topology(const ListOptions& options) {
  return print_members(options, topology_sheet);
}

void declare(Verb command, ListOptions& options) {
  add_target(command, options.target);
  add_worded_scope(command, options.scope);
  command.add_option("-f,--format", options.format, "how to print it; default: pretty")
      .one_of({"pretty", "tsv", "csv", "json"})
      .type_name("FORMAT");
  command.add_flag("--json", options.json, "the same as --format json, with the keys of patronictl");
}

}  // namespace

void add_list(Verb root, Invocation& invocation) {
  add_command<ListOptions>(root, invocation, "list", "the members of a formation: role, state, timeline and lag",
                           "autoctl list --pgdata /srv/pg default", declare, list);
}

void add_topology(Verb root, Invocation& invocation) {
  add_command<ListOptions>(root, invocation, "topology", "the same as a tree: each primary, and what follows it",
                           "autoctl topology --pgdata /srv/pg default", declare, topology);
}

}  // namespace autoctl::cli
