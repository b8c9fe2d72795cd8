// pause, resume: of a formation's automation.
#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"

namespace autoctl::cli {

namespace {

struct PauseOptions {
  MonitorTarget target;
  std::string formation = "default";
};

Result<ExitCode> set_paused(const PauseOptions& options, bool paused) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto changed = api->change_settings({options.formation, {{"paused", paused ? "true" : "false"}}}, call_timeout);
  if (!changed) return fail(changed.error());
  if (paused)
    spdlog::info(
        "Formation \"{}\" is paused: nothing begins by itself, not even a failover; `autoctl show events` tells what "
        "would",
        options.formation);
  else
    spdlog::info("Formation \"{}\" is no longer paused", options.formation);
  return ExitCode::ok;
}

Result<ExitCode> pause(const PauseOptions& options) {
  return set_paused(options, true);
}

Result<ExitCode> resume(const PauseOptions& options) {
  return set_paused(options, false);
}

void declare(Verb command, PauseOptions& options) {
  add_changing_target(command, options.target);
  add_worded_formation(command, options.formation);
}

}  // namespace

void add_pause(Verb root, Invocation& invocation) {
  add_command<PauseOptions>(root, invocation, "pause",
                            "let nothing happen by itself in a formation, not even a failover",
                            "autoctl pause --pgdata /srv/pg --formation default", declare, pause);
}

void add_resume(Verb root, Invocation& invocation) {
  add_command<PauseOptions>(root, invocation, "resume", "end a formation's pause",
                            "autoctl resume --pgdata /srv/pg --formation default", declare, resume);
}

}  // namespace autoctl::cli
