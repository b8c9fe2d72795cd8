#include "monitor/engine/citus_plan.h"

#include <algorithm>

#include "monitor/fsm/roles.h"
#include "monitor/fsm/traffic.h"

namespace autoctl::monitor {

namespace {

bool lives(const Node& node) {
  return node.row.goal.state != NodeState::dropped;
}

/// The node is to take the group's writes, and has said that it can. A node that has reached stop_replication was
/// promoted: no other node can become the primary any more.
bool takes_writes(const Node& node) {
  const NodeState goal = node.row.goal.state;
  const NodeState reached = node.facts.state;
  return may_accept_writes(goal) && node.reported && may_accept_writes(reached) && node.facts.postgres_running &&
         !node.facts.in_recovery;
}

/// A monitor that has just started, and may have been restored from a backup, knows the primary once the others have not
/// told it of a newer one.
bool is_heard(const Group& group) {
  return std::ranges::all_of(group.nodes, [](const auto& entry) {
    const Node& node = entry.second;
    return node.reported || !lives(node) || node.health.verdict != Verdict::suspected;
  });
}

protocol::CitusNode citus_node(const Node& node) {
  const NodeRow& row = node.row;
  return {.id = row.id,
          .name = row.name,
          .host = row.host,
          .port = row.proxy_port != 0 ? row.proxy_port : row.port,
          .goal = row.goal.state,
          .secondary = row.citus_secondary,
          .cluster = row.citus_cluster,
          .suspected = node.health.verdict != Verdict::healthy};
}

/// Each trouble and drift, with the group that it is about.
std::vector<std::string> complaints(const protocol::CitusFacts& facts) {
  std::vector<std::string> all = facts.drift;
  for (const auto& route : facts.routes)
    if (!route.trouble.empty()) all.push_back("group " + std::to_string(route.group) + ": " + route.trouble);
  return all;
}

}  // namespace

bool is_citus(const Model& model, const Group& group) {
  return model.formations.at(group.row.formation).kind == "citus";
}

std::optional<Traffic> traffic_of(const Model& model, const Group& group) {
  if (!is_citus(model, group) || group.row.group == 0 || !missing_coordinator(model, group).empty())
    return std::nullopt;
  Traffic traffic{.trouble = "the coordinator's group has no primary"};
  for (const auto& [id, node] : model.groups.at({group.row.formation, 0}).nodes) {
    if (!is_leader_state(node.row.goal.state)) continue;
    if (!node.reported || node.health.verdict != Verdict::healthy || !node.citus) {
      traffic.trouble = node.row.name + (node.health.why.empty() ? " has not reported yet" : ": " + node.health.why);
      continue;
    }
    const auto route = std::ranges::find(node.citus->routes, group.row.group, &protocol::CitusRouteFacts::group);
    traffic = {.trouble = node.row.name + " has not looked at this group's row yet"};
    if (route == node.citus->routes.end()) continue;
    traffic = {.coordinator_ready = node.citus->ready,
               .routed_to = route->routed_to,
               .held_for = route->held_for,
               .trouble = route->trouble};
  }
  return traffic;
}

protocol::CitusRoute citus_route(const Model& model, const Group& group, TimePoint now) {
  const GroupSnapshot view = snapshot(model, group);
  const Settings& settings = model.settings_of(group);
  protocol::CitusRoute route;
  route.group = group.row.group;
  route.term = group.row.term;
  route.hold_for = hold_target(view, settings, now);
  route.cooldown = move_cooldown(view, settings, now);
  // A dropped node counts until it has stopped: a worker whose row goes while it runs could finish, as if they were its
  // own, transactions that the coordinator has prepared elsewhere (citus#8855).
  for (const auto& [id, node] : group.nodes) {
    route.nodes.push_back(citus_node(node));
    if (takes_writes(node) && is_heard(group)) route.primary = id;
  }
  return route;
}

protocol::CitusPlan citus_plan(const Model& model, const std::string& formation, TimePoint now) {
  protocol::CitusPlan plan;
  for (const auto& [key, group] : model.groups_of(formation)) plan.routes.push_back(citus_route(model, group, now));
  return plan;
}

std::vector<protocol::Peer> neighbours_of(const Model& model, const Group& group) {
  std::vector<protocol::Peer> neighbours;
  if (!is_citus(model, group)) return neighbours;
  // Without their goals: which nodes are let in does not depend on them, and each change would wake all nodes.
  for (const auto& [key, other] : model.groups_of(group.row.formation))
    if (key.second != group.row.group)
      for (const auto& [id, node] : other.nodes)
        if (lives(node))
          neighbours.push_back({id, node.row.name, node.row.host, node.row.port, NodeState::init, key.second,
                                address_epoch(node.row), node.row.addresses});
  std::ranges::sort(neighbours, {}, &protocol::Peer::id);
  return neighbours;
}

std::string missing_coordinator(const Model& model, const Group& group) {
  if (!is_citus(model, group) || group.row.group == 0) return {};
  const auto found = model.groups.find({group.row.formation, 0});
  const bool there = found != model.groups.end() &&
                     std::ranges::any_of(found->second.nodes, [](const auto& entry) { return lives(entry.second); });
  return there ? "" : "waits for a coordinator: `autoctl create coordinator` has not been run for this formation yet";
}

protocol::CitusDocument citus_document(const Model& model, const std::string& formation, TimePoint now) {
  protocol::CitusDocument document{.formation = formation, .plan = citus_plan(model, formation, now)};
  const auto coordinators = model.groups.find({formation, 0});
  if (coordinators == model.groups.end()) return document;
  for (const auto& [id, node] : coordinators->second.nodes) {
    if (!node.citus || !is_leader_state(node.row.goal.state)) continue;
    document.coordinator = id;
    document.facts = *node.citus;
  }
  return document;
}

std::vector<std::string> citus_news(const protocol::CitusFacts& before, const protocol::CitusFacts& now) {
  std::vector<std::string> news;
  const auto then = complaints(before);
  const auto current = complaints(now);
  for (const auto& sentence : current)
    if (std::ranges::find(then, sentence) == then.end()) news.push_back("pg_dist_node: " + sentence);
  for (const auto& sentence : then)
    if (std::ranges::find(current, sentence) == current.end())
      news.push_back("pg_dist_node: no longer so: " + sentence);
  return news;
}

}  // namespace autoctl::monitor
