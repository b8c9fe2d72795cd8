#include "cli/output/timeline.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <tuple>

#include "cli/output/state_document.h"
#include "cli/output/table.h"

namespace autoctl::cli {

namespace {

using protocol::GroupDocument;
using protocol::NodeDocument;

/// (timeline, its parent, where it left the parent). Two promotions may have taken the same number: then it has two
/// lines.
using Branch = std::tuple<Timeline, Timeline, Lsn>;

std::vector<const NodeDocument*> nodes_of(const protocol::StateDocument& state, const GroupDocument& group) {
  std::vector<const NodeDocument*> nodes;
  for (const NodeDocument& node : state.nodes)
    if (node.formation == group.formation && node.group == group.group) nodes.push_back(&node);
  return nodes;
}

std::set<Branch> branches_of(const std::vector<const NodeDocument*>& nodes) {
  std::set<Branch> branches;
  for (const NodeDocument* node : nodes) {
    HistoryEntry parent;
    for (const HistoryEntry& entry : node->history) {
      branches.emplace(entry.timeline, parent.timeline, parent.switch_lsn);
      parent = entry;
    }
    if (node->timeline) branches.emplace(node->timeline, parent.timeline, parent.switch_lsn);
  }
  return branches;
}

std::string words_for(const std::string& lineage) {
  if (lineage == "primary") return "the primary";
  if (lineage == "follows") return "ok, its history is the primary's";
  if (lineage == "forked") return "FORK: it has a history of its own, and is rewound or copied when there is a primary";
  return "not known: it or the primary has not reported";
}

std::string table_of(const GroupDocument& group, const std::vector<const NodeDocument*>& nodes) {
  Table timelines({{"TLI", 8}, {"Parent TLI", 10}, {"Switchpoint LSN", 15}});
  for (const auto& [timeline, parent, lsn] : branches_of(nodes))
    timelines.add({std::to_string(timeline.value), std::to_string(parent.value), to_string(lsn)});
  Table positions({{"Name", 8}, {"Node", 5}, {"TLI: LSN", 14}, {"Status", 10, true}});
  for (const NodeDocument* node : nodes)
    positions.add({node->name, node_label(node->kind, node->group, node->id),
                   fmt::format("{:3}: {}", node->timeline.value, to_string(node->lsn)), words_for(node->lineage)});
  return fmt::format("Formation \"{}\" group {}\n\n{}\n{}", group.formation, group.group, timelines.text(),
                     positions.text());
}

}  // namespace

std::string timeline_table(const protocol::StateDocument& state) {
  std::string text;
  for (const GroupDocument& group : state.groups)
    text += (text.empty() ? "" : "\n") + table_of(group, nodes_of(state, group));
  return text;
}

nlohmann::json timeline_json(const protocol::StateDocument& state) {
  nlohmann::json groups = nlohmann::json::array();
  for (const GroupDocument& group : state.groups) {
    const auto members = nodes_of(state, group);
    nlohmann::json timelines = nlohmann::json::array();
    for (const auto& [timeline, parent, lsn] : branches_of(members))
      timelines.push_back({{"tli", timeline.value}, {"parent_tli", parent.value}, {"switchpoint_lsn", to_string(lsn)}});
    nlohmann::json nodes = nlohmann::json::array();
    for (const NodeDocument* node : members)
      nodes.push_back({{"node_id", node->id.value},
                       {"nodename", node->name},
                       {"reported_tli", node->timeline.value},
                       {"reported_lsn", to_string(node->lsn)},
                       {"lineage", node->lineage}});
    groups.push_back(
        {{"formation", group.formation}, {"group_id", group.group}, {"timelines", timelines}, {"nodes", nodes}});
  }
  return groups;
}

}  // namespace autoctl::cli
