#include <signal.h>
#include <spdlog/spdlog.h>

#include <iostream>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/monitor_connection.h"
#include "common/config/reload_answer.h"
#include "common/util/pid_file.h"

namespace autoctl::cli {

namespace {

constexpr Millis patience{15'000};
constexpr Millis poll_interval{20};

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
  config::forget_reload_answer(files);
  AUTOCTL_TRY(signal_daemon(**pid, SIGHUP));
  spdlog::info("autoctl (pid {}) reads its configuration again", **pid);
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (std::chrono::steady_clock::now() < deadline) {
    if (const auto answer = config::read_reload_answer(files)) {
      std::cout << *answer;
      return answer->starts_with("refused") || answer->find("\nfailed") != std::string::npos ? ExitCode::bad_config
                                                                                             : ExitCode::ok;
    }
    std::this_thread::sleep_for(poll_interval);
  }
  return fail(Errc::timeout, "the daemon has not said what it took in; it may be in the middle of something long",
              "its log tells as soon as it has");
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
