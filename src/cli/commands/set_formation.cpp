#include <spdlog/spdlog.h>

#include <algorithm>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"

namespace autoctl::cli {

namespace {

struct SetFormationOptions {
  MonitorTarget target;
  std::string formation = "default";
  std::string setting;
  std::string value;
};

Result<ExitCode> set_formation(const SetFormationOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  // pg_autoctl spells them with dashes.
  std::string name = options.setting;
  std::ranges::replace(name, '-', '_');
  const auto changed = api->change_settings({options.formation, {{name, options.value}}}, call_timeout);
  if (!changed) return fail(changed.error());
  spdlog::info("{} of formation \"{}\" is now {}", name, options.formation, options.value);
  return ExitCode::ok;
}

void declare(Verb command, SetFormationOptions& options) {
  add_changing_target(command, options.target);
  add_formation(command, options.formation);
  command.add_option("setting", options.setting, "as `autoctl show settings` names it").required();
  command.add_option("value", options.value, "its new value; durations in ms").required();
}

}  // namespace

void add_set_formation(Verb set, Invocation& invocation) {
  add_command<SetFormationOptions>(set, invocation, "formation", "change one of a formation's settings",
                                   "autoctl set formation number-sync-standbys 1 --pgdata /srv/pg", declare,
                                   set_formation);
}

}  // namespace autoctl::cli
