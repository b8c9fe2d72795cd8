// How long a keeper waits for the answer to one report.
#pragma once

#include <algorithm>

#include "common/fsm/types.h"

namespace autoctl::keeper {

/// The monitor answers a held report after a heartbeat interval. When it is late by more than this, the keeper gives
/// the connection up.
inline constexpr Millis answer_patience{2'000};
inline constexpr Millis answer_patience_max{6'000};

/// Grows from one report that ran out of time to the next: a new connection costs an overloaded monitor more than an
/// answer on an old one, and a keeper that never waited for the end of its handshake would never be heard again.
class AnswerPatience {
 public:
  Millis now() const { return now_; }
  void ran_out() { now_ = std::min(now_ + answer_patience, answer_patience_max); }
  void answered() { now_ = answer_patience; }

 private:
  Millis now_ = answer_patience;
};

}  // namespace autoctl::keeper
