#include "cli/commands/commands.h"
#include "cli/create_checks.h"
#include "cli/monitor_connection.h"
#include "keeper/agent/daemon.h"
#include "monitor/daemon.h"

namespace autoctl::cli {

namespace {

struct RunOptions {
  std::string pgdata;
};

Result<ExitCode> run(const RunOptions& options) {
  AUTOCTL_TRY(refuse_root());
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  const auto config = config::load(*files);
  if (!config) return fail(config.error());
  AUTOCTL_TRY(check_ownership(files->pgdata));
  return ExitCode{config->is_monitor() ? monitor::run_monitor(*files) : keeper::run_keeper(*files)};
}

}  // namespace

void add_run(Verb root, Invocation& invocation) {
  add_command<RunOptions>(
      root, invocation, "run", "run the monitor or the node that was created in PGDATA, until SIGTERM",
      "autoctl run --pgdata /srv/pg", [](Verb command, RunOptions& options) { add_pgdata(command, options.pgdata); },
      run);
}

}  // namespace autoctl::cli
