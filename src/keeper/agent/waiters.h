// Threads that wait for conditions over what one mutex guards. Whoever has changed something wakes only those whose
// condition holds now: to wake a thread for nothing costs far more than to look at its condition.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <vector>

#include "common/fsm/types.h"

namespace autoctl::keeper {

class Waiters {
 public:
  /// `lock` holds the mutex. Blocks until the condition holds or the deadline is over. The condition is asked with the
  /// mutex held, in whichever thread calls wake().
  template <class Condition>
  void wait_until(std::unique_lock<std::mutex>& lock, TimePoint deadline, Condition condition) {
    if (condition()) return;
    Waiter self{.holds = std::ref(condition)};
    waiting_.push_back(&self);
    self.woken.wait_until(lock, deadline, self.holds);
    std::erase(waiting_, &self);
  }

  /// The mutex is held, and something has changed.
  void wake() {
    for (Waiter* each : waiting_)
      if (each->holds()) each->woken.notify_one();
  }

 private:
  struct Waiter {
    std::function<bool()> holds;
    std::condition_variable woken;
  };
  std::vector<Waiter*> waiting_;
};

}  // namespace autoctl::keeper
