#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct SetFormationOptions {
  MonitorTarget target;
  std::string formation = "default";
  std::string setting;
  std::string value;
  bool json = false;
};

/// As `get formation` has it: a number or a truth as such.
nlohmann::json value_json(const std::string& value) {
  const auto parsed = nlohmann::json::parse(value, nullptr, false);
  return parsed.is_number() || parsed.is_boolean() ? parsed : nlohmann::json(value);
}

Result<ExitCode> set_formation(const SetFormationOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  // pg_autoctl spells them with dashes.
  std::string name = options.setting;
  std::ranges::replace(name, '-', '_');
  const auto changed = api->change_settings({options.formation, {{name, options.value}}}, call_timeout);
  if (!changed) return fail(changed.error());
  spdlog::info("{} of formation \"{}\" is now {}", name, options.formation, options.value);
  std::ranges::replace(name, '_', '-');
  if (options.json) print(pretty({{name, value_json(options.value)}}));
  return ExitCode::ok;
}

void declare(Verb command, SetFormationOptions& options) {
  add_changing_target(command, options.target);
  add_formation(command, options.formation);
  command.add_option("setting", options.setting, "as `autoctl show settings` names it").required();
  command.add_option("value", options.value, "its new value; durations in ms").required();
  add_json(command, options.json);
}

}  // namespace

void add_set_formation(Verb set, Invocation& invocation) {
  add_command<SetFormationOptions>(set, invocation, "formation", "change one of a formation's settings",
                                   "autoctl set formation number-sync-standbys 1 --pgdata /srv/pg", declare,
                                   set_formation);
}

}  // namespace autoctl::cli
