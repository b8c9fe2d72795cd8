#include "keeper/agent/fence.h"

#include <spdlog/spdlog.h>

namespace autoctl::keeper {

namespace {

/// How long to wait when there is nothing to guard; a change ends the wait.
constexpr Millis idle{60'000};

}  // namespace

Fence::Fence(Board& board, Instance& instance) : board_(board), instance_(instance), thread_([this] { watch(); }) {}

Fence::~Fence() {
  thread_.join();
}

void Fence::watch() {
  while (!board_.stopping()) {
    const auto now = std::chrono::steady_clock::now();
    const Lease::Guard guard = board_.guard();
    if (!guard.armed || board_.fenced()) {
      board_.await_guard_change(now + idle);
    } else if (now < guard.until) {
      board_.await_guard_change(guard.until);
    } else {
      instance_.kill_now();  // first the act, then the words
      board_.set_fenced(true);
      spdlog::error(
          "Fenced: no answer from the monitor and no streaming standby; stopped Postgres so that no client reads "
          "or writes on a primary that may have been replaced");
    }
  }
}

}  // namespace autoctl::keeper
