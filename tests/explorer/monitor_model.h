// The monitor of the model world: the real decide() over a snapshot made from what the monitor has stored and was told.
#pragma once

#include <functional>
#include <optional>
#include <string_view>

#include "monitor/fsm/decide.h"
#include "world.h"

namespace autoctl::explorer {

using Decide =
    std::function<std::optional<monitor::Decision>(const monitor::GroupSnapshot&, const monitor::Settings&, TimePoint)>;

/// What an operator has set for a node.
struct Attributes {
  int candidate_priority = 50;
  bool replication_quorum = true;
  friend bool operator==(const Attributes&, const Attributes&) = default;
};

/// All that stays the same during one exploration.
struct Rules {
  monitor::Settings settings;
  Decide decide = monitor::decide;
  std::array<Attributes, max_nodes> attributes{};
};

/// What the monitor sees of a node's last report, or of what has changed since. The defaults are the report as it is.
enum class Role : std::uint8_t { as_reported, primary, standby };
struct Sight {
  Role role = Role::as_reported;
  bool reported = true;         // false: the monitor has restarted since
  bool running = true;          // false: Postgres has crashed, or does not start
  bool position_known = true;   // false: it has crashed
  bool receives = true;         // false: a standby without a connection
  bool is_streamed_to = true;   // false: its primary says so
  bool is_prepared_for = true;  // false: its primary has not made a slot for it yet
  bool stalled = false;         // has not received for long
  bool disk_is_full = false;
  bool forked = false;  // its keeper says that somebody promoted it
};

/// What the monitor believes beyond the facts; the explorer tries everything.
struct Belief {
  std::array<monitor::Verdict, max_nodes> verdicts{};
  bool trusts_itself = true;
  bool stalls_elapsed = false;  // a standby that does not receive has not for long
  bool disk_is_full = false;    // a serving primary says so
  bool others_elapsed = false;  // patience, leases and hand-overs are over
  Statements statements = Statements::no_coordinator;
  bool ids_descend = false;  // the last node has the lowest id
  bool paused = false;       // what has begun is finished, nothing else is decided
  std::array<Sight, max_nodes> sights{};
};

/// What one decision does to the world.
struct SimDecision {
  SimMonitor monitor;                      // afterwards
  std::array<bool, max_nodes> assigned{};  // nodes that got a new goal
  int rule_id = 0;
  bool when_leases_are_over = false;  // taken only then
  std::string problem;                // the decision itself is malformed
};

monitor::GroupSnapshot snapshot_of(const SimMonitor& monitor, const Belief& belief, const Rules& rules);
/// A primary's report is about the others, too: leaves those out whom by this belief it does not stream to.
void look_at_peers(monitor::GroupSnapshot& group, const Belief& belief);
/// A node's name in such a snapshot.
NodeId id_of(int node, bool ids_descend);
/// What the coordinator of a worker group is told.
struct SimRoute {
  std::optional<int> hold_for;  // nullopt: the statements go on
  std::optional<int> primary;   // the node that the monitor sees accept writes
};
SimRoute route_of(const SimMonitor& monitor, const Belief& belief, const Rules& rules);
/// What decide() makes of this snapshot, which is of this monitor.
std::optional<SimDecision> decide_on(const monitor::GroupSnapshot& group, const SimMonitor& monitor,
                                     const Belief& belief, const Rules& rules);
std::optional<SimDecision> decide_once(const SimMonitor& monitor, const Belief& belief, const Rules& rules);
/// False if the decision counts on the end of a lease, and a primary still serves that has to stop at its end.
bool is_possible(const World& world, const SimDecision& effect);
void apply(World& world, const SimDecision& effect);
/// `enable maintenance --allow-failover`, as far as the monitor takes it.
bool operator_wants_maintenance(World& world, int node);
/// `disable maintenance`.
bool operator_ends_maintenance(World& world, int node);
/// `drop node`; one at most.
bool operator_drops(World& world, int node);
/// A dropped node leaves the group: in truth when it has stopped or is dead, here at any time.
bool monitor_forgets(World& world, int node);
std::string_view rule_name(int rule_id);

}  // namespace autoctl::explorer
