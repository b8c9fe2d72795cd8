#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/settings.h"

namespace autoctl::cli {

namespace {

struct ShowSettingsOptions {
  MonitorTarget target;
  Scope scope;
  bool json = false;
};

Result<ExitCode> show_settings(const ShowSettingsOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto settings = api->settings(options.scope.formation, call_timeout);
  if (!settings) return fail(settings.error());
  const auto state = api->state(options.scope.formation, options.scope.group, call_timeout);
  if (!state) return fail(state.error());
  print(options.json ? pretty(settings_json(*settings, *state)) : settings_table(*settings, *state));
  return ExitCode::ok;
}

void declare(Verb command, ShowSettingsOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  add_json(command, options.json);
}

}  // namespace

void add_show_settings(Verb show, Invocation& invocation) {
  add_command<ShowSettingsOptions>(show, invocation, "settings",
                                   "the formation's and the nodes' settings; durations in ms",
                                   "autoctl show settings --pgdata /srv/pg", declare, show_settings);
}

}  // namespace autoctl::cli
