#include "keeper/core/lease.h"

#include <algorithm>

namespace autoctl::keeper {

namespace {

/// A streaming standby counts this long after it was last seen: the worker looks once a second.
constexpr Millis streaming_memory{2500};

}  // namespace

void Lease::renew(TimePoint request_left, Millis granted) {
  if (granted.count() > 0) until_ = std::max(until_, request_left + granted);
}

void Lease::see(const NodeFacts& facts, TimePoint now) {
  serves_ = facts.postgres_running && !facts.in_recovery;
  if (facts.postgres_running && !facts.streaming.empty()) streaming_seen_ = now;
}

void Lease::assume(bool required, bool strict, TimePoint now, Millis grace) {
  require(required, strict);
  streaming_seen_ = now + grace;
}

Lease::Guard Lease::guard() const {
  return {required_ && serves_, strict_ ? until_ : std::max(until_, streaming_seen_ + streaming_memory)};
}

}  // namespace autoctl::keeper
