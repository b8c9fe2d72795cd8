#include <signal.h>
#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/monitor_connection.h"
#include "common/util/pid_file.h"

namespace autoctl::cli {

namespace {

struct StopOptions {
  std::string pgdata;
  bool fast = false;
  bool immediate = false;
  int wait_seconds = 60;
};

int signal_for(const StopOptions& options) {
  if (options.immediate) return SIGQUIT;
  return options.fast ? SIGINT : SIGTERM;
}

Result<ExitCode> stop(const StopOptions& options) {
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  const auto pid = locked_pid(files->pid());
  if (!pid) return fail(pid.error());
  if (!*pid) {
    spdlog::info("autoctl is not running for \"{}\"", files->pgdata);
    return ExitCode::not_running;
  }
  spdlog::info("Stopping autoctl (pid {}) and its Postgres", **pid);
  AUTOCTL_TRY(signal_daemon(**pid, signal_for(options)));
  AUTOCTL_TRY(await_daemon_end(*files, **pid, std::chrono::seconds(options.wait_seconds)));
  spdlog::info("autoctl has stopped");
  return ExitCode::ok;
}

void declare(Verb command, StopOptions& options) {
  add_pgdata(command, options.pgdata);
  auto fast = command.add_flag("--fast", options.fast, "SIGINT: a primary does not hand over first");
  command
      .add_flag("--immediate", options.immediate,
                "SIGQUIT: nor does Postgres write a checkpoint; crash recovery at the next start")
      .excludes(fast);
  command.add_option("--wait", options.wait_seconds, "how many seconds to wait for it to end; default: 60")
      .positive()
      .type_name("SECONDS");
}

}  // namespace

void add_stop(Verb root, Invocation& invocation) {
  const Verb command = add_command<StopOptions>(
      root, invocation, "stop", "stop the daemon of PGDATA, and its Postgres; a primary hands over first",
      "autoctl stop --pgdata /srv/pg --fast", declare, stop);
  add_stop_postgres(command, invocation);
}

}  // namespace autoctl::cli
