#include "cli/output/local_state.h"

#include <nlohmann/json.hpp>

namespace autoctl::cli {

nlohmann::json local_state_json(const protocol::NodeDocument& node) {
  return {{"node_id", node.id.value},
          {"group_id", node.group},
          {"nodename", node.name},
          {"nodehost", node.host},
          {"nodeport", node.port},
          {"current_group_state", to_string(node.reported)},
          {"assigned_group_state", to_string(node.assigned)},
          {"timeline", node.timeline.value},
          {"Minimum Recovery Ending LSN", to_string(node.lsn)},
          {"reachable", node.health == "healthy" ? "yes" : "no"},
          {"conntype", node.connection}};
}

nlohmann::json keeper_state_json(const protocol::NodeDocument& node, const keeper::SavedState& saved, int pg_major) {
  return {{"current_role", to_string(saved.state)},
          {"assigned_role", to_string(saved.goal.state)},
          {"groupId", node.group},
          {"nodeId", node.id.value},
          {"term", saved.term.value},
          {"assigned_term", saved.goal.term.value},
          {"epoch", saved.epoch},
          {"pgversion", pg_major}};
}

}  // namespace autoctl::cli
