// The states a node can be in, as reported by its keeper or assigned by the monitor, and all that is true of a state by
// itself. Names are pg_auto_failover's.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace autoctl {

enum class NodeState : unsigned char {
  init,               // registered, nothing done yet
  single,             // primary of a group of one
  wait_primary,       // primary, read-write, asynchronous: no standby is in the quorum, so none is electable
  primary,            // primary, read-write, synchronous: the goal's quorum is in force
  wait_standby,       // waits until the primary is ready to be copied
  catchingup,         // standby that copies, rewinds or streams its way to the primary
  secondary,          // standby that streams; electable while it is in the confirmed quorum
  prepare_promotion,  // candidate: chosen, about to be promoted, still a standby
  stop_replication,   // candidate: past the point of no return, promoting
  draining,           // primary that hands over: checkpoint, then fast shutdown
  demote_timeout,     // former primary that must stop; it can still be called back
  demoted,            // former primary, stopped
  report_lsn,         // fenced standby: has stopped receiving and reports how far it got
  fast_forward,       // candidate that fetches missing WAL from the most advanced standby
  wait_maintenance,   // standby that streams on until the primary can do without it
  maintenance,        // the operator's: a standby, should Postgres run
  dropped,            // removed by an operator; terminal
};

/// What a node is to its group.
enum class Part : unsigned char { newcomer, leader, standby, candidate, outgoing, maintenance, dropped };

/// What its Postgres has to be.
enum class PostgresRole : unsigned char {
  stopped,
  primary,    // accepts writes, now or as soon as it is promoted
  standby,    // runs and accepts no writes
  operators,  // runs or not, as the operator likes; but never as a primary
};

/// Whose WAL a standby takes.
enum class Receiving : unsigned char {
  nothing,       // it is no standby, or the operator's
  from_primary,  // it streams from the primary, or is on its way to
  until_fenced,  // the same, until its goal says that the old primary is being deposed
  fenced,        // nobody's but what it is told to fetch: an election counts on the position that it told
};

struct StateTraits {
  std::string_view name;
  Part part = Part::newcomer;
  PostgresRole postgres = PostgresRole::stopped;
  Receiving receiving = Receiving::nothing;
  bool counts_in_elections = false;  // what it holds may be the only copy of an acknowledged commit
};

/// The one table. It has no `default:`, so that a new state does not compile until it has a row here.
constexpr StateTraits row_of(NodeState state) {
  switch (state) {
    using enum NodeState;
    using P = PostgresRole;
    using R = Receiving;
    case init: return {"init", Part::newcomer, P::stopped};
    case single: return {"single", Part::leader, P::primary};
    case wait_primary: return {"wait_primary", Part::leader, P::primary};
    case primary: return {"primary", Part::leader, P::primary};
    case wait_standby: return {"wait_standby", Part::newcomer, P::stopped};
    case catchingup: return {"catchingup", Part::standby, P::standby, R::from_primary};
    case secondary: return {"secondary", Part::standby, P::standby, R::from_primary, true};
    case prepare_promotion: return {"prepare_promotion", Part::candidate, P::standby, R::until_fenced, true};
    case stop_replication: return {"stop_replication", Part::candidate, P::primary};
    case draining: return {"draining", Part::outgoing, P::stopped};
    case demote_timeout: return {"demote_timeout", Part::outgoing, P::stopped};
    case demoted: return {"demoted", Part::outgoing, P::stopped};
    case report_lsn: return {"report_lsn", Part::standby, P::standby, R::fenced, true};
    case fast_forward: return {"fast_forward", Part::candidate, P::standby, R::fenced, true};
    case wait_maintenance: return {"wait_maintenance", Part::maintenance, P::standby, R::from_primary};
    case maintenance: return {"maintenance", Part::maintenance, P::operators};
    case dropped: return {"dropped", Part::dropped, P::stopped};
  }
  return {};  // no state
}

/// All of them, in the order in which they are declared: the values that have a row.
inline constexpr auto all_node_states = [] {
  constexpr std::size_t count = [] {
    std::size_t n = 0;
    while (!row_of(static_cast<NodeState>(n)).name.empty()) ++n;
    return n;
  }();
  std::array<NodeState, count> states{};
  for (std::size_t i = 0; i < count; ++i) states[i] = static_cast<NodeState>(i);
  return states;
}();

/// The rows once more, for a lookup without a branch: the explorer asks millions of times a second.
inline constexpr auto state_table = [] {
  std::array<StateTraits, all_node_states.size()> rows{};
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = row_of(all_node_states[i]);
  return rows;
}();

constexpr const StateTraits& traits_of(NodeState state) {
  return state_table[static_cast<std::size_t>(state)];
}

constexpr std::string_view to_string(NodeState state) {
  return traits_of(state).name;
}
/// nullopt when there is no state of this name.
std::optional<NodeState> parse_node_state(std::string_view name);

/// Postgres may accept writes; a lease guards that (docs/safety-rules.md, rule 3).
constexpr bool may_accept_writes(NodeState state) {
  return traits_of(state).postgres == PostgresRole::primary;
}

/// The node is its group's primary: at most one node of a group has such a goal.
constexpr bool is_leader_state(NodeState state) {
  return traits_of(state).part == Part::leader;
}

/// A standby that is neither chosen to be the primary nor about to go into maintenance.
constexpr bool is_standby_state(NodeState state) {
  return traits_of(state).part == Part::standby;
}

/// It streams from the primary, or is on its way to.
constexpr bool follows_primary(NodeState state) {
  return traits_of(state).receiving == Receiving::from_primary;
}

/// What it holds may be the only copy of an acknowledged commit (docs/safety-rules.md, rule 1).
constexpr bool counts_in_elections(NodeState state) {
  return traits_of(state).counts_in_elections;
}

/// Chosen to be the primary.
constexpr bool is_candidate_state(NodeState state) {
  return traits_of(state).part == Part::candidate;
}

/// Chosen, but not told to promote: everything can still be taken back.
constexpr bool can_be_called_off(NodeState state) {
  return is_candidate_state(state) && !may_accept_writes(state);
}

/// The old primary's way down.
constexpr bool is_outgoing_state(NodeState state) {
  return traits_of(state).part == Part::outgoing;
}

/// Out of service by an operator's word, or about to be: nobody counts on it.
constexpr bool is_maintenance_state(NodeState state) {
  return traits_of(state).part == Part::maintenance;
}

/// Its keeper keeps Postgres running, and nobody may be about to take it away.
constexpr bool expects_postgres(NodeState state) {
  const PostgresRole role = traits_of(state).postgres;
  return (role == PostgresRole::primary || role == PostgresRole::standby) && !is_maintenance_state(state);
}

}  // namespace autoctl
