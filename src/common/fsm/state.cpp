#include "common/fsm/state.h"

namespace autoctl {

std::string_view to_string(NodeState state) {
  switch (state) {
    case NodeState::init: return "init";
    case NodeState::single: return "single";
    case NodeState::wait_primary: return "wait_primary";
    case NodeState::primary: return "primary";
    case NodeState::wait_standby: return "wait_standby";
    case NodeState::catchingup: return "catchingup";
    case NodeState::secondary: return "secondary";
    case NodeState::join_secondary: return "join_secondary";
    case NodeState::prepare_promotion: return "prepare_promotion";
    case NodeState::stop_replication: return "stop_replication";
    case NodeState::draining: return "draining";
    case NodeState::demote_timeout: return "demote_timeout";
    case NodeState::demoted: return "demoted";
    case NodeState::report_lsn: return "report_lsn";
    case NodeState::fast_forward: return "fast_forward";
    case NodeState::prepare_maintenance: return "prepare_maintenance";
    case NodeState::wait_maintenance: return "wait_maintenance";
    case NodeState::maintenance: return "maintenance";
    case NodeState::apply_settings: return "apply_settings";
    case NodeState::dropped: return "dropped";
  }
  return "unknown";
}

std::optional<NodeState> parse_node_state(std::string_view name) {
  for (NodeState state : all_node_states)
    if (to_string(state) == name) return state;
  return std::nullopt;
}

}  // namespace autoctl
