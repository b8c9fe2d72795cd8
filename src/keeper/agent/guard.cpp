#include "keeper/agent/guard.h"

#include <fcntl.h>
#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "common/postgres/postmaster.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis longest_guard_wait{60'000};
constexpr int line_fd = 3;

void end_postgres(const std::string& pgdata) {
  postgres::Postmaster postmaster(pgdata);
  if (postmaster.adopt()) postmaster.quit_now();
}

/// The guard's life. A message is the moment until which Postgres may run; TimePoint::max() means as long as it likes.
[[noreturn]] void watch(const std::string& pgdata) {
  TimePoint until = TimePoint::max();
  for (;;) {
    const auto left = std::chrono::ceil<Millis>(until - Clock::now());
    pollfd line{line_fd, POLLIN, 0};
    ::poll(&line, 1, static_cast<int>(std::clamp(left, Millis{0}, longest_guard_wait).count()));
    const ssize_t size = ::recv(line_fd, &until, sizeof until, MSG_DONTWAIT);
    const bool keeper_is_gone = size == 0 || (size < 0 && errno != EAGAIN && errno != EINTR);
    const bool guards = until != TimePoint::max();
    if (guards && (keeper_is_gone || Clock::now() >= until)) {
      end_postgres(pgdata);
      until = TimePoint::max();
    }
    if (keeper_is_gone) ::_exit(0);
  }
}

}  // namespace

Guard::Guard(Board& board, std::string pgdata)
    : board_(board), pgdata_(std::move(pgdata)), thread_([this] { work(); }) {}

Guard::~Guard() {
  thread_.join();
  end();
}

void Guard::work() {
  std::optional<TimePoint> told;
  while (board_.await_guarded_until(told))
    if (begin() && !tell(told.value_or(TimePoint::max()))) end();  // somebody has killed it: another one, next time
  if (line_.valid()) tell(TimePoint::max());
}

/// The end of the line ends it.
void Guard::end() {
  line_ = {};
  if (pid_ > 0) ::waitpid(std::exchange(pid_, -1), nullptr, 0);
}

bool Guard::begin() {
  if (line_.valid()) return true;
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    spdlog::error("No guard for Postgres can be begun: {}", std::strerror(errno));
    return false;
  }
  line_ = Descriptor(ends[0]);
  const Descriptor other(ends[1]);
  pid_ = ::fork();
  if (pid_ == 0) {
    ::dup2(other.get(), line_fd);
    ::close_range(line_fd + 1, ~0U, 0);
    ::prctl(PR_SET_NAME, "autoctl guard");
    watch(pgdata_);
  }
  if (pid_ > 0) return true;
  spdlog::error("No guard for Postgres can be begun: {}", std::strerror(errno));
  line_ = {};
  return false;
}

bool Guard::tell(TimePoint until) {
  return ::send(line_.get(), &until, sizeof until, MSG_NOSIGNAL | MSG_DONTWAIT) > 0 || errno == EAGAIN;
}

}  // namespace autoctl::keeper
