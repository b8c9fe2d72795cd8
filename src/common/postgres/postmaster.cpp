#include "common/postgres/postmaster.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "common/postgres/lock_file.h"
#include "common/postgres/proc.h"
#include "common/process/pidfd.h"

namespace autoctl::postgres {
namespace {

using namespace std::chrono_literals;
constexpr auto orphan_patience = 10s;  // a SIGKILLed process that takes longer hangs in the kernel

}  // namespace

Postmaster::Postmaster(std::string pgdata)
    : pgdata_(std::move(pgdata)),
      watch_fd_(::eventfd(0, EFD_CLOEXEC)),
      nothing_fd_(::fcntl(watch_fd_.get(), F_DUPFD_CLOEXEC, 0)) {}

int Postmaster::watch_fd() const {
  return watching_ ? watch_fd_.get() : -1;
}

void Postmaster::quit_now() {
  if (!watching_) return;
  signal_pidfd(watch_fd_.get(), SIGQUIT);
  signal_pidfd(watch_fd_.get(), SIGCONT);
}

void Postmaster::watch(Child child) {
  child_ = std::move(child);
  ::dup3(child_.pidfd(), watch_fd_.get(), O_CLOEXEC);
  watching_ = true;
}

void Postmaster::unwatch() {
  watching_ = false;
  ::dup3(nothing_fd_.get(), watch_fd_.get(), O_CLOEXEC);
}

Postmaster::Kind Postmaster::kind_of(pid_t pid) const {
  if (!proc::is_postgres(pid) || !proc::works_in(pid, pgdata_)) return Kind::foreign;
  const std::string line = proc::command_line(pid);
  // A child's title is "postgres: …"; a single-user server is one that a killed rewind left behind.
  if (line.starts_with("postgres:") || line.find(" --single") != std::string::npos) return Kind::child;
  return Kind::postmaster;
}

bool Postmaster::adopt() {
  if (running()) return true;
  const auto lock = read_lock_file(pgdata_);
  if (!lock) return false;
  auto child = Child::adopt(lock->pid);
  if (!child || kind_of(lock->pid) != Kind::postmaster || !child->running()) return false;
  watch(std::move(*child));
  return true;
}

Result<> Postmaster::spawn(const Command& command) {
  AUTOCTL_TRY(become_subreaper());
  auto child = Child::spawn(command);
  if (!child) return fail(std::move(child.error()));
  watch(std::move(*child));
  reap_orphans();  // while it starts
  return {};
}

bool Postmaster::wait(Millis timeout) {
  if (child_.pidfd() < 0) return true;
  if (!child_.wait(timeout)) return false;
  unwatch();
  return true;
}

std::vector<pid_t> Postmaster::children() const {
  std::vector<pid_t> found;
  for (const pid_t pid : proc::own())
    if (pid != child_.pid() && kind_of(pid) == Kind::child) found.push_back(pid);
  return found;
}

Result<> Postmaster::clear_remains() {
  wait(0ms);
  if (running()) return {};
  std::vector<Child> orphans;
  for (const pid_t pid : proc::own()) {
    if (kind_of(pid) != Kind::child) continue;
    auto orphan = Child::adopt(pid);
    if (!orphan || kind_of(pid) != Kind::child) continue;
    if (const auto killed = orphan->signal(SIGKILL); !killed && killed.error().code != Errc::not_found) return killed;
    orphans.push_back(std::move(*orphan));
  }
  const auto deadline = std::chrono::steady_clock::now() + orphan_patience;
  for (auto& orphan : orphans) {
    const pid_t pid = orphan.pid();
    const auto left = std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now());
    if (!orphan.wait(std::max(left, Millis(0))))
      return fail(Errc::timeout, "process " + std::to_string(pid) + " of a dead postmaster does not end",
                  "It hangs in the kernel: look at the storage below " + pgdata_);
  }
  const auto lock = read_lock_file(pgdata_);
  if (lock && kind_of(lock->pid) != Kind::postmaster) ::unlink((pgdata_ + "/postmaster.pid").c_str());
  return {};
}

void Postmaster::continue_children() const {
  for (const pid_t pid : children())
    if (proc::is_stopped(pid)) ::kill(pid, SIGCONT);
}

void Postmaster::reap_orphans() const {
  // By name, so that the exit code of a tool that a caller waits for is not taken.
  for (const pid_t pid : list_children()) {
    const auto stat = pid == child_.pid() ? std::nullopt : proc::stat(pid);
    if (stat && stat->state == 'Z' && stat->name == "postgres") ::waitpid(pid, nullptr, WNOHANG);
  }
}

}  // namespace autoctl::postgres
