#include "keeper/core/retry.h"

#include <algorithm>

namespace autoctl::keeper {

namespace {

constexpr int attempts_max = 3;
constexpr Millis patience{20'000};
constexpr Millis pause_first{100};
constexpr Millis pause_max{2000};

}  // namespace

void Retry::failed(TimePoint now) {
  if (failures_++ == 0) first_ = now;
  at_ = now + std::min(pause_max, pause_first * (1 << std::min(failures_, 5)));
}

bool Retry::gave_up(TimePoint now) const {
  return failures_ >= attempts_max || (failures_ > 0 && now - first_ > patience);
}

}  // namespace autoctl::keeper
