#include "cli/output/state_document.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "cli/output/citus.h"
#include "cli/output/members.h"
#include "cli/output/table.h"

namespace autoctl::cli {

namespace {

using protocol::NodeDocument;
using protocol::StateDocument;

bool is_paused(const StateDocument& state, const std::string& formation) {
  const auto* found = find_formation(state, formation);
  return found != nullptr && found->paused;
}

std::string kind_of(const StateDocument& state, const std::string& formation) {
  const auto* found = find_formation(state, formation);
  return found == nullptr ? "pgsql" : found->kind;
}

const protocol::GroupDocument* find_group(const StateDocument& state, const NodeDocument& node) {
  for (const auto& group : state.groups)
    if (group.formation == node.formation && group.group == node.group) return &group;
  return nullptr;
}

bool is_healthy(const NodeDocument& node) {
  return node.health == "healthy";
}

std::string connection_of(const NodeDocument& node) {
  return node.connection + (is_healthy(node) ? "" : " !");
}

/// pg_autoctl's: 1 good, 0 bad, -1 not known yet.
int health_number(const NodeDocument& node) {
  if (node.health.empty() || node.report_age_ms < 0) return -1;
  return is_healthy(node) ? 1 : 0;
}

std::string node_trouble(const NodeDocument& node) {
  std::string what;
  const auto add = [&what](const std::string& text) {
    if (!text.empty()) what += (what.empty() ? "" : "; ") + text;
  };
  if (!is_healthy(node))
    add(fmt::format("{}{}{}", node.health, node.health_reason.empty() ? "" : ", ", node.health_reason));
  add(node.trouble);
  if (node.progress_percent >= 0) add(fmt::format("copying, {} % done", node.progress_percent));
  return what.empty() ? what : fmt::format("Node {} \"{}\": {}\n", node.id.value, node.name, what);
}

}  // namespace

std::string host_port(const std::string& host, int port) {
  const bool ipv6 = host.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), host, port);
}

std::string node_label(const std::string& formation_kind, GroupId group, NodeId node) {
  return formation_kind == "citus" ? fmt::format("{}/{}", group, node.value) : std::to_string(node.value);
}

Priorities priorities_of(const StateDocument& state) {
  Priorities priorities;
  for (const NodeDocument& node : state.nodes) priorities[node.id] = node.candidate_priority;
  return priorities;
}

const protocol::FormationDocument* find_formation(const StateDocument& state, const std::string& name) {
  for (const auto& formation : state.formations)
    if (formation.name == name) return &formation;
  return nullptr;
}

std::string state_trouble(const StateDocument& state) {
  std::string text;
  if (!state.store_available)
    text +=
        "The monitor's own Postgres is down: this is from memory, and the monitor decides nothing until it is back\n";
  if (!state.trusts_itself)
    text +=
        "The monitor lost sight of most nodes at once and suspects itself: it decides nothing until it sees them "
        "again\n";
  if (!state.overload.empty()) text += state.overload + "\n";
  for (const auto& formation : state.formations)
    if (formation.paused)
      text +=
          fmt::format("Formation \"{}\" is paused: nothing begins by itself until `autoctl resume`\n", formation.name);
  for (const NodeDocument& node : state.nodes) {
    // What the group waits for often is this node already.
    const auto* group = find_group(state, node);
    if (group == nullptr || group->waiting_for.find(node.name) == std::string::npos) text += node_trouble(node);
    if (!node.twin.empty()) text += fmt::format("Node {} \"{}\": {}\n", node.id.value, node.name, node.twin);
  }
  for (const auto& group : state.groups)
    if (!group.waiting_for.empty())
      text += fmt::format("Formation \"{}\" group {}: {}\n", group.formation, group.group, group.waiting_for);
  return text + citus_warnings(state);
}

namespace {

/// As Postgres' pg_size_pretty() writes them.
std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t step = 1024, readable = 10 * step;
  std::size_t unit = 0;
  constexpr std::array units = {"bytes", "kB", "MB", "GB", "TB"};
  while (bytes >= readable && unit + 1 < units.size()) {
    bytes = (bytes + step / 2) / step;
    ++unit;
  }
  return fmt::format("{} {}", bytes, units.at(unit));
}

Table nodes_table(const StateDocument& state, bool wide) {
  std::vector<Column> columns = {{"Name", 4},           {"Node", 5},        {"Host:Port", 9},
                                 {"TLI: LSN", 14},      {"Connection", 12}, {"Reported State", 19},
                                 {"Assigned State", 19}};
  if (wide) columns.insert(columns.end(), {{"Role", 14}, {"Lag", 11}});
  Table table(std::move(columns));
  for (const NodeDocument& node : state.nodes) {
    std::vector<std::string> row = {node.name,
                                    node_label(kind_of(state, node.formation), node.group, node.id),
                                    host_port(node.host, node.port),
                                    fmt::format("{:3}: {}", node.timeline.value, to_string(node.lsn)),
                                    connection_of(node),
                                    std::string(to_string(node.reported)),
                                    std::string(to_string(node.assigned))};
    const auto lag = lag_of(state, node);
    if (wide) row.insert(row.end(), {member_role(state, node), lag ? size_text(*lag) : ""});
    table.add(std::move(row));
  }
  return table;
}

}  // namespace

std::string state_table(const StateDocument& state, std::size_t width) {
  Table table = nodes_table(state, true);
  if (table.head().find('\n') > width) table = nodes_table(state, false);
  const std::string trouble = state_trouble(state);
  return table.text() + (trouble.empty() ? "" : "\n" + trouble);
}

nlohmann::json state_json(const StateDocument& state) {
  nlohmann::json nodes = nlohmann::json::array();
  for (const NodeDocument& node : state.nodes) {
    const auto* group = find_group(state, node);
    nodes.push_back({
        {"health", health_number(node)},
        {"node_id", node.id.value},
        {"group_id", node.group},
        {"nodehost", node.host},
        {"nodename", node.name},
        {"nodeport", node.port},
        {"nodecluster", node.citus_cluster},
        {"reported_lsn", to_string(node.lsn)},
        {"reported_tli", node.timeline.value},
        {"formation_kind", kind_of(state, node.formation)},
        {"candidate_priority", node.candidate_priority},
        {"replication_quorum", node.replication_quorum},
        {"current_group_state", to_string(node.reported)},
        {"assigned_group_state", to_string(node.assigned)},
        {"formation", node.formation},
        {"role", node.role},
        {"region", node.region},
        {"connection", node.connection},
        {"verdict", node.health},
        {"verdict_reason", node.health_reason},
        {"electable", node.electable},
        {"not_electable_because", node.not_electable_because},
        {"trouble", node.trouble},
        {"progress_percent", node.progress_percent},
        {"report_age_ms", node.report_age_ms},
        {"pg_version", node.pg_version},
        {"twin", node.twin},
        {"sslmode", node.ssl_mode},
        {"group_term", group == nullptr ? 0 : group->term.value},
        {"formation_paused", is_paused(state, node.formation)},
        {"group_waiting_for", group == nullptr ? "" : group->waiting_for},
    });
  }
  return nodes;
}

}  // namespace autoctl::cli
