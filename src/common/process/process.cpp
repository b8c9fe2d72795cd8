#include "common/process/process.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "common/process/pidfd.h"

namespace autoctl {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kept_output = 64 * 1024;
constexpr auto cancel_interval = std::chrono::milliseconds(50);

}  // namespace

Child::Child(Child&& other) noexcept {
  *this = std::move(other);
}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  output_fd_ = std::move(other.output_fd_);
  output_ = std::move(other.output_);
  partial_line_ = std::move(other.partial_line_);
  return *this;
}

Result<Child> Child::adopt(pid_t pid) {
  Child child;
  child.pidfd_ = Descriptor(open_pidfd(pid));
  if (!child.pidfd_.valid()) {
    const Errc code = errno == ESRCH || errno == EINVAL ? Errc::not_found : Errc::system;
    return fail(code, "cannot watch process " + std::to_string(pid) + ": " + std::strerror(errno));
  }
  child.pid_ = pid;
  return child;
}

bool Child::running() const {
  if (!pidfd_.valid()) return false;
  pollfd entry{pidfd_.get(), POLLIN, 0};
  return ::poll(&entry, 1, 0) == 0;
}

Result<> Child::signal(int signal_number) const {
  if (pidfd_.valid() && signal_pidfd(pidfd_.get(), signal_number) == 0) return {};
  if (!pidfd_.valid() || errno == ESRCH) return fail(Errc::not_found, "the process has ended");
  return fail(Errc::system, "cannot signal process " + std::to_string(pid_) + ": " + std::strerror(errno));
}

void Child::signal_group(int signal_number) const {
  if (pid_ > 1) ::kill(-pid_, signal_number);
}

/// Takes what is in the pipe now. Never blocks: a grandchild may hold the other end open for ever.
void Child::drain(const LineSink& on_line) {
  std::array<char, 4096> buffer{};
  while (output_fd_.valid()) {
    const ssize_t count = ::read(output_fd_.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return;
    if (count <= 0) {
      output_fd_.reset();
      return;
    }
    output_.append(buffer.data(), static_cast<std::size_t>(count));
    if (output_.size() > 2 * kept_output) output_.erase(0, output_.size() - kept_output);
    if (!on_line) continue;
    for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(count))) {
      if (c != '\n' && c != '\r') {
        partial_line_ += c;
      } else if (!partial_line_.empty()) {
        on_line(std::exchange(partial_line_, {}));
      }
    }
  }
}

Finished Child::reap() {
  Finished finished;
  siginfo_t info{};
  int outcome = 0;
  do {
    outcome = ::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, WEXITED | WNOHANG);
  } while (outcome < 0 && errno == EINTR);
  if (outcome == 0 && info.si_pid != 0) {
    if (info.si_code == CLD_EXITED) {
      finished.exit_code = info.si_status;
    } else {
      finished.signal = info.si_status;
    }
  }
  return finished;
}

std::optional<Finished> Child::wait(std::chrono::milliseconds timeout, const LineSink& on_line) {
  if (!pidfd_.valid()) return Finished{};
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    std::array<pollfd, 2> entries = {pollfd{pidfd_.get(), POLLIN, 0}, pollfd{output_fd_.get(), POLLIN, 0}};
    const int ready = ::poll(entries.data(), entries.size(), static_cast<int>(std::max<long>(left, 0)));
    if (ready > 0 && entries[1].revents != 0) drain(on_line);
    if (ready > 0 && entries[0].revents != 0) break;
    if (Clock::now() >= deadline) return std::nullopt;
  }
  drain(on_line);
  if (on_line && !partial_line_.empty()) on_line(std::exchange(partial_line_, {}));
  Finished finished = reap();
  if (output_.size() > kept_output) output_.erase(0, output_.size() - kept_output);
  finished.output = std::move(output_);
  output_.clear();
  *this = Child();
  return finished;
}

Result<Finished> run(const Command& command, std::chrono::milliseconds timeout, const std::function<bool()>& cancelled,
                     const LineSink& on_line) {
  Command tied = command;
  tied.dies_with_parent = true;
  auto child = Child::spawn(tied);
  if (!child) return fail(std::move(child.error()));
  const auto deadline = Clock::now() + timeout;
  const auto give_up = [&] {
    child->signal_group(SIGKILL);
    while (!child->wait(cancel_interval)) child->signal_group(SIGKILL);
  };
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (auto finished = child->wait(std::min(left, cancel_interval), on_line)) return std::move(*finished);
    if (cancelled && cancelled()) {
      give_up();
      return fail(Errc::unavailable, command.argv.front() + " was cancelled");
    }
    if (Clock::now() >= deadline) {
      give_up();
      return fail(Errc::timeout, command.argv.front() + " took longer than allowed");
    }
  }
}

Result<> become_subreaper() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0) return {};
  return fail(Errc::system, std::string("cannot become a child subreaper: ") + std::strerror(errno));
}

std::vector<pid_t> list_children() {
  std::vector<pid_t> children;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return children;
  const pid_t self = ::getpid();
  while (const dirent* entry = ::readdir(proc)) {
    char* end = nullptr;
    const long pid = std::strtol(entry->d_name, &end, 10);
    if (pid <= 0 || *end != '\0') continue;
    std::ifstream file(std::string("/proc/") + entry->d_name + "/stat");
    std::string line;
    std::getline(file, line);
    // pid (name) state ppid …; the name may hold blanks and parentheses, so count from its last one.
    const auto name_end = line.rfind(')');
    if (name_end == std::string::npos) continue;
    std::istringstream rest(line.substr(name_end + 1));
    char state = 0;
    pid_t parent = 0;
    if (rest >> state >> parent && parent == self) children.push_back(static_cast<pid_t>(pid));
  }
  ::closedir(proc);
  return children;
}

}  // namespace autoctl
