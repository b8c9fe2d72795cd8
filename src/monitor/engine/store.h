// What the monitor remembers, and the seam behind which it is kept. Postgres is the default; another store would
// implement the same few functions.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"
#include "monitor/engine/operation_kind.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

struct FormationRow {
  std::string name;
  std::string kind = "pgsql";
  std::string dbname = "postgres";
  Settings settings;
  std::string replication_password;
  bool incomplete = false;  // nodes are awaited: nothing is decided until all of them have come
};

struct GroupRow {
  std::string formation;
  GroupId group = 0;
  Term term;
  SyncQuorum quorum_confirmed;
  SyncQuorum quorum_assigned;
  SystemId system_id;  // 0 = no node has reported it yet
  bool primary_given_up =
      false;  // by an operator, while it was awaited: the nodes that have come elect, and may lack commits
};

/// The keeper that is a node, as it was last heard: protocol::Instance. It is written down now and then: keepers know
/// newer links than a monitor that starts again.
struct InstanceRow {
  std::string id;
  std::uint64_t number = 0;
  std::string place;
};

struct NodeRow {
  NodeId id;
  std::string formation;
  GroupId group = 0;
  std::string name, host, role, region, ssl_mode;
  int port = 0;
  int api_port = 0;
  std::vector<IpAddress> addresses;  // from which it connects to the others
  ScramVerifier verifier;            // protocol::Peer::verifier
  int candidate_priority = 50;
  bool replication_quorum = true;
  Goal goal;
  NodeState reported = NodeState::init;
  Term reported_term;
  std::string pg_version;
  std::uint64_t epoch = 0;
  InstanceRow instance;
  std::string token_sha256;  // hex
  // What pg_dist_node is to say about it, in a Citus formation.
  bool citus_secondary = false;
  std::string citus_cluster = "default";
  int proxy_port = 0;
  bool awaited = false;  // it is, or was, under another monitor and has not reported here yet
};

struct OperationRow {
  std::int64_t id = 0;
  OperationKind kind = OperationKind::switchover;
  std::string formation;
  GroupId group = 0;
  NodeId target;            // 0 = not chosen yet
  NodeId then_maintenance;  // switchover: the old primary, when it hands over for its maintenance
  OperationStatus status = OperationStatus::running;
  std::string message;
  std::int64_t first_event = 0;
  std::chrono::system_clock::time_point requested_at;
};

/// A credential that an operator made. One that has ended stays for a while, so that a refusal can say why.
struct TokenRow {
  std::int64_t id = 0;
  std::string role = "join";
  std::string label;
  std::vector<std::string> formations;  // empty: all
  std::optional<GroupId> group;         // nullopt: any of the formation
  std::string sha256;                   // hex
  int nodes_left = 0;                   // join: how many may still register with it
  bool revoked = false;
  std::string made_by;  // who, and from where
  std::chrono::system_clock::time_point made_at, expires_at;
};

/// Everything but the events.
struct Image {
  std::string monitor_id;
  std::vector<FormationRow> formations;
  std::vector<GroupRow> groups;
  std::vector<NodeRow> nodes;
  std::vector<OperationRow> operations;  // the running ones and the latest of the others
  std::vector<TokenRow> tokens;
  NodeId last_node;  // ids up to this one are taken
  std::int64_t last_operation = 0;
  std::int64_t last_event = 0;
};

/// One transaction. Rows replace those of the same key; the writer numbers nodes, operations and events.
struct Change {
  std::vector<FormationRow> formations;
  std::vector<GroupRow> groups;
  std::vector<NodeRow> nodes;
  std::vector<NodeId> removed;
  std::vector<std::string> removed_formations;  // with their groups; last of all
  std::vector<OperationRow> operations;
  std::vector<TokenRow> tokens;
  std::vector<std::int64_t> removed_tokens;
  std::vector<protocol::EventDocument> events;

  bool empty() const {
    return formations.empty() && groups.empty() && nodes.empty() && removed.empty() && removed_formations.empty() &&
           operations.empty() && tokens.empty() && removed_tokens.empty() && events.empty();
  }
};

struct EventQuery {
  std::string formation;  // empty = all
  std::optional<GroupId> group;
  std::int64_t after = 0;  // ids above this one
  bool latest = false;     // the last `count` of them, not the first
  int count = 100;
};

/// One writer at a time; not thread-safe. After any error but that of events() the outcome is in doubt: the store
/// refuses everything until load() has succeeded, and what load() returns is what happened. The one exception: a change
/// whose data it cannot hold is refused as bad_usage; nothing of it has happened, and the store goes on.
class Store {
 public:
  virtual ~Store() = default;
  /// Connects anew, waits until no former session of this monitor can still be writing, and reads everything.
  virtual Result<Image> load() = 0;
  virtual Result<> commit(const Change& change) = 0;
  /// Oldest first.
  virtual Result<std::vector<protocol::EventDocument>> events(const EventQuery& query) = 0;
};

}  // namespace autoctl::monitor
