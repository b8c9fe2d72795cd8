// What the keeper core is shown of the Postgres beside it. The shell looks; the core decides.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"

namespace autoctl::keeper {

/// Of ServerView::replay_paused.
inline constexpr const char* replay_is_paused =
    "replay is paused: whoever waits for it (remote_apply) hangs; pg_wal_replay_resume() ends that";

/// What the running server answered to one query.
struct ServerView {
  bool in_recovery = false;
  SystemId system_id;
  Timeline timeline;  // a primary's current one; the newest one that a standby has received
  std::vector<HistoryEntry> history;
  Lsn lsn;                     // primary: flushed; standby: the larger of received-and-flushed and replayed
  bool flush_awaited = false;  // primary: a session waits until WAL is written or flushed
  bool lsn_final = true;       // false: a standby that still reads what it has on disk: `lsn` grows without receiving
  Lsn replayed;                // standby
  SyncQuorum sync;             // in force; empty also when the names are not ours
  bool replay_paused = false;  // standby: by somebody's wish, or as it lacks what its primary has (restart_helps)
  bool restart_helps =
      false;               // standby: its settings are smaller than its primary's, and a start makes them large enough
  bool receiving = false;  // standby: the WAL receiver streams and heard from its upstream a moment ago
  struct Sender {
    NodeId standby;
    bool streaming = false;
    Lsn flushed;
  };
  std::vector<Sender> senders;  // primary: the group's standbys in pg_stat_replication
};

/// What is on disk, read while no server runs.
struct DiskView {
  bool exists = false;           // and is not empty
  bool is_postgres = false;      // has PG_VERSION and a readable pg_control
  bool control_missing = false;  // PG_VERSION, but no readable pg_control: only a fresh copy can help
  SystemId system_id;
  Timeline timeline;
  std::vector<HistoryEntry> history;
  Lsn end;  // of the WAL after a clean shutdown; 0 after a crash: there may be more than pg_control tells
};

/// Why a standby cannot stream, as its log tells.
enum class Refusal : unsigned char {
  none,
  diverged,  // its history is not its upstream's
  wal_gone,  // its upstream no longer has the WAL that it needs
};

struct Observation {
  TimePoint began;                   // of the look: what `answer` says was so then or later
  bool running = false;              // there is a postmaster
  std::uint64_t server = 0;          // which one: another number is another server
  std::optional<ServerView> answer;  // nullopt: the server did not answer within the shell's patience
  std::optional<DiskView> disk;      // nullopt: a server runs, or the directory could not be read
  bool crowded = false;              // no answer, as all connections are taken; the server lives
  std::string problem;               // why `answer` or `disk` is missing, one sentence

  // Files in and beside the data directory, read whether a server runs or not.
  bool standby_signal = false;  // started, it is a standby
  bool fresh_backup = false;    // a base backup that was never started
  bool rewinding = false;       // pg_rewind was cut short: it may only be rewound again or replaced by a copy
  bool held_stopped = false;    // an operator wants Postgres stopped until he says otherwise
  bool forked = false;          // it accepted writes while it was to be a standby: the same
  bool clients_held = false;    // a server that is started lets in autoctl and the other nodes only

  /// Settings of the server that runs which replication cannot work with, and which it changes at a start only:
  /// "wal_level (minimal, needs replica)".
  std::vector<std::string> restart_needs;
  bool configuration_changed = false;  // by somebody else, since Order::configure; only while a server runs

  std::uint64_t disk_left = UINT64_MAX;    // bytes free for the data or, where they lie elsewhere, for the WAL
  Refusal refusal = Refusal::none;         // since the server was last told which node to follow
  std::optional<PortState> upstream_port;  // tried because the core asked for it

  /// It ran as a primary, or stopped as one. A base backup that was never started has no WAL of its own.
  bool may_have_own_wal() const { return forked || (!standby_signal && !fresh_backup); }
};

}  // namespace autoctl::keeper
