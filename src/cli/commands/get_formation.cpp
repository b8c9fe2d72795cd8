#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/settings.h"

namespace autoctl::cli {

namespace {

struct GetFormationOptions {
  MonitorTarget target;
  std::string formation = "default";
  bool json = false;
};

Result<ExitCode> get_settings(const GetFormationOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto settings = api->settings(options.formation, call_timeout);
  if (!settings) return fail(settings.error());
  const auto state = api->state(options.formation, std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  print(options.json ? pretty(settings_json(*settings, *state)) : settings_table(*settings, *state));
  return ExitCode::ok;
}

Result<ExitCode> get_sync_standbys(const GetFormationOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto settings = api->settings(options.formation, call_timeout);
  if (!settings) return fail(settings.error());
  for (const auto& [name, value] : settings->values)
    if (name == "number_sync_standbys")
      print(options.json ? pretty({{"number-sync-standbys", std::stoi(value)}}) : value + "\n");
  return ExitCode::ok;
}

void declare(Verb command, GetFormationOptions& options) {
  add_target(command, options.target);
  add_formation(command, options.formation);
  add_json(command, options.json);
}

}  // namespace

void add_get_formation(Verb get, Invocation& invocation) {
  Verb formation = get.add_group("formation", "print a setting of a formation");
  add_command<GetFormationOptions>(formation, invocation, "settings",
                                   "the formation's and the nodes' settings; durations in ms",
                                   "autoctl get formation settings --pgdata /srv/pg", declare, get_settings);
  add_command<GetFormationOptions>(
      formation, invocation, "number-sync-standbys", "how many acknowledgements must stay available",
      "autoctl get formation number-sync-standbys --pgdata /srv/pg", declare, get_sync_standbys);
}

}  // namespace autoctl::cli
