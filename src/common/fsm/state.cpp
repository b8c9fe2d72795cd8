#include "common/fsm/state.h"

namespace autoctl {

std::optional<NodeState> parse_node_state(std::string_view name) {
  for (const NodeState state : all_node_states)
    if (to_string(state) == name) return state;
  return std::nullopt;
}

}  // namespace autoctl
