// The one Postgres beside this keeper: its data directory, its process, its settings, its replication. Every action is
// idempotent and may be killed in the middle of. Knows nothing of the monitor or of states.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/fsm/goal.h"
#include "common/fsm/standby_names.h"
#include "common/pg/connection.h"
#include "common/postgres/tools.h"
#include "common/process/process.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"

namespace autoctl::keeper {

using postgres::find_tools;
using postgres::Tools;

/// What is on disk, read without a server.
struct DataDirectory {
  bool exists = false;           // and is not empty
  bool is_postgres = false;      // has PG_VERSION and a readable pg_control
  bool control_missing = false;  // PG_VERSION, but pg_control is gone or unreadable: only a fresh copy can help
  int major = 0;
  SystemId system_id;
  std::string cluster_state;  // pg_controldata's: "in production", "shut down", "shut down in recovery", …
  bool clean_shutdown = false;
  /// It last ran as a standby: its WAL is all of its primary's.
  bool was_standby() const {
    return cluster_state == "in archive recovery" || cluster_state == "shut down in recovery";
  }
  /// It ran as a primary, or stopped as one: it may have WAL of its own. A base backup that was never started has none.
  bool may_have_own_wal() const { return forked || (!standby_signal && !fresh_backup); }
  bool fresh_backup = false;
  Timeline timeline;
  Lsn lsn;  // end of the last checkpoint as far as pg_control tells (shut down: the shutdown checkpoint)
  bool standby_signal = false;
  bool rewinding = false;             // pg_rewind was cut short: may only be rewound again or replaced by a copy
  bool forked = false;                // it accepted writes while it was to be a standby: the same
  std::vector<HistoryEntry> history;  // from pg_wal/<timeline>.history
};
Result<DataDirectory> inspect(const Tools& tools, const std::string& pgdata);
/// Ancestors of `timeline` as its history file tells; empty when there is none. Works beside a running server.
std::vector<HistoryEntry> read_history(const std::string& pgdata, Timeline timeline);

/// What the running server says, in one round trip.
struct Observed {
  bool in_recovery = false;
  SystemId system_id;
  Timeline timeline;  // a primary's current one without waiting for a checkpoint; a standby's received one
  Lsn lsn;            // primary: flushed; standby: the larger of received-and-flushed and replayed
  /// Primary: a session waits until WAL is written or flushed. WAL alone waits for nothing: an open transaction's lies in
  /// memory for 15 s on a server that is otherwise at rest.
  bool flush_awaited = false;
  /// False: a standby that still replays what it has on disk; `lsn` grows without receiving, so elections must wait.
  bool lsn_final = true;
  Lsn replayed;                // standby
  bool replay_paused = false;  // standby
  std::string sync_names;      // synchronous_standby_names in force
  bool receiving = false;      // WAL receiver is streaming and heard from upstream within `fresh`
  struct Walsender {
    std::string application_name;
    bool streaming = false;
    Lsn flushed;
    std::string role;         // as which it logged in; empty: that role is gone
    bool holds_slot = false;  // the one that is named like the application
  };
  std::vector<Walsender> walsenders;
};

/// Who may log in for replication, copies and rewinds.
struct ReplicationRoles {
  struct OfNode {
    NodeId node;
    ScramVerifier verifier;
    bool may_log_in = true;
  };
  std::vector<OfNode> nodes;    // each as standby_name(node)
  std::string shared_password;  // with which nodes that have no role of their own log in as `replicator`; empty: none
};

enum class StopMode { fast, immediate };

/// Called every few tens of milliseconds by everything that may take long: true = give up, a newer goal came.
using Cancelled = std::function<bool()>;
/// A copy's or rewind's progress, 0…100, and a sentence for the log.
using Progress = std::function<void(int percent, const std::string& what)>;

/// Not thread-safe but for kill_now() and pidfd(): one worker thread owns it.
class Instance {
 public:
  Instance(config::Config config, config::Files files, Tools tools);
  ~Instance();  // leaves a running Postgres running

  const Tools& tools() const;
  Result<DataDirectory> inspect() const;

  // ---- data directory, server stopped
  /// initdb for the configured auth method. A half-done earlier try is removed first; a foreign directory is a
  /// conflict.
  Result<> initdb(const Cancelled& cancelled);
  /// Writes our include file (postgresql-autoctl.conf, after the user's settings that we do not own), the include line,
  /// TLS files, the marked HBA block. Works with Debian's /etc/postgresql layout in place. Idempotent; reloads a
  /// running server when something changed. `neighbours`: the nodes of a Citus formation's other groups.
  Result<> configure(const std::vector<protocol::Peer>& peers, const std::vector<protocol::Peer>& neighbours = {});
  /// From the next configure() on: a postmaster whose child crashes ends, instead of starting its children again with
  /// everybody let in.
  void restart_crashed_server_by_keeper(bool wanted);
  /// Somebody else has changed one of the files that configure() last left: it is to be called again. Cheap.
  bool configuration_is_changed() const;
  /// What is written and started from now on follows `config`; a running server stays as it is.
  void change_config(config::Config config);
  const config::Config& config() const;
  /// pg_basebackup from `upstream` into clone_directory(), swapped in at the end; the old data goes only then.
  Result<> clone(const protocol::Peer& upstream, NodeId self, const Cancelled& cancelled, const Progress& progress);
  /// Crash recovery first if it was not shut down cleanly, then pg_rewind. Errors: conflict = proof that it cannot work
  /// (no common ancestor, WAL gone, pg_control gone): clone; anything else: try again.
  Result<> rewind(const protocol::Peer& upstream, const Cancelled& cancelled, const Progress& progress);
  /// standby.signal and primary_conninfo / primary_slot_name (reloads when running); `upstream` null = receive from
  /// no node.
  Result<> set_upstream(const protocol::Peer* upstream, NodeId self);
  /// Removes standby.signal. Only for data that was a primary when it stopped.
  Result<> set_primary();

  // ---- process
  /// Takes over a postmaster that runs on our PGDATA (a former keeper's); false if there is none.
  bool adopt();
  bool running() const;
  /// Readable once the postmaster has ended; -1 when none runs. Thread-safe; the number stays the same and open until
  /// the destructor, so another thread may keep polling it. Only for poll().
  int pidfd() const;
  /// Clears what a dead postmaster left (orphans, stale lock file), starts one as our child, and waits until it answers
  /// a query on its real listener: as long as recovery makes progress. Errors: postgres (its last log lines), conflict
  /// (port in use).
  Result<> start(const Cancelled& cancelled);
  /// fast: SIGINT, then immediate after `patience`, then SIGKILL. Returns when it is gone and reaped.
  Result<> stop(StopMode mode, Millis patience);
  /// SIGQUIT to the postmaster now. Thread-safe, takes no lock that any other member holds while it waits, touches no
  /// disk.
  void kill_now();
  Result<> reload();
  /// How many servers were started or adopted so far: a new one may have other slots, timelines and positions.
  std::uint64_t servers_seen() const;

  /// What has happened since the last call and belongs in the event log.
  std::vector<std::string> take_news();

  // ---- SQL on the running server (database postgres, own connection, kept)
  Result<Observed> observe(Millis timeout);
  /// Does the node answer at its Postgres port? As postgres::probe_postgres() with its certificates. Where none is known,
  /// a session there shows who answers: `own` is the system identifier of the data here, none: no session is tried.
  /// Blocks up to 0.3 s, and for as long as the resolver takes.
  PortState probe_upstream(const protocol::Peer& upstream, SystemId own);
  /// Of a standby whose replay has paused: some of its settings are smaller than its primary's. start() writes larger ones.
  Result<bool> has_less_than_primary();
  /// Settings that configure() changed and that wait for a restart of the running server, which has read what was
  /// written before the last reload().
  Result<std::vector<std::string>> pending_restart();
  /// What replication needs of the running server, and what it changes at a start only: each as "wal_level (minimal,
  /// needs replica)". Also before configure() has written it. Asks each server once.
  Result<std::vector<std::string>> restart_needs(Millis timeout);
  /// A standby under hot_standby = off.
  bool lets_nobody_in() const;
  Result<> checkpoint(const Cancelled& cancelled);
  /// Writes the names, reloads, reads back until they are in force; resets an ALTER SYSTEM that overrides them.
  Result<> set_sync(const SyncQuorum& quorum, const Priorities& priorities = {});
  /// Lists the same names in another order when priorities have changed. On a primary.
  Result<> keep_sync_order(const Priorities& priorities);
  /// --username, --dbname. On a primary only.
  Result<> create_roles(const std::string& formation_dbname);
  /// On a primary: the roles for replication are these and no others, whatever somebody did to them since; their
  /// settings are none. The sessions of one that goes are ended. True when something was put back.
  Result<bool> keep_replication_roles(const ReplicationRoles& wanted);
  /// On the primary of a Citus group: the extension in the formation's database, and where nodes log in with passwords,
  /// such a password for the roles that Citus connects as, derived from `secret`. Existing ones are left alone.
  Result<> prepare_citus(const std::string& secret, const std::string& formation_dbname);
  /// Slots for exactly these peers (created where missing, ours dropped where superfluous; foreign ones are left
  /// alone).
  Result<> sync_slots(const std::vector<NodeId>& peers);
  /// On a primary: what slots keep is bounded by the room on the disk, now. Those that kept more were given up, the
  /// worst first; they are empty slots again, and their standbys are returned.
  Result<std::vector<NodeId>> bound_slots();
  /// On a standby: moves the slots of the other standbys forward to what was replayed, so that they keep no more WAL
  /// than needed.
  Result<> advance_slots();
  /// Ends the WAL receiver and makes sure that it stays ended (primary_conninfo empty), so that the old primary gets no
  /// more acknowledgement from here; returns what was received.
  Result<Lsn> stop_receiving();
  /// Promotes and returns as soon as writes are accepted, not waiting for a checkpoint.
  Result<> promote(const Cancelled& cancelled);

 private:
  Result<> recover_as_standby(const Cancelled& cancelled);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoctl::keeper
