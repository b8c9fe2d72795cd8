// The monitor of the model world: the real decide() over a snapshot made from what the monitor has stored and was told.
#pragma once

#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "monitor/fsm/decide.h"
#include "world.h"

namespace autoctl::sim {

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
};

/// What one decision does to the world.
struct Effect {
  SimMonitor monitor;                      // afterwards
  std::array<bool, max_nodes> assigned{};  // nodes that got a new goal
  int rule_id = 0;
  std::string problem;  // the decision itself is malformed
};

monitor::GroupSnapshot snapshot_of(const SimMonitor& monitor, const Belief& belief, const Rules& rules);
/// What the coordinator of a worker group is told.
struct Route {
  std::optional<int> hold_for;  // nullopt: the statements go on
  std::optional<int> primary;   // the node that the monitor sees accept writes
};
Route route_of(const SimMonitor& monitor, const Belief& belief, const Rules& rules);
std::optional<Effect> decide_once(const SimMonitor& monitor, const Belief& belief, const Rules& rules);
void apply(World& world, const Effect& effect);
/// `enable maintenance --allow-failover`, as far as the monitor takes it.
bool operator_wants_maintenance(World& world, int node);
/// `disable maintenance`.
bool operator_ends_maintenance(World& world, int node);
/// `drop node`; one at most.
bool operator_drops(World& world, int node);
/// A dropped node leaves the group: in truth when it has stopped or is dead, here at any time.
bool monitor_forgets(World& world, int node);
std::string_view rule_name(int rule_id);

/// decide() with a memory: worlds by the million share a few thousand states of the monitor.
class Decisions {
 public:
  /// `worker`: the group's statements come through a coordinator, of which anything may be believed.
  Decisions(Rules rules, int nodes, bool worker) : rules_(std::move(rules)), nodes_(nodes), worker_(worker) {}
  /// The decision that this belief leads to.
  const std::optional<Effect>& under(const SimMonitor& monitor, const Belief& belief);
  /// All different decisions that any belief leads to.
  const std::vector<Effect>& under_any_belief(const SimMonitor& monitor);
  const Route& route(const SimMonitor& monitor, const Belief& belief);
  std::size_t monitor_states() const { return any_.size(); }

 private:
  struct Key {
    SimMonitor monitor;
    std::array<std::uint8_t, 3> belief;
  };
  struct SameBytes {
    template <class T>
    bool operator()(const T& a, const T& b) const {
      return std::memcmp(&a, &b, sizeof a) == 0;
    }
  };
  struct Hash {
    template <class T>
    std::size_t operator()(const T& key) const {
      return hash_bytes(&key, sizeof key);
    }
  };

  Rules rules_;
  int nodes_;
  bool worker_;
  std::unordered_map<Key, std::optional<Effect>, Hash, SameBytes> one_;
  std::unordered_map<Key, Route, Hash, SameBytes> routes_;
  std::unordered_map<SimMonitor, std::vector<Effect>, Hash, SameBytes> any_;
};

}  // namespace autoctl::sim
