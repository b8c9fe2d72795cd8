// Starting and stopping the server.
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>

#include "common/postgres/lock_file.h"
#include "common/postgres/port_check.h"
#include "common/postgres/tools.h"
#include "keeper/postgres/instance_impl.h"
#include "keeper/postgres/markers.h"
#include "keeper/postgres/progress.h"
#include "keeper/postgres/swap.h"

namespace autoctl::keeper {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

/// The postmaster itself SIGKILLs backends that survive an immediate shutdown for 5 s.
constexpr auto immediate_patience = 6s;
constexpr auto kill_patience = 10s;
constexpr std::uintmax_t longest_startup_log = 16 * 1024 * 1024;

/// Often while a start normally ends, rarely when there is a long recovery to wait for.
Millis poll_interval(Clock::time_point since) {
  return Clock::now() - since < 3s ? 5ms : 25ms;
}

std::size_t log_size(const std::string& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  return error ? 0 : size;
}

/// Without a logging collector this is the server's whole log, for as long as it runs.
void rotate_log(const std::string& path) {
  std::error_code error;
  if (log_size(path) > longest_startup_log) fs::rename(path, path + ".1", error);
}

std::string text_from(const std::string& path, std::size_t start) {
  std::ifstream file(path);
  file.seekg(static_cast<std::streamoff>(start));
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What the server said about its failure, without the chatter before it.
std::string complaints(const std::string& log) {
  std::istringstream lines(log);
  std::string line, out;
  while (std::getline(lines, line))
    for (const char* word : {"FATAL:", "PANIC:", "HINT:", "could not bind"})
      if (const auto at = line.find(word); at != std::string::npos) {
        out += line.substr(at) + "\n";
        break;
      }
  // "configuration file contains errors": which ones stands before it.
  const bool says_why = !out.empty() && out.find("contains errors") == std::string::npos;
  return postgres::last_lines(says_why ? out : log);
}

}  // namespace

Error Instance::Impl::startup_error(std::size_t log_start) const {
  const std::string log = text_from(files.startup_log(), log_start);
  const std::string words = complaints(log);
  const std::string what = "Postgres ended while it was starting" + (words.empty() ? "" : ": " + words);
  const auto says = [&](const char* text) { return log.find(text) != std::string::npos; };
  if (says("Address already in use") || (says("lock file") && says("already exists")))
    return {Errc::conflict, what, "Another program or another Postgres uses this port or this data directory"};
  return {Errc::postgres, what, "Its log is " + files.startup_log()};
}

bool Instance::adopt() {
  const bool was_running = running();
  const bool found = impl_->postmaster.adopt();
  if (found && !was_running) {
    impl_->session.drop();
    impl_->new_server();
  }
  return found;
}

bool Instance::running() const {
  return impl_->postmaster.running();
}
std::uint64_t Instance::servers_seen() const {
  return impl_->servers_seen;
}
int Instance::pidfd() const {
  return impl_->postmaster.watch_fd();
}
void Instance::kill_now() {
  impl_->postmaster.quit_now();
}
Result<> Instance::reload() {
  return impl_->postmaster.signal(SIGHUP);
}

Result<> Instance::start(const Cancelled& cancelled) {
  std::size_t log_start = log_size(impl_->files.startup_log());
  if (!adopt()) {
    AUTOCTL_TRY(finish_interrupted_swap(impl_->files));
    if (is_marked(impl_->files, Marker::rewinding))
      return fail(Errc::conflict, "pg_rewind of " + impl_->files.pgdata + " was cut short: it cannot be started",
                  "It has to be rewound again, or copied from the primary");
    if (is_marked(impl_->files, Marker::forked))
      return fail(Errc::conflict,
                  impl_->files.pgdata + " was a standby and accepted writes of its own: it cannot be started",
                  "It has to be rewound, or copied from the primary; the monitor sees to that when there is one");
    AUTOCTL_TRY(make_own_directory(impl_->files));
    impl_->session.drop();
    AUTOCTL_TRY(impl_->postmaster.clear_remains());
    AUTOCTL_TRY(postgres::check_port_free(impl_->config.listen, impl_->config.pgport));
    if (const auto settings = impl_->write_settings({}); !settings) return fail(settings.error());
    AUTOCTL_TRY(impl_->remove_recovery_signal());
    impl_->clear_socket_locks();
    rotate_log(impl_->files.startup_log());
    log_start = log_size(impl_->files.startup_log());
    std::vector<std::string> arguments = {"-D", impl_->files.pgdata};
    const auto options = impl_->layout().start_options;
    arguments.insert(arguments.end(), options.begin(), options.end());
    Command command = postgres::tool_command(impl_->tools, "postgres", std::move(arguments));
    command.output_file = impl_->files.startup_log();
    AUTOCTL_TRY(impl_->postmaster.spawn(command));
    impl_->new_server();
  }
  return impl_->await_ready(log_start, cancelled);
}

/// Left from a restore, or put there by somebody: with it a server ends its recovery on another timeline, or does not
/// start at all. No node of autoctl's ever needs it.
Result<> Instance::Impl::remove_recovery_signal() {
  const std::string path = files.pgdata + "/recovery.signal";
  std::error_code error;
  if (!fs::remove(path, error) && !error) return {};
  if (error) return fail(Errc::system, "cannot remove " + path + ": " + error.message());
  tell("recovery.signal was in the data directory: removed, as this node does not restore from an archive");
  return {};
}

void Instance::Impl::clear_socket_locks() const {
  const auto settings = postgres::read_settings(layout().config_file);
  const auto found = settings.find("unix_socket_directories");
  postgres::remove_stale_socket_locks(found == settings.end() ? "/var/run/postgresql" : found->second, config.pgport);
}

/// The lock file says when a query is worth trying: each try while it recovers would cost the server a fork.
Result<> Instance::Impl::await_ready(std::size_t log_start, const Cancelled& cancelled) {
  const auto began = Clock::now();
  RecoveryProgress progress(postmaster, files.startup_log());
  for (;;) {
    const auto lock = postgres::read_lock_file(files.pgdata);
    if (lock && lock->pid == postmaster.pid() && lock->status == "ready") {
      const auto answer = session.query("select 1", 2s);
      if (answer || pg::is_crowded(answer.error())) return {};
      const Errc code = answer.error().code;
      if (code == Errc::denied || code == Errc::postgres)
        return fail(
            Error(answer.error()).with_context("Postgres runs, but does not let " + postgres::os_user() + " in"));
    }
    if (postmaster.wait(poll_interval(began))) {
      session.drop();
      return fail(startup_error(log_start));
    }
    if (cancelled && cancelled()) return fail(Errc::unavailable, "waiting for Postgres to start was cancelled");
    if (progress.stalled())
      return fail(Errc::timeout,
                  "Postgres is starting but makes no progress: " +
                      postgres::last_lines(text_from(files.startup_log(), log_start), 2),
                  "Its log is " + files.startup_log());
  }
}

Result<> Instance::stop(StopMode mode, Millis patience) {
  auto& postmaster = impl_->postmaster;
  impl_->session.drop();
  const auto send = [&](int signal_number) {
    // The error, if any, is that it has just ended. What is stopped (frozen) must be continued to see the signal.
    static_cast<void>(postmaster.signal(signal_number));
    static_cast<void>(postmaster.signal(SIGCONT));
    postmaster.continue_children();
  };
  if (adopt()) {
    send(mode == StopMode::fast ? SIGINT : SIGQUIT);
    bool gone = postmaster.wait(patience);
    if (!gone && mode == StopMode::fast) {
      send(SIGQUIT);
      gone = postmaster.wait(immediate_patience);
    }
    if (!gone) {
      send(SIGKILL);
      if (!postmaster.wait(kill_patience))
        return fail(Errc::timeout, "the postmaster does not end even when killed",
                    "It hangs in the kernel: look at the storage below " + impl_->files.pgdata);
    }
  }
  AUTOCTL_TRY(postmaster.clear_remains());
  postmaster.reap_orphans();
  return {};
}

}  // namespace autoctl::keeper
