// A world of one group of up to three nodes, small enough to explore exhaustively: what is on each node's disk and in
// its memory, what the monitor has stored and what it believes, and which commits clients were promised.
//
// What is left out, and why nothing is lost by it:
// - Reports on their way are explored in a plan of their own. Goals on their way need not be: a keeper that gets one
//   late is as one that has got it early and is slow: it hears of a goal when it first acts on it.
// - Being down, being cut from the monitor, a lost answer: for safety all of these are "does not act now", and the
//   explorer tries every order of actions. What a crash destroys (the server, the place in a transition, the monitor's
//   facts) is an action of its own.
// - Verdicts: the explorer lets the monitor believe anything about anybody at any time, far more than assess() allows.
//   Safety must not depend on a verdict. The real assess() judges in the fair runs (fair_run.h).
// - Term numbers: of a node's term only three facts matter, each a bit below (heard, done, current).
// - LSNs: logs hold commit tokens, a position is a log's length. A token that all nodes have and that is settled is
//   forgotten, so that the number of commits is not bounded, only the number of unsettled ones.
// - Names: nodes of the same priority and quorum flag are alike, so that only one order of them is explored.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <type_traits>

#include "common/fsm/state.h"
#include "keeper/core/transitions.h"

namespace autoctl::explorer {

inline constexpr int max_nodes = 3;
inline constexpr std::uint8_t nobody = 7;  // instead of a node's number

enum class Data : std::uint8_t { absent, intact, torn };  // torn: a rewind or copy was cut short
enum class Server : std::uint8_t { stopped, primary, standby };

/// A set of nodes, and how many of them a commit waits for.
struct SimQuorum {
  std::uint8_t acks = 0;
  std::uint8_t voters = 0;  // a bit each
  bool asynchronous() const { return acks == 0; }
  bool contains(int node) const { return (voters >> node & 1U) != 0; }
  friend bool operator==(const SimQuorum&, const SimQuorum&) = default;
};

/// A goal without its term.
struct SimGoal {
  NodeState state = NodeState::init;
  std::uint8_t upstream = nobody;
  SimQuorum sync;
  bool fence = false;
  bool checkpoint = false;
  std::uint8_t await_length = 0;
  friend bool operator==(const SimGoal&, const SimGoal&) = default;
};

inline constexpr std::uint8_t token_count = 2;

/// What became of a commit: `forbidden` (this exploration has fewer), `unused`, `acknowledged`, `abandoned` (its
/// session is gone: nobody was promised anything, but it may be in a log), or a client's session on a node waits for
/// it.
enum class Commit : std::uint8_t { forbidden, unused, acknowledged, abandoned, pending_on_0 };
inline Commit pending_on(int node) {
  return static_cast<Commit>(static_cast<int>(Commit::pending_on_0) + node);
}

/// The truth about one node.
struct SimNode {
  Data data = Data::absent;
  Server server = Server::stopped;
  bool opens_as_primary = true;    // no standby.signal
  std::uint8_t upstream = nobody;  // whom primary_conninfo names
  SimQuorum sync;                  // synchronous_standby_names
  bool lost_its_place = false;     // a standby: only a fresh copy can stream
  bool broken = false;             // Postgres cannot be started (no space, say)
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
  SimQuorum sync;              // sync_in_force
  std::uint8_t streaming = 0;  // primary: who streams from it, a bit each
  bool receiving = false;      // standby
  std::uint8_t timeline = 0;
  std::uint8_t length = 0;  // where decisions look at it: elections and hand-overs
  friend bool operator==(const SimFacts&, const SimFacts&) = default;
};

enum class Operation : std::uint8_t { none, requested, to_node_0 };
inline Operation operation_to(int node) {
  return static_cast<Operation>(static_cast<int>(Operation::to_node_0) + node);
}

/// What a Citus coordinator does with the statements for this group: where they go, or for whom they wait.
enum class Statements : std::uint8_t { no_coordinator, away, go_to_0, go_to_1, wait_for_0, wait_for_1 };

struct SimMonitor {
  std::array<SimGoal, max_nodes> goals{};
  SimQuorum confirmed;
  SimQuorum assigned;
  Operation operation = Operation::none;
  std::uint8_t then_leaves = nobody;        // after the hand-over
  std::uint8_t leaves = nobody;             // an operator wants it in maintenance
  std::uint8_t returns = nobody;            // or back
  std::array<bool, max_nodes> gone{};       // dropped and forgotten, or never there
  std::array<SimFacts, max_nodes> facts{};  // lost when the monitor restarts; all else is stored
};

struct World {
  std::array<SimNode, max_nodes> nodes{};
  SimMonitor monitor;
  std::array<SimFacts, max_nodes> sent{};     // reports on their way; `reported` = there is one
  std::array<Commit, token_count> commits{};  // unsettled ones at a time
  std::uint8_t cut = 0;                       // links between two nodes that are cut, a bit each
  std::uint8_t faults = 0;
  std::uint8_t judgements = 0;                         // left of ExplorerPlan::judgements
  Statements statements = Statements::no_coordinator;  // in fair runs; before them the monitor may believe anything
  std::uint8_t size = 2;                               // nodes from this one on do not exist
  bool bounded_loss = false;                           // a primary that waits for no standby serves by a strict lease
};
static_assert(std::has_unique_object_representations_v<World>, "worlds are compared and hashed as bytes");

inline bool operator==(const World& a, const World& b) {
  return std::memcmp(&a, &b, sizeof(World)) == 0;
}
std::uint64_t hash_bytes(const void* data, std::size_t size);

/// The bit of the link between two nodes.
inline std::uint8_t link_between(int a, int b) {
  return static_cast<std::uint8_t>(1U << (a + b - 1));
}
inline bool linked(const World& world, int a, int b) {
  return (world.cut & link_between(a, b)) == 0;
}

/// `standby` streams from its upstream: both run in their roles, can reach each other and share a history.
bool streams(const World& world, int standby);
/// The same, from this one.
bool streams_from(const World& world, int standby, int upstream);
/// Who streams from `upstream`, a bit each.
std::uint8_t streaming_from(const World& world, int upstream);
/// `node` could complete a new commit now.
bool can_acknowledge(const World& world, int node);
/// Every acknowledged commit is in this node's log.
bool has_every_acknowledged_commit(const World& world, int node);

/// Worlds that behave alike become equal: forgets settled commits that all nodes have, what nobody reads (settings of
/// data that is gone, which state a report of an older term was about), makes timelines as small as they can be, and
/// puts nodes that are alike in one order. `alike[n]` is equal for nodes that may change places.
void canonicalise(World& world, const std::array<std::uint8_t, max_nodes>& alike = {0, 1, 2});

/// Are positions of nodes in this state compared by any rule?
bool position_matters(NodeState goal);

std::string describe(const World& world);

}  // namespace autoctl::explorer
