// What a rewind or a copy throws away: WAL that only this node has. It is kept beside PGDATA, within bounds, so that
// what is in it can be looked at.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/config/files.h"
#include "common/fsm/ancestry.h"
#include "common/postgres/tools.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// Of the newest that are kept; older ones go.
inline constexpr std::size_t diverged_directories_max = 5;
/// Of one of them. Also no more than half of what is free.
inline constexpr std::uint64_t diverged_bytes_max = std::uint64_t{1} << 30;

/// How many bytes of it may be kept where so many are free: what is kept must not be what fills the disk.
constexpr std::uint64_t diverged_room(std::uint64_t free_bytes) {
  return free_bytes / 2 < diverged_bytes_max ? free_bytes / 2 : diverged_bytes_max;
}

/// A node's WAL from where it left everybody else's.
struct DivergedWal {
  Lineage own;
  Lsn from;  // own.lsn is its end
  std::uint64_t segment_size = 0;
};

/// Names of the segments that hold it, oldest first.
std::vector<std::string> segments_of(const DivergedWal& wal);

/// pg_waldump's --stats=record: how many transactions ended with a commit in it.
int commits_in(const std::string& stats);

/// Copies it into <pgdata>.autoctl/diverged/… if there is a transaction in it, and says so in a sentence; empty when
/// there was nothing to keep, or the same was kept before. Never fails: what cannot be kept is said, too.
std::string keep_diverged_wal(const postgres::Tools& tools, const config::Files& files, const DivergedWal& wal);

}  // namespace autoctl::keeper
