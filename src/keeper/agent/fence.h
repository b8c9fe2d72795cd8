// Self-fencing (docs/safety-rules.md, rule 3): a primary that could be replaced stops its Postgres when it has neither a
// lease nor a streaming standby.
#pragma once

#include <thread>

#include "keeper/agent/board.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {

/// A thread of its own that waits for the lease to run out. It calls nothing that could block: no disk, no Postgres, no
/// child.
class Fence {
 public:
  /// Both must outlive it. Board::stop() ends it.
  Fence(Board& board, Instance& instance);
  ~Fence();

 private:
  void watch();

  Board& board_;
  Instance& instance_;
  std::thread thread_;
};

}  // namespace autoctl::keeper
