#include "monitor/engine/incomplete.h"

namespace autoctl::monitor {

bool is_incomplete(const Model& model, const Group& group) {
  return model.incomplete_formations().contains(group.row.formation);
}

std::string awaited_nodes(const Model& model, const std::string& formation) {
  std::string names;
  std::string silent;
  for (const auto& [key, group] : model.groups_of(formation)) {
    for (const auto& [id, node] : group.nodes) {
      if (node.row.awaited) names += (names.empty() ? "" : ", ") + node.row.name;
      const bool stays = !node.row.awaited && node.row.goal.state != NodeState::dropped;
      if (stays && !node.reported) silent += (silent.empty() ? "" : ", ") + node.row.name;
    }
  }
  if (!names.empty())
    return "nothing is decided before all nodes are here; run `autoctl enable monitor` for " + names +
           ", or drop what is gone for good";
  return silent.empty() ? "" : "nothing is decided before " + silent + " has reported";
}

std::string why_incomplete(const Model& model, const std::string& formation) {
  std::string text = awaited_nodes(model, formation);
  return text.empty() ? "no node of a group was its last primary: no node that is here can tell what was acknowledged"
                      : text;
}

}  // namespace autoctl::monitor
