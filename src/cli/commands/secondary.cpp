// enable secondary, disable secondary: may the groups of a formation have standbys?
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct SecondaryOptions {
  MonitorTarget target;
  std::string formation = "default";
  bool json = false;
};

Result<ExitCode> allow(const SecondaryOptions& options, bool secondaries) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto changed =
      api->change_settings({options.formation, {{"secondaries", secondaries ? "true" : "false"}}}, call_timeout);
  if (!changed) return fail(changed.error());
  if (secondaries)
    spdlog::info("Groups of formation \"{}\" may have standbys: further nodes join as standbys", options.formation);
  else
    spdlog::info("Formation \"{}\" has one node for each group: no node takes over when it is lost", options.formation);
  if (options.json) print(pretty({{"formation", options.formation}, {"secondary", secondaries}}));
  return ExitCode::ok;
}

Result<ExitCode> enable(const SecondaryOptions& options) {
  return allow(options, true);
}

Result<ExitCode> disable(const SecondaryOptions& options) {
  return allow(options, false);
}

void declare(Verb command, SecondaryOptions& options) {
  add_changing_target(command, options.target);
  add_formation(command, options.formation);
  add_json(command, options.json);
}

}  // namespace

void add_enable_secondary(Verb parent, Invocation& invocation) {
  add_command<SecondaryOptions>(parent, invocation, "secondary", "let the groups of a formation have standbys",
                                "autoctl enable secondary --pgdata /srv/pg --formation shop", declare, enable);
}

void add_disable_secondary(Verb parent, Invocation& invocation) {
  add_command<SecondaryOptions>(parent, invocation, "secondary",
                                "let each group of a formation have one node only; refused while one has standbys",
                                "autoctl disable secondary --pgdata /srv/pg --formation shop", declare, disable);
}

}  // namespace autoctl::cli
