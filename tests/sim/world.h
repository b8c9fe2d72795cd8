// A world of one group with two nodes, small enough to explore exhaustively: what is on each node's disk and in its
// memory, what the monitor has stored and what it believes, and which commits clients were promised.
//
// What is left out, and why nothing is lost by it:
// - Reports on their way are explored in a plan of their own. Goals on their way need not be: a keeper that gets one
// late is as
//   one that has got it early and is slow.
// - Being down, being cut from the monitor, a lost answer: for safety all of these are "does not act now", and the
// explorer
//   tries every order of actions. What a crash destroys (the server, the place in a transition, the monitor's facts) is
//   an action of its own.
// - Verdicts: the explorer lets the monitor believe anything about anybody at any time, far more than assess() allows.
// Safety
//   must not depend on a verdict. The real assess() judges in the fair runs (fair_run.h).
// - Term numbers: of a node's term only three facts matter, each a bit below (heard, done, current).
// - LSNs: logs hold commit tokens. A token that both nodes have and that is settled is forgotten, so that the number of
// commits
//   is not bounded, only the number of unsettled ones.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "common/fsm/state.h"
#include "keeper/fsm/transitions.h"

namespace autoctl::sim {

enum class Data : std::uint8_t { absent, intact, torn };  // torn: a rewind or copy was cut short
enum class Server : std::uint8_t { stopped, primary, standby };
enum class Commit : std::uint8_t {
  forbidden,  // this exploration has fewer commits
  unused,
  pending_on_0,  // a client's session on node 0 waits for it
  pending_on_1,
  acknowledged,
  abandoned,  // its session is gone: nobody was promised anything, but it may be in a log
};

/// A goal without its term. `upstream` and `sync`: the other node; there is no third.
struct SimGoal {
  NodeState state = NodeState::init;
  bool upstream = false;
  bool sync = false;
  bool fence = false;
  bool checkpoint = false;
  friend bool operator==(const SimGoal&, const SimGoal&) = default;
};

inline constexpr std::uint8_t token_count = 2;

/// The truth about one node.
struct SimNode {
  Data data = Data::absent;
  Server server = Server::stopped;
  bool opens_as_primary = true;  // no standby.signal
  bool upstream = false;         // primary_conninfo names the other node
  bool sync = false;             // synchronous_standby_names names the other node
  bool lost_its_place = false;   // a standby: only a fresh copy can stream
  bool broken = false;           // Postgres cannot be started (no space, say)
  std::uint8_t timeline = 0;
  std::uint8_t length = 0;
  std::array<std::uint8_t, token_count> log{};
  // The keeper's disk.
  NodeState reached = NodeState::init;
  SimGoal goal;
  bool heard = true;  // `goal` is the one that the monitor has assigned last
  bool done = true;   // `reached` was reached for `goal`

  bool has(std::uint8_t token) const {
    for (std::uint8_t i = 0; i < length; ++i)
      if (log[i] == token) return true;
    return false;
  }
};

/// A node's last report, as the monitor remembers it.
struct SimFacts {
  bool reported = false;
  NodeState state = NodeState::init;
  bool current = true;  // its term is that of the node's goal
  bool running = false;
  bool in_recovery = false;
  bool cannot_run = false;
  bool sync = false;       // sync_in_force
  bool connected = false;  // primary: streams to the other; standby: receives
  std::uint8_t timeline = 0;
  friend bool operator==(const SimFacts&, const SimFacts&) = default;
};

/// Whose vote a quorum of two nodes can ask for.
enum class Voter : std::uint8_t { nobody, node_0, node_1 };
enum class Operation : std::uint8_t { none, requested, to_node_0, to_node_1 };

/// What a Citus coordinator does with the statements for this group: where they go, or for whom they wait.
enum class Statements : std::uint8_t { no_coordinator, away, go_to_0, go_to_1, wait_for_0, wait_for_1 };

struct SimMonitor {
  std::array<SimGoal, 2> goals{};
  Voter confirmed = Voter::nobody;
  Voter assigned = Voter::nobody;
  Operation operation = Operation::none;
  std::array<bool, 2> gone{};       // dropped and forgotten
  std::array<SimFacts, 2> facts{};  // lost when the monitor restarts; all else is stored
};

struct World {
  std::array<SimNode, 2> nodes{};
  SimMonitor monitor;
  std::array<SimFacts, 2> sent{};             // reports on their way; `reported` = there is one
  std::array<Commit, token_count> commits{};  // unsettled ones at a time
  bool link = true;                           // between the two nodes
  std::uint8_t faults = 0;
  Statements statements = Statements::no_coordinator;  // in fair runs; before them the monitor may believe anything
};
static_assert(std::has_unique_object_representations_v<World>, "worlds are compared and hashed as bytes");

inline bool operator==(const World& a, const World& b) {
  return std::memcmp(&a, &b, sizeof(World)) == 0;
}
std::uint64_t hash_bytes(const void* data, std::size_t size);

inline int other(int node) {
  return 1 - node;
}
inline Voter voter(int node) {
  return node == 0 ? Voter::node_0 : Voter::node_1;
}
inline Commit pending_on(int node) {
  return node == 0 ? Commit::pending_on_0 : Commit::pending_on_1;
}

/// `standby` streams from the other node: both run in their roles, can reach each other and share a history.
bool streams(const World& world, int standby);
/// `node` could complete a new commit now.
bool can_acknowledge(const World& world, int node);
/// Every acknowledged commit is in this node's log.
bool has_every_acknowledged_commit(const World& world, int node);

/// Worlds that behave alike become equal: forgets settled commits that both nodes have, what nobody reads (settings of
/// data that is gone, which state a report of an older term was about), and makes timelines as small as they can be.
void canonicalise(World& world);

/// The state that stands for `reached` in a report whose term is not the node's goal's: rules only ask whether it
/// served.
NodeState what_matters_of_an_older_term(NodeState reached);

std::string describe(const World& world);

}  // namespace autoctl::sim
