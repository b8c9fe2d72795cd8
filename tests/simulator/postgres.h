// A pretended Postgres: a data directory that survives, a server that does not, and replication between the servers of
// a group. A commit is a WAL position; it is acknowledged when the synchronous_standby_names in force at that server
// are satisfied by what its standbys said they flushed.
#pragma once

#include <array>
#include <functional>
#include <vector>

#include "kernel.h"
#include "pretended_network.h"
#include "timelines.h"

namespace autoctl::simulator {

inline constexpr int group_size_max = 7;

enum class Server : std::uint8_t { stopped, starting, up, stopping };
/// What a standby's log says about why it cannot stream.
enum class Refusal : std::uint8_t { none, diverged, ahead, wal_gone };

struct Postgres {
  // ---- on disk
  bool exists = false;
  bool rewinding = false;  // a rewind was cut short: must not be started
  bool standby_signal = false;
  bool forked = false;  // the keeper's marker: a standby that accepted writes, it is rewound or copied and not started
  bool lost_its_place = false;  // its primary has removed WAL that it needs
  Position wal;
  std::uint64_t consistent_at = 0;  // a copy or rewind answers only after it has replayed up to here
  bool clean = false;               // it was shut down, not killed
  int conf_upstream = -1;
  SyncQuorum conf_sync;

  // ---- the server
  Server server = Server::stopped;
  std::uint32_t generation = 0;
  bool primary = false;
  bool promoting = false;
  int upstream = -1;
  SyncQuorum sync;
  Micros disk_full_until = 0;
  Micros slow_until = 0;
  /// Until then nobody new is let in. Whoever is connected is served; `deaf`: but for the keeper.
  Micros hung_until = 0;
  bool deaf = false;

  /// A standby's WAL receiver; 0 = not connected. Both ends know the connection by its number.
  std::uint32_t connection = 0;
  std::uint32_t receiver_turns = 0;  // which chain of turns is the living one
  Micros heard_at = 0;
  Refusal refusal = Refusal::none;

  /// A server's senders, by the receiving node's place in the group.
  struct Sender {
    std::uint32_t connection = 0;
    std::uint64_t flushed = 0;
    Micros replied_at = 0;
  };
  std::array<Sender, group_size_max> senders{};

  /// Clients' commits that wait for their acknowledgement, oldest first.
  std::array<std::uint64_t, 4> pending{};
  int pending_count = 0;

  bool running() const { return server != Server::stopped; }
  /// Would answer a query.
  bool answers() const { return server == Server::up && (primary || wal.lsn >= consistent_at); }
  bool accepts_writes() const { return server == Server::up && primary; }
};

/// A host: what it runs can be switched off, or frozen.
struct Host {
  bool powered = true;
  Micros frozen_until = 0;
};

/// All servers of all groups, and what they say to each other.
class Servers {
 public:
  Servers(Kernel& kernel, PretendedNetwork& network, int groups, int group_size);

  Postgres& operator[](int node) { return servers_[static_cast<std::size_t>(node)]; }
  const Postgres& operator[](int node) const { return servers_[static_cast<std::size_t>(node)]; }
  Host& host(int node) { return hosts_[static_cast<std::size_t>(node)]; }
  const Host& host(int node) const { return hosts_[static_cast<std::size_t>(node)]; }
  Timelines& timelines(int node) { return timelines_[static_cast<std::size_t>(node / group_size_)]; }
  const Timelines& timelines(int node) const { return timelines_[static_cast<std::size_t>(node / group_size_)]; }
  int group_of(int node) const { return node / group_size_; }
  int place_of(int node) const { return node % group_size_; }
  int first_of(int group) const { return group * group_size_; }
  int group_size() const { return group_size_; }
  int count() const { return static_cast<int>(servers_.size()); }
  /// Nodes by the monitor's ids.
  void name(int node, NodeId id);
  NodeId id_of(int node) const { return ids_[static_cast<std::size_t>(node)]; }
  int node_of(NodeId id) const { return nodes_[static_cast<std::size_t>(id.value)]; }

  bool frozen(int node) const { return host(node).frozen_until > kernel_.now; }
  bool disk_is_full(int node) const { return (*this)[node].disk_full_until > kernel_.now; }
  bool hung(int node) const { return (*this)[node].running() && (*this)[node].hung_until > kernel_.now; }
  /// Nor does it answer its keeper.
  bool deaf(int node) const { return hung(node) && (*this)[node].deaf; }
  /// A connection attempt from one node at another's Postgres.
  PortState port_of(int from, int to) const;
  /// Both directions of a connection work and somebody is there.
  bool reach(int from, int to) const;

  // ---- what a keeper does to its server
  void start(int node);
  void begin_shutdown(int node);
  /// At once: a crash, an immediate shutdown, a lost host.
  void kill(int node);
  void set_sync(int node, const SyncQuorum& quorum);
  void set_upstream(int node, int upstream);
  void promote(int node);
  /// Somebody does, whatever its keeper and the monitor think.
  void promote_by_hand(int node);
  /// The data of a fresh cluster.
  void create(int node);
  /// Streams from its upstream, as far as it knows.
  bool receiving(int node) const;
  /// pg_stat_replication has `standby`, streaming.
  bool streams_to(int node, int standby) const;
  /// Of those who count, so many have told that they flushed up to there.
  int flushed_by(int node, const SyncQuorum& quorum, std::uint64_t lsn) const;
  /// What this one has told; 0 if it does not stream.
  std::uint64_t flushed_by(int node, int standby) const;
  /// Where the keeper's tools, pg_rewind and pg_basebackup, find a primary's data.
  bool can_read_from(int node, int upstream) const;

  /// Of a keeper's own session. False if nothing can be written there.
  bool write(int node);
  /// What was written there up to this LSN is acknowledged: a promise, as a client's commit is.
  bool acknowledges(int node, std::uint64_t lsn);

  // ---- events
  void commit(int node);
  void on_started(const Event& event);
  void on_stopped(const Event& event);
  void on_promoted(const Event& event);
  void on_receiver_turn(const Event& event);
  void on_wal(const Event& event);
  void on_flush_told(const Event& event);
  void on_upstream_closed(const Event& event);
  void on_standby_closed(const Event& event);

  // ---- the truth about each group
  /// Could complete a new commit now.
  bool can_acknowledge(int node) const;
  bool has_every_acknowledged_commit(int node) const;
  std::uint64_t acknowledged(int group) const { return acknowledged_[static_cast<std::size_t>(group)].count; }
  void check_one_acknowledges(int group) const;
  /// The monitor knows that this primary has WAL up to there.
  void monitor_hears(int node, std::uint64_t lsn);
  /// It is to be the primary, where a failover may lose so much: what it lacks no longer counts, if it is not more.
  void forgive_loss(int node, Micros time_max, std::uint64_t bytes_max);
  /// The node of this group that was opened for writes last, by its keeper; -1 = none yet.
  int latest_writer(int group) const { return writers_[static_cast<std::size_t>(group)]; }

  /// Called when a server has ended or begun to run: its keeper sees it at once.
  std::function<void(int node)> server_changed;

 private:
  struct Acknowledged {
    bool any = false;
    Position last;
    std::uint64_t count = 0;
    std::vector<std::pair<Position, Micros>> all;  // what moved `last`, and when
    Position heard_of;                             // what the monitor knows to have been written
  };

  void note(int node, std::string_view what, std::string detail = {}) {
    kernel_.trace.note(kernel_.now, group_of(node), place_of(node), what, std::move(detail));
  }
  void open_for_writes(int node, bool by_hand);
  Micros latency() { return kernel_.random.skewed(100, 60'000); }
  bool upstream_is_heard(int standby) const;
  void schedule_receiver(int standby, Micros delay);
  void connect(int standby);
  void drop_receiver(int standby);
  void receive(int standby, Position upto);
  void push_wal(int node);
  void take_flush(int node, int standby, std::uint64_t lsn);
  void acknowledge(int node);
  void promised(int node, std::uint64_t lsn);

  Kernel& kernel_;
  PretendedNetwork& network_;
  int group_size_;
  std::uint32_t connections_ = 0;
  std::vector<Postgres> servers_;
  std::vector<Host> hosts_;
  std::vector<NodeId> ids_;
  std::vector<int> nodes_;
  std::vector<Timelines> timelines_;
  std::vector<Acknowledged> acknowledged_;
  std::vector<int> writers_;
};

}  // namespace autoctl::simulator
