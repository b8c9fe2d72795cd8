// What the members of Instance share. Private to src/keeper/postgres.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "common/postgres/postmaster.h"
#include "common/tls/scram.h"
#include "keeper/postgres/computed_settings.h"
#include "keeper/postgres/control_data.h"
#include "keeper/postgres/instance.h"
#include "keeper/postgres/kept_files.h"
#include "keeper/postgres/layout.h"
#include "keeper/postgres/other_disks.h"
#include "keeper/postgres/session.h"
#include "keeper/postgres/wal_room.h"

namespace autoctl::keeper {

Result<ControlData> read_control_data(const Tools& tools, const std::string& pgdata);

/// What observe() shows for names that some process of the server may not know yet: parses as no quorum of autoctl's.
inline constexpr const char* names_not_yet_in_force = "(being changed)";

/// Of each WAL sender, by pid: the time of its standby's last reply by that one's clock, and when it was first seen.
struct LastReply {
  std::string sent;
  TimePoint seen;
};
using Replies = std::map<std::string, LastReply>;

struct Instance::Impl {
  Impl(config::Config c, config::Files f, Tools t)
      : config(std::move(c)),
        files(std::move(f)),
        tools(std::move(t)),
        postmaster(files.pgdata),
        session(files.pgdata) {}

  config::Config config;
  config::Files files;
  Tools tools;
  postgres::Postmaster postmaster;
  Session session;
  Timeline seen_timeline;                // the highest that this postmaster's WAL receiver was seen on
  bool sync_names_unproven = true;       // a former keeper may have died in the middle of a change
  std::optional<Priorities> sync_order;  // of the names as they are in force; nullopt: not known
  bool keeper_restarts = false;          // a server whose child has crashed, see restart_crashed_server_by_keeper()
  bool cut_off = false;                  // receives from no node, as stop_receiving() has proved

  KeptFiles kept_files;                    // the configuration files as we left them
  std::optional<TimePoint> no_line_since;  // some peer has none in pg_hba.conf: its name led nowhere
  std::string hba_complaint;               // as it was told
  std::optional<ServerSettings> in_force;  // of those that a start alone changes; nullopt: not asked yet
  std::optional<ServerSettings> wanted;    // as last computed
  std::map<std::string, int> room;         // max_… that this server would need beside what others take of it
  struct KeptRole {
    std::string password;  // as pg_authid has it; empty: none
    bool may_log_in = true;
    bool operator==(const KeptRole&) const = default;
  };
  std::map<std::string, KeptRole> kept_roles;  // for replication, as we last left them in this server
  tls::ScramVerifierCache shared_verifier;

  std::optional<TimePoint> login_hangs_since;  // at the upstream's port, though something answers there

  Replies replies;  // as they were last seen
  std::vector<std::string> news;

  /// To the log and to the monitor's events.
  void tell(std::string sentence);

  std::uint64_t servers_seen = 0;
  std::optional<BoundsWritten> bounds_written;

  void new_server() {
    ++servers_seen;
    replies.clear();
    seen_timeline = {};
    sync_names_unproven = true;
    cut_off = false;
    kept_roles.clear();
    in_force.reset();
    room.clear();
    bounds_written.reset();
  }

  Layout layout() const { return find_layout(files.pgdata, tools.major, read_given_files(files)); }

  /// All but the goal's: what is computed from the machine, the configuration and pg_control.
  ServerSettings wanted_settings(const Layout& place) const;
  /// Brings our include file and what would override it up to date: what is computed from the machine, the
  /// configuration and pg_control, and `changes`. True when a file changed.
  Result<bool> write_settings(const ServerSettings& changes) { return write_settings(layout(), changes); }
  Result<bool> write_settings(const Layout& place, const ServerSettings& changes);
  /// Where the configuration of a copy in `directory` is that will become PGDATA.
  Layout layout_of_copy(const std::string& directory) const;
  /// Changes only goal settings and looks at nothing else: for the moments when milliseconds count.
  Result<bool> change_goal(const ServerSettings& changes);
  Result<bool> write_wal_bounds();
  Result<bool> write_hba(const std::vector<protocol::Peer>& peers, const std::vector<protocol::Peer>& neighbours);
  std::vector<std::string> hba_files();
  Result<bool> write_hba_file(const std::string& path, const std::vector<protocol::Peer>& peers,
                              const std::vector<protocol::Peer>& neighbours);
  /// What keeps the server at its former pg_hba.conf, if it were told to read it now: said once.
  void tell_unreadable_hba_line();
  Result<> ensure_config_files(const Layout& layout) const;
  Result<bool> reset_overrides(const Layout& layout, const ServerSettings& ours);
  /// Changes goal settings, and where the server runs waits until every new session of it has the value of `name`, one
  /// of them. An ALTER SYSTEM that overrides it is reset. Timeout when another file of the user's does.
  Result<> put_in_force(const ServerSettings& changes, const std::string& name, Millis timeout);
  Result<> read_from_primaries();
  void end_what_holds_replay_up();
  Result<> await_wal_processes(Millis timeout);
  void continue_stopped(const std::set<pid_t>& processes);
  bool still_cut_off();
  Result<> await_no_receiver(std::chrono::steady_clock::time_point deadline);

  /// How standbys, pg_basebackup and pg_rewind reach another node; no secret in it.
  std::string conninfo(const protocol::Peer& upstream) const;
  /// The same for statements in database postgres.
  std::string query_conninfo(const protocol::Peer& upstream) const;
  ServerSettings upstream_settings(const protocol::Peer* upstream, NodeId self) const;

  /// A session on the running server that makes roles here only.
  Result<pg::Connection> open_for_roles() const;

  /// A replicator's session on another node, database postgres. Errors as pg::Connection::open.
  Result<pg::Connection> open_upstream(const protocol::Peer& upstream) const;
  Result<std::vector<Tablespace>> tablespaces_of(const protocol::Peer& upstream) const;
  Result<> run_basebackup(const protocol::Peer& upstream, NodeId self, const OtherDisks& disks,
                          const Cancelled& cancelled, const Progress& progress) const;
  Result<> finish_recovery(const Cancelled& cancelled) const;
  /// Keeps the WAL that the upstream does not have. Conflict when only a copy can make this node follow it.
  Result<> part_from(pg::Connection& upstream);
  /// A dry run, of data that is ready for the real one.
  Result<> try_rewind(const protocol::Peer& upstream, const Cancelled& cancelled, const Progress& progress) const;
  Result<> run_rewind(const protocol::Peer& upstream, bool dry, const Cancelled& cancelled,
                      const Progress& progress) const;
  Result<> become_rewound_standby();

  /// Others may have taken the slots and WAL senders that `peers` nodes need. True when more is wanted than before.
  Result<bool> look_for_room(std::size_t peers);
  void ask_for_checkpoint() const;
  Result<> remove_recovery_signal();
  void clear_socket_locks() const;
  Result<> await_ready(std::size_t log_start, const Cancelled& cancelled);
  Error startup_error(std::size_t log_start) const;
};

}  // namespace autoctl::keeper
