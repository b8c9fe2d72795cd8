#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "common/config/checks.h"

namespace autoctl::cli {

namespace {

struct DropFormationOptions {
  MonitorTarget target;
  std::string formation;
};

Result<ExitCode> drop_formation(const DropFormationOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  AUTOCTL_TRY(api->drop_formation(options.formation, call_timeout));
  spdlog::info("Formation \"{}\" has been dropped", options.formation);
  return ExitCode::ok;
}

void declare(Verb command, DropFormationOptions& options) {
  add_changing_target(command, options.target);
  // Not from the environment: what is removed is said where it is removed.
  command.add_option("--formation", options.formation, "the formation to drop")
      .check(config::check_name)
      .required()
      .type_name("NAME");
}

}  // namespace

void add_drop_formation(Verb drop, Invocation& invocation) {
  add_command<DropFormationOptions>(drop, invocation, "formation", "remove a formation that has no nodes left",
                                    "autoctl drop formation --formation shop --pgdata /srv/monitor", declare,
                                    drop_formation);
}

}  // namespace autoctl::cli
