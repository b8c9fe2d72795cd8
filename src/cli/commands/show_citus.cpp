#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/citus.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct ShowCitusOptions {
  MonitorTarget target;
  std::string formation = "default";
  bool json = false;
};

Result<ExitCode> show_citus(const ShowCitusOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state(options.formation, std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  if (state->citus.empty())
    return fail(Errc::conflict, "formation \"" + options.formation + "\" is not a Citus formation",
                "`autoctl create coordinator` creates one");
  print(options.json ? pretty(citus_json(*state)) : citus_table(*state));
  return ExitCode::ok;
}

void declare(Verb command, ShowCitusOptions& options) {
  add_target(command, options.target);
  from_environment(command.add_option("--formation", options.formation, "formation to look at"), "FORMATION")
      .type_name("NAME")
      .capture_default_str();
  add_json(command, options.json);
}

}  // namespace

void add_show_citus(Verb show, Invocation& invocation) {
  add_command<ShowCitusOptions>(show, invocation, "citus",
                                "where each group's statements should go, where pg_dist_node sends them, what differs",
                                "autoctl show citus --pgdata /srv/coord", declare, show_citus);
}

}  // namespace autoctl::cli
