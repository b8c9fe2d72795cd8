// Nodes that leave for another monitor, or come from one. While a formation waits for some of its nodes nothing is
// decided in it: each node goes on with what it was last told, and the other monitor, should it live, decides alone.
#include "monitor/engine/returning.h"

#include <algorithm>

#include "monitor/engine/engine.h"
#include "monitor/fsm/resume.h"

namespace autoctl::monitor {

namespace {

const Node* leader_of(const Group& group) {
  for (const auto& [id, node] : group.nodes)
    if (!node.row.awaited && is_leader_state(node.row.goal.state)) return &node;
  return nullptr;
}

/// Of a node that comes when its group has gone on without it.
Goal goal_of_latecomer(const Node* leader, const protocol::Memory& memory) {
  const NodeState last = memory.goal.state;
  const bool standby = is_standby_state(last) || last == NodeState::wait_maintenance;
  if (last == NodeState::wait_standby || last == NodeState::dropped || last == NodeState::maintenance)
    return {.state = last};
  if (!standby || leader == nullptr) return {.state = NodeState::demote_timeout};
  return {.state = NodeState::catchingup, .upstream = leader->row.id};
}

/// So that the others keep their slots and HBA lines for it.
NodeRow placeholder(const FormationRow& formation, const protocol::Peer& peer, GroupId group) {
  NodeRow row{.id = peer.id, .formation = formation.name, .group = group, .name = peer.name, .host = peer.host};
  row.port = peer.port;
  row.role = formation.kind == "pgsql" ? "postgres" : group == 0 ? "coordinator" : "worker";
  row.goal.state = peer.goal;
  row.awaited = true;
  return row;
}

bool clashes(const Model& model, const NodeRow& row) {
  return std::ranges::any_of(model.groups, [&](const auto& entry) {
    return std::ranges::any_of(entry.second.nodes, [&](const auto& node) {
      const NodeRow& other = node.second.row;
      return other.id == row.id || (other.host == row.host && other.port == row.port) ||
             (other.formation == row.formation && other.name == row.name);
    });
  });
}

bool may_be_primary(NodeState goal) {
  return may_accept_writes(goal) || is_candidate_state(goal);
}

/// Is an awaited node the only one that can tell what was acknowledged, as far as the others know?
bool is_needed(const Group& group, const NodeRow& awaited) {
  const bool successor_is_here = std::ranges::any_of(group.nodes, [](const auto& entry) {
    return !entry.second.row.awaited && may_accept_writes(entry.second.row.goal.state);
  });
  return may_be_primary(awaited.goal.state) || (is_outgoing_state(awaited.goal.state) && !successor_is_here);
}

}  // namespace

bool is_incomplete(const Model& model, const Group& group) {
  return model.formations.at(group.row.formation).incomplete;
}

std::string awaited_nodes(const Model& model, const std::string& formation) {
  std::string names;
  std::string silent;
  for (const auto& [key, group] : model.groups) {
    if (key.first != formation) continue;
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
  return text.empty() ? "a group has no node that was its primary: nobody here can tell what was acknowledged" : text;
}

void Engine::leave(NodeId id, const Caller& caller, const Reply<>& reply) {
  Group* group = model_.group_of(id);
  if (group == nullptr)
    return reply(fail(Errc::not_found, "there is no node " + std::to_string(id.value) + " on this monitor"));
  Node& node = group->nodes.at(id);
  if (!access_.act_as(node, caller.bearer))
    if (auto allowed = access_.operate(caller.bearer); !allowed) return reply(fail(std::move(allowed.error())));
  if (!store_available_)
    return reply(fail(Errc::unavailable, "the monitor's Postgres is away", "try again in a moment"));
  if (node.row.goal.state == NodeState::dropped)
    return reply(fail(Errc::not_found, node.row.name + " was dropped from this monitor"));
  if (group->operation)
    return reply(fail(Errc::conflict, "a " + group->operation->kind + " is running in its group", "wait for its end"));

  Change change;
  FormationRow formation = model_.formations.at(group->row.formation);
  formation.incomplete = true;
  NodeRow row = node.row;
  row.awaited = true;
  row.token_sha256.clear();
  change.formations.push_back(formation);
  change.nodes.push_back(row);
  change.events.push_back(event_of(*group, &node, "operator",
                                   row.name + " leaves this monitor: nothing is decided in its formation until it is "
                                              "back or dropped"));
  if (!commit(std::move(change)))
    return reply(fail(Errc::unavailable, "the monitor's Postgres went away", "try again in a moment"));
  env_.inform(about(row.formation, row.group) + row.name + " leaves this monitor");
  model_.formations[formation.name] = formation;
  node.row = row;
  node.reported = false;
  if (const auto held = std::exchange(node.held, std::nullopt))
    held->reply(fail(Errc::denied, row.name + " has left this monitor"));
  if (watched_.erase(id) != 0) prober_.unwatch(id);
  settle(*group);
  reply({});
  flush();
}

Result<> Engine::arrive(Group& group, Node& node, const protocol::Report& report) {
  if (!report.memory)
    return fail(Errc::unavailable, "this monitor waits to be told what " + node.row.name + " was last told");
  if (!store_available_) return fail(Errc::unavailable, "the monitor's Postgres is away");
  const protocol::Memory& memory = *report.memory;
  const FormationRow& formation = model_.formations.at(group.row.formation);

  Change change;
  GroupRow group_row = group.row;
  group_row.term = std::max({group_row.term, memory.goal.term, report.facts.term});
  NodeRow row = node.row;
  row.awaited = false;
  row.goal = memory.goal;
  if (!formation.incomplete) {
    group_row.term = Term{group_row.term.value + 1};
    const Node* leader = leader_of(group);
    row.goal = goal_of_latecomer(leader, memory);
    row.goal.term = group_row.term;
    if (leader != nullptr && leader->row.goal.state == NodeState::single) {
      change.nodes.push_back(leader->row);
      change.nodes.back().goal = {.state = NodeState::wait_primary, .term = group_row.term};
    }
  }
  row.reported = report.facts.state;
  row.reported_term = report.facts.term;
  change.groups.push_back(group_row);
  change.nodes.push_back(row);
  auto event = event_of(group, &node, "operator",
                        row.name + " is here: it was last told to be " + std::string(to_string(memory.goal.state)));
  event.assigned = row.goal.state;
  event.reported = row.reported;
  change.events.push_back(std::move(event));
  if (formation.incomplete) await_others(formation, group, memory, change);
  const auto groups = change.groups;
  const auto nodes = change.nodes;
  if (!commit(std::move(change))) return fail(Errc::unavailable, "the monitor's Postgres went away");

  for (const GroupRow& changed : groups) model_.groups[{changed.formation, changed.group}].row = changed;
  for (const NodeRow& changed : nodes) {
    Node& known = model_.groups.at({changed.formation, changed.group}).nodes[changed.id];
    known.row = changed;
    known.goal_since = env_.now();
    model_.last_node = std::max(model_.last_node, changed.id);
  }
  env_.inform(about(row.formation, row.group) + row.name + " is here, as " + std::string(to_string(row.goal.state)));
  return {};
}

void Engine::await_others(const FormationRow& formation, const Group& group, const protocol::Memory& memory,
                          Change& change) {
  const auto await = [&](const protocol::Peer& peer, GroupId number) {
    if (const Node* known = model_.find(peer.id); known != nullptr) {
      if (!known->row.awaited || !may_be_primary(peer.goal) || may_be_primary(known->row.goal.state)) return;
      change.nodes.push_back(known->row);  // somebody has seen it lead
      change.nodes.back().goal.state = peer.goal;
      return;
    }
    const NodeRow row = placeholder(formation, peer, number);
    if (clashes(model_, row)) {
      env_.warn(peer.name + " was known to " + formation.name + " at " + peer.host + ":" + std::to_string(peer.port) +
                ", which is another node's name or address by now");
      return;
    }
    const auto same_group = [number](const GroupRow& known) { return known.group == number; };
    if (!model_.groups.contains({formation.name, number}) && std::ranges::none_of(change.groups, same_group))
      change.groups.push_back({.formation = formation.name, .group = number});
    change.nodes.push_back(row);
  };
  for (const protocol::Peer& peer : memory.peers) await(peer, group.row.group);
  for (const protocol::Peer& neighbour : memory.neighbours) await(neighbour, neighbour.group);
}

/// True when all its nodes are here.
bool Engine::complete(const std::string& name) {
  if (!awaited_nodes(model_, name).empty()) return false;
  std::vector<std::pair<Group*, Decision>> decisions;
  for (auto& [key, group] : model_.groups) {
    const auto stays = [](const auto& entry) { return entry.second.row.goal.state != NodeState::dropped; };
    if (key.first != name || std::ranges::none_of(group.nodes, stays)) continue;
    auto decision = resume(snapshot(model_, group), group.row.primary_given_up);
    if (!decision) return false;
    decisions.emplace_back(&group, *std::move(decision));
  }
  for (const auto& [group, decision] : decisions)
    if (!apply(*group, decision)) return false;
  Change change;
  FormationRow row = model_.formations.at(name);
  row.incomplete = false;
  change.formations.push_back(row);
  for (auto& [key, group] : model_.groups) {
    if (key.first != name || !group.row.primary_given_up) continue;
    group.row.primary_given_up = false;
    change.groups.push_back(group.row);
  }
  if (!commit(std::move(change))) return false;
  model_.formations[name] = row;
  return true;
}

void Engine::complete_formations() {
  if (!store_available_) return;
  std::vector<std::string> names;
  for (const auto& [name, row] : model_.formations)
    if (row.incomplete) names.push_back(name);
  for (const std::string& name : names) {
    if (!complete(name)) continue;
    for (auto& [key, group] : model_.groups)
      if (key.first == name) settle(group);
  }
}

/// What only a last primary has is given up by an operator's word only. Should it come before the others are complete,
/// it goes on all the same.
void Engine::drop_awaited(Group& group, const Node& node, bool allow_data_loss, const Reply<>& reply) {
  const std::string was = node.row.name + ", which was last seen as " + std::string(to_string(node.row.goal.state));
  if (is_needed(group, node.row)) {
    if (!allow_data_loss)
      return reply(fail(Errc::conflict, was + ", may have acknowledged what is on no other node",
                        "run `autoctl enable monitor` there; if it is gone for good, when all others have come, "
                        "`autoctl drop node --allow-data-loss` lets them elect without it"));
    group.row.primary_given_up = true;
    changed_groups_.insert({group.row.formation, group.row.group});
    new_events_.push_back(
        event_of(group, &node, "operator",
                 "an operator gives up " + was + ": what it acknowledged and no node that comes has is lost"));
    env_.warn(about(group.row.formation, group.row.group) + new_events_.back().description);
  }
  Change change;
  std::optional<FormationRow> fitted;
  if (node.row.replication_quorum) fitted = fit_sync_standbys(group, QuorumChange::node_is_dropped, change);
  if (!remove(group, node.row.id, std::move(change)))
    return reply(fail(Errc::unavailable, "the monitor's Postgres is away"));
  adopt(fitted);
  complete_formations();
  settle(group);
  reply({});
  flush();
}

}  // namespace autoctl::monitor
