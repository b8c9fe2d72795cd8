#include "monitor/engine/node_settings.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "common/config/checks.h"

namespace autoctl::monitor {

namespace {

constexpr int priority_max = 100;

bool is_member(const NodeRow& row) {
  return row.goal.state != NodeState::dropped;
}

bool has_members(const Group& group) {
  return std::ranges::any_of(group.nodes, [](const auto& entry) { return is_member(entry.second.row); });
}

/// Standbys of the group that are meant to be in the quorum.
int sync_standbys(const Group& group) {
  const auto members =
      std::ranges::count_if(group.nodes, [](const auto& entry) { return is_member(entry.second.row); });
  const auto outside = std::ranges::count_if(group.nodes, [](const auto& entry) {
    const NodeRow& row = entry.second.row;
    return is_member(row) && !row.replication_quorum && !is_leader_state(row.goal.state);
  });
  return static_cast<int>(std::max<std::ptrdiff_t>(0, members - 1 - outside));
}

std::string standbys(int count) {
  return std::to_string(count) + (count == 1 ? " standby node" : " standby nodes");
}

struct GroupInModel {
  const Model& model;
  const Group& group;
};

Result<> set_priority(const GroupInModel& scope, NodeRow& row, const std::string& text) {
  int priority = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), priority);
  if (error != std::errc{} || end != text.data() + text.size() || priority < 0 || priority > priority_max)
    return fail(Errc::bad_usage, "candidate_priority: '" + text + "' is not a number from 0 to 100");
  const bool others = std::ranges::any_of(scope.group.nodes, [&](const auto& entry) {
    return entry.first != row.id && is_member(entry.second.row) && entry.second.row.candidate_priority > 0;
  });
  if (priority == 0 && !others)
    return fail(Errc::conflict,
                "group " + std::to_string(row.group) + " of formation '" + row.formation +
                    "' would have no node left that can be the primary",
                "give another node a candidate priority above 0 first");
  row.candidate_priority = priority;
  return {};
}

Result<> set_quorum(const GroupInModel& scope, NodeRow& row, const std::string& text) {
  const bool yes = text == "true" || text == "on" || text == "yes";
  if (!yes && text != "false" && text != "off" && text != "no")
    return fail(Errc::bad_usage, "replication_quorum: '" + text + "' is neither true nor false");
  const int wanted = scope.model.settings_of(scope.group).number_sync_standbys;
  const int left = sync_standbys(scope.group) - 1;
  const bool leaves = row.replication_quorum && !yes && !is_leader_state(row.goal.state);
  if (leaves && wanted > 0 && left < wanted + 1)
    return fail(Errc::conflict,
                "with number_sync_standbys = " + std::to_string(wanted) + " at least " + standbys(wanted + 1) +
                    " must take part in the replication quorum, and only " + std::to_string(left) + " would be left",
                "autoctl set formation number-sync-standbys " + std::to_string(std::max(0, left - 1)));
  row.replication_quorum = yes;
  return {};
}

Result<> set_region(const GroupInModel&, NodeRow& row, const std::string& text) {
  if (auto why = config::check_name(text); !why.empty()) return fail(Errc::bad_usage, "region: " + why);
  row.region = text;
  return {};
}

Result<> set_name(const GroupInModel& scope, NodeRow& row, const std::string& text) {
  if (text.empty()) return fail(Errc::bad_usage, "name: it is empty");
  if (auto why = config::check_node_name(text); !why.empty()) return fail(Errc::bad_usage, "name: " + why);
  for (const auto& [key, group] : scope.model.groups)
    for (const auto& [id, node] : group.nodes)
      if (key.first == row.formation && id != row.id && node.row.name == text)
        return fail(Errc::conflict, "the name '" + text + "' is taken by node " + std::to_string(id.value));
  row.name = text;
  return {};
}

struct NodeSetting {
  std::string_view name;
  std::string (*get)(const NodeRow& row);
  Result<> (*set)(const GroupInModel& scope, NodeRow& row, const std::string& text);
};

constexpr std::array settings = {
    NodeSetting{"candidate_priority", [](const NodeRow& row) { return std::to_string(row.candidate_priority); },
                set_priority},
    NodeSetting{"replication_quorum",
                [](const NodeRow& row) { return std::string(row.replication_quorum ? "true" : "false"); }, set_quorum},
    NodeSetting{"region", [](const NodeRow& row) { return row.region; }, set_region},
    NodeSetting{"name", [](const NodeRow& row) { return row.name; }, set_name},
};

}  // namespace

SettingValues node_settings(const NodeRow& row) {
  SettingValues values;
  for (const NodeSetting& setting : settings) values.emplace_back(setting.name, setting.get(row));
  return values;
}

Result<NodeRow> with_settings(const Model& model, const Group& group, NodeRow row, const SettingValues& changes) {
  for (const auto& [name, text] : changes) {
    const auto found = std::ranges::find(settings, name, &NodeSetting::name);
    if (found == settings.end())
      return fail(Errc::not_found, "there is no node setting '" + name + "'",
                  "settings are: candidate_priority, replication_quorum, region, name");
    AUTOCTL_TRY(found->set({model, group}, row, text));
  }
  return row;
}

Result<> check_sync_standbys(const Model& model, const std::string& formation, int number_sync_standbys) {
  if (number_sync_standbys == 0) return {};
  for (const auto& [key, group] : model.groups) {
    if (key.first != formation || !has_members(group)) continue;
    const int count = sync_standbys(group);
    if (count < number_sync_standbys + 1)
      return fail(Errc::conflict,
                  "number_sync_standbys = " + std::to_string(number_sync_standbys) + " needs " +
                      standbys(number_sync_standbys + 1) + " in the replication quorum, and group " +
                      std::to_string(key.second) + " has " + std::to_string(count),
                  "add standbys first, or `autoctl set node replication-quorum true`");
  }
  return {};
}

Result<> check_no_secondaries(const Model& model, const std::string& formation) {
  for (const auto& [key, group] : model.groups) {
    if (key.first != formation) continue;
    std::string names;
    for (const auto& [id, node] : group.nodes)
      if (is_member(node.row) && !is_leader_state(node.row.goal.state))
        names += (names.empty() ? "" : ", ") + node.row.name;
    const auto members =
        std::ranges::count_if(group.nodes, [](const auto& entry) { return is_member(entry.second.row); });
    if (members > 1)
      return fail(Errc::conflict,
                  "group " + std::to_string(key.second) + " of formation '" + formation + "' has standbys: " + names,
                  "drop them first: `autoctl drop node --formation " + formation + " --name NODE`");
  }
  return {};
}

int fitting_sync_standbys(const Model& model, const Group& group, QuorumChange what) {
  const int now = model.settings_of(group).number_sync_standbys;
  const int count = sync_standbys(group);
  if (what == QuorumChange::node_is_dropped) return now > 0 && count == now + 1 ? now - 1 : now;
  const bool others_have_two = std::ranges::all_of(model.groups, [&](const auto& entry) {
    const Group& other = entry.second;
    const bool counts = &other != &group && other.row.formation == group.row.formation && has_members(other);
    return !counts || sync_standbys(other) >= 2;
  });
  return now == 0 && count == 1 && others_have_two ? 1 : now;
}

}  // namespace autoctl::monitor
