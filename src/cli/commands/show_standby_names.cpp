#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"
#include "common/fsm/standby_names.h"

namespace autoctl::cli {

namespace {

struct ShowStandbyNamesOptions {
  MonitorTarget target;
  Scope scope;
  bool json = false;
};

Result<ExitCode> show_standby_names(const ShowStandbyNamesOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const GroupId wanted = options.scope.group.value_or(0);
  const auto state = api->state(options.scope.formation, wanted, call_timeout);
  if (!state) return fail(state.error());
  for (const auto& group : state->groups) {
    if (group.formation != options.scope.formation || group.group != wanted) continue;
    const std::string names = sync_names(group.quorum_confirmed, priorities_of(*state));
    print(options.json
              ? pretty({{"formation", group.formation}, {"group", group.group}, {"synchronous_standby_names", names}})
              : fmt::format("'{}'\n", names));
    return ExitCode::ok;
  }
  return fail(Errc::not_found, fmt::format("formation \"{}\" has no group {}", options.scope.formation, wanted),
              "`autoctl show state` lists them");
}

void declare(Verb command, ShowStandbyNamesOptions& options) {
  add_target(command, options.target);
  add_group_scope(command, options.scope);
  add_json(command, options.json);
}

}  // namespace

void add_show_standby_names(Verb show, Invocation& invocation) {
  add_command<ShowStandbyNamesOptions>(show, invocation, "standby-names",
                                       "synchronous_standby_names in force on the primary",
                                       "autoctl show standby-names --pgdata /srv/pg", declare, show_standby_names);
}

}  // namespace autoctl::cli
