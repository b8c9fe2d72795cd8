// The keeper's one thread that acts: it shows Postgres to the core and does what the core wants done.
#pragma once

#include "keeper/agent/board.h"
#include "keeper/agent/local_server.h"
#include "keeper/agent/state_file.h"

namespace autoctl::keeper {

class Worker {
 public:
  /// All references outlive it.
  Worker(Board& board, LocalServer& server, const config::Files& files)
      : board_(board), server_(server), files_(files) {}

  /// Until Board::stop(). Postgres is left as it is.
  void run();

 private:
  void look();
  void save(const SavedState& state);
  void carry_out(const Order& order);
  void wait(TimePoint until);

  Board& board_;
  LocalServer& server_;
  const config::Files& files_;
  bool server_runs_ = false;  // as last seen
  int percent_ = -1;          // as last logged
};

}  // namespace autoctl::keeper
