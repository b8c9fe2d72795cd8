#include "cli/output/members.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "cli/output/state_document.h"

namespace autoctl::cli {

namespace {

using protocol::NodeDocument;
using protocol::StateDocument;
using NodePointers = std::vector<const NodeDocument*>;

constexpr std::uint64_t megabyte = 1024 * 1024;
constexpr int usual_port = 5432;

bool leads(const NodeDocument& node) {
  return is_leader_state(node.assigned);
}

NodePointers nodes_of(const StateDocument& state, const std::string& formation, std::optional<GroupId> group) {
  NodePointers nodes;
  for (const NodeDocument& node : state.nodes)
    if (node.formation == formation && (!group || node.group == *group)) nodes.push_back(&node);
  std::ranges::stable_sort(nodes, {}, [](const NodeDocument* node) { return std::pair(node->group, node->name); });
  return nodes;
}

const NodeDocument* leader_of(const StateDocument& state, const NodeDocument& node) {
  for (const NodeDocument& other : state.nodes)
    if (other.formation == node.formation && other.group == node.group && leads(other)) return &other;
  return nullptr;
}

bool is_heard(const NodeDocument& node) {
  return node.report_age_ms >= 0 && node.health != "dead" && node.health != "unreachable";
}

/// A primary has none.
Cell lag_in_megabytes(const StateDocument& state, const NodeDocument& node) {
  if (leads(node)) return {};
  const auto behind = lag_of(state, node);
  if (!behind) return std::string("unknown");
  return static_cast<std::int64_t>((*behind + megabyte / 2) / megabyte);
}

/// The port where somebody has another one than usual, or two nodes share a host.
bool needs_ports(const NodePointers& nodes) {
  std::set<std::string> hosts;
  for (const NodeDocument* node : nodes)
    if (node->port != usual_port || !hosts.insert(node->host).second) return true;
  return false;
}

Sheet sheet_of(const StateDocument& state, const std::string& formation, std::optional<GroupId> group,
               const NodePointers& nodes, bool tree) {
  const auto* found = find_formation(state, formation);
  const bool citus = found != nullptr && found->kind == "citus";
  Sheet sheet;
  sheet.title = fmt::format("{}: {}{}", citus ? "Citus cluster" : "Cluster", formation,
                            citus && group ? fmt::format(" (group: {})", *group) : "");
  if (citus && !group) sheet.columns = {"Group"};
  for (const char* column : {"Member", "Host", "Role", "State", "TL", "Lag in MB"}) sheet.columns.emplace_back(column);
  sheet.omits_empty = true;
  const bool ports = needs_ports(nodes);
  for (const NodeDocument* node : nodes) {
    std::vector<Cell> row;
    if (citus && !group) row.emplace_back(static_cast<std::int64_t>(node->group));
    row.emplace_back((tree && !leads(*node) ? "+ " : "") + node->name);
    row.emplace_back(ports ? host_port(node->host, node->port) : node->host);
    row.emplace_back(member_role(state, *node));
    row.emplace_back(member_state(*node));
    row.push_back(node->timeline ? Cell(static_cast<std::int64_t>(node->timeline.value)) : Cell());
    row.push_back(lag_in_megabytes(state, *node));
    sheet.rows.push_back(std::move(row));
  }
  return sheet;
}

bool is_meant(const NodeDocument& node, const std::string& role) {
  if (role == "any") return true;
  const bool wants_leader = role.empty() || role == "leader" || role == "primary";
  return leads(node) == wants_leader;
}

}  // namespace

std::string member_role(const StateDocument& state, const NodeDocument& node) {
  if (leads(node)) return "Leader";
  for (const auto& group : state.groups) {
    if (group.formation != node.formation || group.group != node.group) continue;
    const SyncQuorum& quorum = group.quorum_confirmed;
    if (!quorum.contains(node.id) || node.assigned != NodeState::secondary) break;
    return quorum.acks == static_cast<int>(quorum.voters.size()) ? "Sync Standby" : "Quorum Standby";
  }
  return "Replica";
}

std::optional<std::uint64_t> lag_of(const StateDocument& state, const NodeDocument& node) {
  const NodeDocument* leader = leader_of(state, node);
  if (leads(node) || leader == nullptr || !is_heard(node) || node.lsn.value == 0) return std::nullopt;
  return leader->lsn > node.lsn ? leader->lsn.value - node.lsn.value : 0;
}

std::string member_state(const NodeDocument& node) {
  if (node.assigned == NodeState::dropped) return "leaving";
  if (node.assigned == NodeState::maintenance) return "maintenance";
  if (node.report_age_ms < 0) return "unknown";
  if (node.health == "dead") return "stopped";
  if (node.health == "unreachable") return "unreachable";
  if (leads(node)) return node.connection == "read-write" ? "running" : "starting";
  if (node.progress_percent >= 0) return "creating replica";
  if (node.reported == NodeState::secondary && node.assigned == NodeState::secondary) return "streaming";
  return std::string(to_string(node.assigned));
}

Sheet members_sheet(const StateDocument& state, const std::string& formation, std::optional<GroupId> group) {
  return sheet_of(state, formation, group, nodes_of(state, formation, group), false);
}

Sheet topology_sheet(const StateDocument& state, const std::string& formation, std::optional<GroupId> group) {
  NodePointers nodes = nodes_of(state, formation, group);
  std::ranges::stable_sort(nodes, {}, [](const NodeDocument* node) { return std::pair(node->group, !leads(*node)); });
  return sheet_of(state, formation, group, nodes, true);
}

Result<const NodeDocument*> choose_member(const StateDocument& state, const MemberChoice& choice) {
  for (const NodeDocument& node : state.nodes) {
    if (!choice.member.empty() ? node.name != choice.member : !is_meant(node, choice.role)) continue;
    const bool can_be_asked = is_heard(node) && node.connection != "none";
    if (can_be_asked) return &node;
    if (!choice.member.empty())
      return fail(Errc::conflict, fmt::format("{} takes no connections: it is {}", node.name, member_state(node)),
                  "`autoctl show state` says why");
  }
  if (!choice.member.empty())
    return fail(Errc::not_found, fmt::format("there is no node '{}'", choice.member), "`autoctl list` names them");
  return fail(Errc::not_found,
              fmt::format("there is no {} that takes connections", choice.role.empty() ? "leader" : choice.role),
              "`autoctl show state` says what the group waits for");
}

}  // namespace autoctl::cli
