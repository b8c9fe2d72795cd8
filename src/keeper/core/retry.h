// When a keeper tries again after a failure (the pauses grow), and when it gives Postgres up.
#pragma once

#include "common/fsm/types.h"

namespace autoctl::keeper {

/// Of the task at hand. Another task begins with a clean slate.
class Retry {
 public:
  void failed(TimePoint now);
  void succeeded() { *this = {}; }
  int failures() const { return failures_; }  // in a row
  /// Nothing is tried before this time.
  TimePoint at() const { return at_; }
  bool is_due(TimePoint now) const { return now >= at_; }
  /// It failed so often, or for so long, that the monitor should do without this Postgres.
  bool gave_up(TimePoint now) const;

 private:
  int failures_ = 0;  // in a row
  TimePoint first_;
  TimePoint at_;
};

}  // namespace autoctl::keeper
