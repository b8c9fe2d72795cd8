#include "cli/output/citus.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/output/state_document.h"
#include "cli/output/table.h"

namespace autoctl::cli {

namespace {

using protocol::CitusDocument;

/// What the coordinator's keeper says of a group; nothing where it has not said anything.
protocol::CitusRouteFacts facts_of(const CitusDocument& citus, GroupId group) {
  const auto found = std::ranges::find(citus.facts.routes, group, &protocol::CitusRouteFacts::group);
  return found == citus.facts.routes.end() ? protocol::CitusRouteFacts{.group = group} : *found;
}

std::string name_of(const protocol::CitusRoute& route, NodeId id) {
  const auto found = std::ranges::find(route.nodes, id, &protocol::CitusNode::id);
  return found == route.nodes.end() ? "-" : found->name;
}

std::string address_of(const protocol::CitusRoute& route, NodeId id) {
  const auto found = std::ranges::find(route.nodes, id, &protocol::CitusNode::id);
  return found == route.nodes.end() ? "" : host_port(found->host, found->port);
}

/// Everything that is wrong, a sentence each.
std::vector<std::string> complaints(const CitusDocument& citus) {
  std::vector<std::string> all;
  if (!citus.coordinator)
    all.emplace_back("no coordinator has reported yet");
  else if (!citus.facts.ready)
    all.emplace_back("the coordinator's keeper cannot read it now");
  for (const auto& route : citus.facts.routes)
    if (!route.trouble.empty()) all.push_back(fmt::format("group {}: {}", route.group, route.trouble));
  all.insert(all.end(), citus.facts.drift.begin(), citus.facts.drift.end());
  return all;
}

std::string table_of(const CitusDocument& citus) {
  Table table({{"Group", 5}, {"Takes Writes", 12}, {"Host:Port", 9}, {"Statements Go To", 16}, {"Held For", 8}});
  for (const auto& route : citus.plan.routes) {
    const auto facts = facts_of(citus, route.group);
    table.add({std::to_string(route.group), name_of(route, route.primary), address_of(route, route.primary),
               name_of(route, facts.routed_to), name_of(route, facts.held_for)});
  }
  std::string text = table.text();
  const auto wrong = complaints(citus);
  if (!wrong.empty()) text += "\n";
  for (const auto& sentence : wrong)
    text += fmt::format("Formation \"{}\" pg_dist_node: {}\n", citus.formation, sentence);
  return text;
}

}  // namespace

std::string citus_table(const protocol::StateDocument& state) {
  std::string text;
  for (const auto& citus : state.citus) text += (text.empty() ? "" : "\n") + table_of(citus);
  return text;
}

nlohmann::json citus_json(const protocol::StateDocument& state) {
  nlohmann::json formations = nlohmann::json::array();
  for (const auto& citus : state.citus) {
    nlohmann::json groups = nlohmann::json::array();
    for (const auto& route : citus.plan.routes) {
      const auto facts = facts_of(citus, route.group);
      groups.push_back({{"group_id", route.group},
                        {"takes_writes", name_of(route, route.primary)},
                        {"statements_go_to", name_of(route, facts.routed_to)},
                        {"held_for", name_of(route, facts.held_for)},
                        {"trouble", facts.trouble}});
    }
    formations.push_back({{"formation", citus.formation},
                          {"coordinator_node_id", citus.coordinator.value},
                          {"ready", citus.facts.ready},
                          {"groups", groups},
                          {"drift", citus.facts.drift}});
  }
  return formations;
}

std::string citus_warnings(const protocol::StateDocument& state) {
  std::string text;
  for (const auto& citus : state.citus) {
    const auto wrong = complaints(citus);
    if (wrong.empty() || !citus.coordinator) continue;  // that there is none, the groups say themselves
    text += fmt::format("Formation \"{}\" pg_dist_node: {}{}\n", citus.formation, wrong.front(),
                        wrong.size() == 1 ? "" : fmt::format(", and {} more: autoctl show citus", wrong.size() - 1));
  }
  return text;
}

}  // namespace autoctl::cli
