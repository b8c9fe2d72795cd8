// Does a starting server get anywhere? Recovery of a big database may take hours, and that is no failure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/postgres/postmaster.h"

namespace autoctl::keeper {

class RecoveryProgress {
 public:
  RecoveryProgress(const postgres::Postmaster& postmaster, std::string log);
  /// True when neither CPU nor storage of its processes nor its log moved for half a minute, or all that moved was that
  /// it tried again to get WAL that is nowhere. Cheap: looks once in a while.
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
