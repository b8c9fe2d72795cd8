// Whether a client would be served, found out beside the worker. Each probe has a thread of its own, because each may be
// blocked by what it probes; the one that judges touches nothing but the core.
#pragma once

#include <string>
#include <thread>

#include "keeper/agent/board.h"

namespace autoctl::keeper {

class PulseWatch {
 public:
  /// `board` must outlive it. Board::stop() ends it, as soon as what a probe waits for lets it go.
  PulseWatch(Board& board, std::string pgdata);
  ~PulseWatch();

 private:
  void judge();
  void try_sessions();
  void try_disk();

  Board& board_;
  const std::string pgdata_;
  std::thread judge_, sessions_, disk_;
};

}  // namespace autoctl::keeper
