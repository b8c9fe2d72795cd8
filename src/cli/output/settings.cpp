#include "cli/output/settings.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "cli/output/state_document.h"
#include "cli/output/table.h"
#include "common/fsm/standby_names.h"

namespace autoctl::cli {

namespace {

struct Row {
  std::string context;
  std::string name;
  const protocol::NodeDocument* node;  // null: of the formation
  std::string setting, value;
};

std::vector<Row> rows_of(const protocol::SettingsDocument& settings, const protocol::StateDocument& state) {
  std::vector<Row> rows;
  for (const auto& [name, value] : settings.values)
    rows.push_back({"formation", settings.formation, nullptr, name, value});
  for (const auto& node : state.nodes) {
    if (!is_leader_state(node.assigned)) continue;
    const auto group = std::ranges::find_if(
        state.groups, [&node](const auto& g) { return g.formation == node.formation && g.group == node.group; });
    if (group != state.groups.end())
      rows.push_back({"primary", node.name, &node, "synchronous_standby_names",
                      fmt::format("'{}'", sync_names(group->quorum_confirmed, priorities_of(state)))});
  }
  for (const auto& node : state.nodes)
    rows.push_back({"node", node.name, &node, "candidate priority", std::to_string(node.candidate_priority)});
  for (const auto& node : state.nodes)
    rows.push_back({"node", node.name, &node, "replication quorum", node.replication_quorum ? "true" : "false"});
  return rows;
}

}  // namespace

std::string settings_table(const protocol::SettingsDocument& settings, const protocol::StateDocument& state) {
  Table table({{"Context", 9}, {"Name", 7}, {"Setting", 25}, {"Value", 34, true}});
  for (const Row& row : rows_of(settings, state)) table.add({row.context, row.name, row.setting, row.value});
  return table.text();
}

nlohmann::json settings_json(const protocol::SettingsDocument& settings, const protocol::StateDocument& state) {
  nlohmann::json document = {
      {"formation", nlohmann::json::array()}, {"primary", nlohmann::json::array()}, {"nodes", nlohmann::json::array()}};
  for (const Row& row : rows_of(settings, state)) {
    nlohmann::json entry = {{"context", row.context}, {"nodename", row.name}, {"setting", row.setting},
                            {"value", row.value},     {"node_id", nullptr},   {"group_id", nullptr}};
    if (row.node != nullptr) {
      entry["node_id"] = row.node->id.value;
      entry["group_id"] = row.node->group;
    }
    document[row.context == "node" ? "nodes" : row.context].push_back(std::move(entry));
  }
  return document;
}

}  // namespace autoctl::cli
