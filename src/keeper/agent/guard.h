// Ends Postgres when a strict lease is over and its keeper does not: because the keeper was killed, or hangs
// (docs/safety-rules.md, rule 3). A process of its own, as nothing in a keeper outlives it.
#pragma once

#include <string>
#include <thread>

#include "common/util/descriptor.h"
#include "keeper/agent/board.h"

namespace autoctl::keeper {

/// A thread that tells the guard how long Postgres may run. The guard is begun when there is a strict lease to watch for
/// the first time.
class Guard {
 public:
  /// `board` must outlive it. Board::stop() ends it, and the guard with it; Postgres goes on then.
  Guard(Board& board, std::string pgdata);
  ~Guard();

 private:
  void work();
  /// False if there is none, and none can be begun.
  bool begin();
  /// False if the guard is gone.
  bool tell(TimePoint until);
  void end();

  Board& board_;
  std::string pgdata_;
  Descriptor line_;  // to the guard
  pid_t pid_ = -1;
  std::thread thread_;
};

}  // namespace autoctl::keeper
