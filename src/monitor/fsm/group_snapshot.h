// One group as the monitor sees it at one moment: the whole input of decide().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/goal.h"
#include "monitor/fsm/verdict.h"

namespace autoctl::monitor {

/// What a standby may lack, at most, of what its primary has acknowledged.
struct Lack {
  Millis time{0};           // what was acknowledged in so much time before the end of the primary's lease
  std::uint64_t bytes = 0;  // of the WAL that the primary has reported
};

struct NodeView {
  NodeId id;
  std::string name;
  Goal goal;
  TimePoint goal_since;   // on the monitor's clock; monitor start if it was assigned before that
  bool reported = false;  // facts are from a report since the monitor started
  NodeFacts facts;        // last report; before the first one only `state` is known, from the store
  Health health;
  int candidate_priority = 50;  // 0 = never promoted
  bool replication_quorum = true;
  TimePoint lease_until;  // until when this node may hold a lease that this monitor granted
  Millis stalled_for{0};  // a standby that does not stream: for how long, up to the primary's last report
  /// A standby of a primary that is known to serve by a strict lease; nullopt when nothing bounds it.
  std::optional<Lack> may_lack;
};

/// An operator's request that is under way. One at a time per group.
struct Operation {
  enum class Kind : unsigned char { switchover, promotion, forced_failover, accepted_timeline };
  std::int64_t id = 0;
  Kind kind = Kind::switchover;
  NodeId target;  // promotion, accepted_timeline: the node named; else 0 until the candidate is chosen
  TimePoint requested_at;
};

/// An operator's request to take a node out of service or back into it, not fulfilled yet. Never together with an
/// Operation.
struct MaintenanceRequest {
  enum class Kind : unsigned char { begin, end };
  Kind kind = Kind::begin;
  NodeId node;
  TimePoint requested_at;
  bool fresh_copy = false;  // end: its data is replaced by a copy
};

/// What the coordinator of a Citus formation does with the statements for this group.
struct Traffic {
  bool coordinator_ready = false;  // its keeper can hold and move the statements now
  NodeId routed_to;                // where they go; 0 = nowhere yet
  NodeId held_for;                 // statements wait until this node takes over; 0 = they do not wait
  std::string trouble;             // why it is not as planned; empty when all is well
};

struct GroupSnapshot {
  std::string formation;
  GroupId group = 0;
  Term term;
  /// The quorum that the primary has proved that every commit waits for, and the one that it was last told to wait for.
  /// An election needs both: until the assigned one is proved, either may be in force.
  SyncQuorum quorum_confirmed;
  SyncQuorum quorum_assigned;
  std::vector<NodeView> nodes;  // ordered by id
  std::optional<Operation> operation;
  std::optional<MaintenanceRequest> maintenance;
  std::optional<Traffic> traffic;  // worker groups of a Citus formation
  /// False while the monitor has lost sight of most nodes at once: then silence proves nothing
  /// (docs/safety-rules.md, rule 5).
  bool monitor_trusts_itself = true;

  const NodeView* find(NodeId id) const;
};

}  // namespace autoctl::monitor
