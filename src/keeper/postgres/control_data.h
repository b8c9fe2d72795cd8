// pg_controldata's output and timeline history files, as values. Pure text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/fsm/goal.h"
#include "common/postgres/conf_file.h"

namespace autoctl::keeper {

using postgres::ServerSettings;

struct ControlData {
  SystemId system_id;
  std::string cluster_state;
  Timeline timeline;  // the larger of the checkpoint's and the minimum recovery point's
  Lsn checkpoint;     // where the latest checkpoint record starts
  Timeline checkpoint_timeline;
  Lsn minimum_recovery;            // a standby is consistent from here on; 0 on a primary
  std::uint64_t segment_size = 0;  // bytes
  std::uint64_t wal_block_size = 0;
  bool checksums = false;
  ServerSettings hot_standby_minima;  // max_connections and its siblings: a standby needs at least these

  bool clean_shutdown() const { return cluster_state == "shut down" || cluster_state == "shut down in recovery"; }
};
/// nullopt when the text is not the (untranslated) output of pg_controldata.
std::optional<ControlData> parse_control_data(std::string_view text);

/// Entries of a <timeline>.history file, oldest first. Comments and the reasons are skipped.
std::vector<HistoryEntry> parse_history(std::string_view text);

/// "00000002.history"
std::string history_file_name(Timeline timeline);
/// The segment that holds the byte before `lsn`, "000000010000000000000003".
std::string segment_name(Timeline timeline, Lsn lsn, std::uint64_t segment_size);

/// Where a WAL record of `length` bytes that starts at `start` ends: the position from which the next one may start.
Lsn record_end(Lsn start, std::uint32_t length, std::uint64_t block_size, std::uint64_t segment_size);

}  // namespace autoctl::keeper
