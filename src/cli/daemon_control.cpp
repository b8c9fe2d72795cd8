#include "cli/daemon_control.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "common/config/reload_answer.h"
#include "common/util/pid_file.h"

namespace autoctl::cli {

namespace {

using Clock = std::chrono::steady_clock;
constexpr Millis daemon_poll_interval{20};
constexpr Millis progress_interval{2000};
constexpr Millis reload_patience{15'000};

}  // namespace

Result<> signal_daemon(pid_t pid, int signal_number) {
  if (::kill(pid, signal_number) == 0 || errno == ESRCH) return {};
  const int error = errno;
  return fail(error == EPERM ? Errc::denied : Errc::system,
              fmt::format("cannot signal autoctl (pid {}): {}", pid, std::strerror(error)),
              error == EPERM ? "run this as the user that the daemon runs as" : "");
}

Result<ReloadAnswer> reload_daemon(const config::Files& files, pid_t pid) {
  config::forget_reload_answer(files);
  AUTOCTL_TRY(signal_daemon(pid, SIGHUP));
  const auto deadline = Clock::now() + reload_patience;
  while (Clock::now() < deadline) {
    if (auto answer = config::read_reload_answer(files)) {
      const bool bad = answer->starts_with("refused") || ("\n" + *answer).find("\nfailed") != std::string::npos;
      return ReloadAnswer{*std::move(answer), !bad};
    }
    std::this_thread::sleep_for(daemon_poll_interval);
  }
  return fail(Errc::timeout, "the daemon has not said what it took in; it may be in the middle of something long",
              "its log tells as soon as it has");
}

Result<> await_daemon_end(const config::Files& files, pid_t pid, Millis timeout) {
  const auto start = Clock::now();
  auto next_line = start + progress_interval;
  while (true) {
    const auto holder = locked_pid(files.pid());
    if (!holder) return fail(holder.error());
    if (*holder != pid) return {};
    const auto now = Clock::now();
    if (now - start >= timeout)
      return fail(Errc::timeout,
                  fmt::format("autoctl (pid {}) still runs after {} s", pid,
                              std::chrono::duration_cast<std::chrono::seconds>(timeout).count()),
                  "it is still stopping; --immediate does not wait for Postgres' shutdown checkpoint");
    if (now >= next_line) {
      spdlog::info("Waiting for autoctl (pid {}) to stop Postgres, {} s so far", pid,
                   std::chrono::duration_cast<std::chrono::seconds>(now - start).count());
      next_line += progress_interval;
    }
    std::this_thread::sleep_for(daemon_poll_interval);
  }
}

}  // namespace autoctl::cli
