// The states of a node, as reported by its keeper or assigned by the monitor, under pg_auto_failover's names.
#pragma once

#include <array>
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
  join_secondary,     // fenced standby that lost an election and follows the winner
  prepare_promotion,  // candidate: chosen, about to be promoted, still a standby
  stop_replication,   // candidate: past the point of no return, promoting
  draining,           // primary that hands over: checkpoint, then fast shutdown
  demote_timeout,     // former primary that must stop; it can still be called back
  demoted,            // former primary, stopped
  report_lsn,         // fenced standby: has stopped receiving and reports how far it got
  fast_forward,       // candidate that fetches missing WAL from the most advanced standby
  prepare_maintenance,
  wait_maintenance,
  maintenance,
  apply_settings,
  dropped,  // removed by an operator; terminal
};

inline constexpr std::array all_node_states = {
    NodeState::init,
    NodeState::single,
    NodeState::wait_primary,
    NodeState::primary,
    NodeState::wait_standby,
    NodeState::catchingup,
    NodeState::secondary,
    NodeState::join_secondary,
    NodeState::prepare_promotion,
    NodeState::stop_replication,
    NodeState::draining,
    NodeState::demote_timeout,
    NodeState::demoted,
    NodeState::report_lsn,
    NodeState::fast_forward,
    NodeState::prepare_maintenance,
    NodeState::wait_maintenance,
    NodeState::maintenance,
    NodeState::apply_settings,
    NodeState::dropped,
};

std::string_view to_string(NodeState state);
std::optional<NodeState> parse_node_state(std::string_view name);

/// States in which Postgres may accept writes; a lease guards them (design, rule 3).
constexpr bool may_accept_writes(NodeState state) {
  return state == NodeState::single || state == NodeState::wait_primary || state == NodeState::primary ||
         state == NodeState::stop_replication || state == NodeState::apply_settings ||
         state == NodeState::prepare_maintenance;
}

/// States in which a node is its group's primary: at most one node of a group has such a goal.
constexpr bool is_leader_state(NodeState state) {
  return state == NodeState::single || state == NodeState::wait_primary || state == NodeState::primary ||
         state == NodeState::apply_settings;
}

}  // namespace autoctl
