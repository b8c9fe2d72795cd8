// How long a keeper waits before it reports again after a report that was not answered. The first time it does so soon:
// one connection may break for any reason. A monitor that stays away is asked less and less often, and keepers that
// lost it together do not come back together.
#pragma once

#include <algorithm>
#include <utility>

#include "common/util/jitter.h"
#include "keeper/core/correspondence.h"

namespace autoctl::keeper {

inline constexpr Millis report_retry_pause_max{1'000};

class RetryPause {
 public:
  /// `asked`: the monitor is overloaded and wants to be left alone for so long; 0: it has not said anything.
  Millis next(Millis asked) {
    if (asked > Millis{0}) return some_of(asked);
    const Millis pause = std::exchange(next_, std::min(2 * next_, report_retry_pause_max));
    return some_of(pause);
  }
  void answered() { next_ = report_retry_pause; }

 private:
  Millis next_ = report_retry_pause;
};

}  // namespace autoctl::keeper
