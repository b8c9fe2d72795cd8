#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "common/util/pid_file.h"

namespace autoctl::cli {

namespace {

struct ReloadOptions {
  std::string pgdata;
};

Result<ExitCode> reload(const ReloadOptions& options) {
  // A broken file is better found here than in the daemon's log.
  if (const auto config = load_config(options.pgdata); !config) return fail(config.error());
  const config::Files files(options.pgdata);
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  if (!*pid) {
    spdlog::info("autoctl is not running for \"{}\"", files.pgdata);
    return ExitCode::not_running;
  }
  spdlog::info("autoctl (pid {}) reads its configuration again", **pid);
  const auto answer = reload_daemon(files, **pid);
  if (!answer) return fail(answer.error());
  print(answer->text);
  return answer->good ? ExitCode::ok : ExitCode::bad_config;
}

}  // namespace

void add_reload(Verb root, Invocation& invocation) {
  add_command<ReloadOptions>(
      root, invocation, "reload",
      "make the daemon of PGDATA read its configuration again, and say what has changed and what waits for a restart",
      "autoctl reload --pgdata /srv/pg",
      [](Verb command, ReloadOptions& options) { add_pgdata(command, options.pgdata); }, reload);
}

}  // namespace autoctl::cli
