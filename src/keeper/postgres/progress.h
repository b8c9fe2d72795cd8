// Does a starting server make progress? Recovery of a large database may take hours, which is not a failure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/postgres/postmaster.h"

namespace autoctl::keeper {

class RecoveryProgress {
 public:
  RecoveryProgress(const postgres::Postmaster& postmaster, std::string log);
  /// True when its processes used no CPU and no storage and its log did not grow for half a minute, or when it only
  /// kept trying to get WAL that does not exist. Cheap: checks once in a while.
  bool stalled();

 private:
  struct Work {
    std::uint64_t cpu_ticks = 0, storage_bytes = 0, log_bytes = 0;
  };
  Work measure() const;
  bool waits_for_wal() const;

  const postgres::Postmaster& postmaster_;
  std::string log_;
  Work last_;
  std::chrono::steady_clock::time_point next_look_, moved_;
};

}  // namespace autoctl::keeper
