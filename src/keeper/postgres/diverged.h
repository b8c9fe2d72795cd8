// What a rewind or a copy throws away: WAL that only this node has. It is kept beside PGDATA, within bounds, so that it
// can be inspected.
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

/// How many directories are kept; the oldest are removed first.
inline constexpr std::size_t diverged_directories_max = 5;
/// The size of one directory. Also at most half of the free space.
inline constexpr std::uint64_t diverged_bytes_max = std::uint64_t{1} << 30;

/// How many bytes may be kept with this much free space: the kept WAL must not fill the disk.
constexpr std::uint64_t diverged_room(std::uint64_t free_bytes) {
  return free_bytes / 2 < diverged_bytes_max ? free_bytes / 2 : diverged_bytes_max;
}

/// A node's WAL from the point where it left the history of all other nodes.
struct DivergedWal {
  Lineage own;
  Lsn from;  // own.lsn is its end
  std::uint64_t segment_size = 0;
};

/// Names of the segments that hold it, oldest first.
std::vector<std::string> segments_of(const DivergedWal& wal);

/// pg_waldump's --stats=record: how many transactions ended with a commit in it.
int commits_in(const std::string& stats);

/// Copies it into <pgdata>.autoctl/diverged/… if there is a transaction in it. Returns a sentence that
/// says so; empty when there was nothing to keep, or it was kept before. Never fails: the sentence also says what could
/// not be kept.
std::string keep_diverged_wal(const postgres::Tools& tools, const config::Files& files, const DivergedWal& wal);

}  // namespace autoctl::keeper
