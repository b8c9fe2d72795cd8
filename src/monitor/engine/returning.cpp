#include "monitor/engine/returning.h"

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "monitor/engine/incomplete.h"
#include "monitor/engine/sync_standbys.h"
#include "monitor/fsm/reconstruct.h"

namespace autoctl::monitor {

namespace {

/// Above are only the terms of those that were dropped for good: nothing comes after them.
constexpr Term term_max{std::uint64_t{1} << 62};

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
  row.verifier = peer.verifier;
  row.role = formation.kind == "pgsql" ? "postgres" : group == 0 ? "coordinator" : "worker";
  row.goal.state = peer.goal;
  row.awaited = true;
  return row;
}

bool clashes(const Model& model, const NodeRow& row) {
  return model.another_is_at(row.host, row.port, row.id) ||
         std::ranges::any_of(model.groups_of(row.formation), [&](const auto& entry) {
           return std::ranges::any_of(entry.second.nodes,
                                      [&](const auto& node) { return node.second.row.name == row.name; });
         });
}

/// The others need nothing that it has, or is about to do: they go on as if it had been dropped. Elections count what is
/// left, and wait where that may not be enough. The monitor that it goes to decides nothing without the primary, which is
/// here.
bool leaves_alone(const FormationRow& formation, NodeState goal) {
  const bool follows = is_standby_state(goal) || goal == NodeState::wait_standby || goal == NodeState::maintenance;
  return !formation.incomplete && follows;
}

/// Nobody has told it anything since it left, and its primary still counts on it: it only was away.
bool only_was_away(const Group& group, const Node& node, const protocol::Memory& memory) {
  const Node* leader = leader_of(group);
  return leader != nullptr && memory.goal == node.row.goal && is_standby_state(memory.goal.state) &&
         memory.goal.upstream == leader->row.id && group.row.quorum_confirmed.contains(node.row.id);
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

/// Where its leaving stops all decisions, a node's own credential is not enough, unless they are stopped already. No
/// denial, which tells a node that this monitor does not know it.
Result<> Returning::admit_stop(const FormationRow& formation, const Node& node, const Caller& caller) const {
  const bool stopped = formation.settings.paused || formation.incomplete;
  if (stopped || admission_.may(Right::operate, caller)) return {};
  return fail(Errc::conflict,
              "while " + node.row.name + " is away nothing would be decided in formation '" + formation.name +
                  "': its own credential does not allow that",
              "pause the formation first (`autoctl pause` on the monitor's host), or give an operator's credential "
              "with --token-file");
}

Result<> Returning::leave(NodeId id, const Caller& caller) {
  Group* group = model_.group_of(id);
  if (group == nullptr)
    return fail(Errc::not_found, "there is no node " + std::to_string(id.value) + " on this monitor");
  Node& node = group->nodes.at(id);
  const auto by = admission_.speak_for(node, caller);
  if (!by) return fail(by.error());
  if (node.row.goal.state == NodeState::dropped)
    return fail(Errc::not_found, node.row.name + " was dropped from this monitor");
  if (group->operation)
    return fail(Errc::conflict, "a " + std::string(to_string(group->operation->kind)) + " is running in its group",
                "wait for its end");
  if (node.row.reported == NodeState::init &&
      !is_leader_state(node.row.goal.state)) {  // it has nothing to come back with
    if (!settler_.remove(*group, id, {}, *by))
      return in_doubt("it may or may not have been told", "try again in a moment");
    settler_.settle(*group);
    return {};
  }

  Change change;
  const FormationRow& formation = model_.formations.at(group->row.formation);
  const bool alone = leaves_alone(formation, node.row.goal.state);
  if (!alone) AUTOCTL_TRY(admit_stop(formation, node, caller));
  if (!alone) {
    change.formations.push_back(formation);
    change.formations.back().incomplete = true;
  }
  change.nodes.push_back(node.row);
  change.nodes.back().awaited = true;
  change.nodes.back().token_sha256.clear();
  const std::string name = node.row.name;
  change.events.push_back(ledger_.act(
      *by, group->row, &node.row,
      name + " leaves this monitor: " +
          (alone ? "the others go on without it" : "nothing is decided in its formation until it is back or dropped")));
  auto held = std::exchange(node.held, std::nullopt);
  if (!ledger_.commit(std::move(change))) {
    node.held = std::move(held);
    return in_doubt("it may or may not have been told", "try again in a moment");
  }
  env_.inform(about(group->row.formation, group->row.group) + name + " leaves this monitor");
  if (held) held->reply(fail(Errc::denied, name + " has left this monitor"));
  suspects_.forget(id);
  settler_.settle(*group);
  return {};
}

namespace {

Term newest_term(const protocol::Report& report) {
  return std::max(report.facts.term, report.memory ? report.memory->goal.term : Term{});
}

}  // namespace

bool Returning::knows_more(const Group& group, const Node& node, const protocol::Report& report) const {
  const Term newest = newest_term(report);
  return !node.row.awaited && node.row.goal.state != NodeState::dropped && newest > group.row.term &&
         newest <= term_max;
}

Result<> Returning::begin_anew(const Group& group, const Node& node, const protocol::Report& report) {
  AUTOCTL_TRY(admission_.write());
  const std::string formation = group.row.formation;
  Change change;
  change.formations.push_back(model_.formations.at(formation));
  change.formations.back().incomplete = true;
  change.groups.push_back(group.row);  // a copy that is refused does not say it twice
  change.groups.back().term = newest_term(report);
  for (const auto& [key, other] : model_.groups_of(formation)) {
    for (const auto& [id, member] : other.nodes) {
      if (member.row.goal.state == NodeState::dropped) continue;
      change.nodes.push_back(member.row);
      change.nodes.back().awaited = true;
    }
    if (!other.operation) continue;
    change.operations.push_back(*other.operation);
    change.operations.back().status = OperationStatus::failed;
    change.operations.back().message = "this monitor was restored from a backup";
  }
  change.events.push_back(
      ledger_.event(group.row, &node.row, "monitor",
                    node.row.name + " was told something in term " + std::to_string(newest_term(report).value) +
                        ", and this monitor knows only of term " + std::to_string(group.row.term.value) +
                        ": it was restored from a backup. It takes the formation's state from its nodes, and decides "
                        "nothing before all "
                        "of them have reported"));
  const std::string words = change.events.back().description;
  if (!ledger_.commit(std::move(change))) return in_doubt("the report is to come again");
  env_.warn(about(formation, group.row.group) + words);
  let_go(formation);
  return {};
}

/// What they were last told goes with the report that follows one that failed.
void Returning::let_go(const std::string& formation) {
  for (auto& [key, group] : model_.groups_of(formation))
    for (auto& [id, node] : group.nodes)
      if (auto held = std::exchange(node.held, std::nullopt))
        held->reply(fail(Errc::unavailable, "this monitor waits to be told what " + node.row.name + " was last told"));
}

Result<> Returning::arrive(Group& group, Node& node, const protocol::Report& report) {
  if (!report.memory)
    return fail(Errc::unavailable, "this monitor waits to be told what " + node.row.name + " was last told");
  AUTOCTL_TRY(admission_.write());
  protocol::Memory memory = *report.memory;
  if (memory.goal.term > term_max && memory.goal.state != NodeState::dropped)
    return fail(Errc::bad_usage, node.row.name + " was last told something in term " +
                                     std::to_string(memory.goal.term.value) + ", which no group can have reached");
  const Term reached = std::max(memory.goal.term, report.facts.term);
  const FormationRow& formation = model_.formations.at(group.row.formation);

  Change change;
  GroupRow group_row = group.row;
  if (reached <= term_max) group_row.term = std::max(group_row.term, reached);
  memory.goal.term = std::min(memory.goal.term, group_row.term);
  NodeRow row = node.row;
  row.awaited = false;
  row.goal = memory.goal;
  if (!formation.incomplete && !only_was_away(group, node, memory)) {
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
  auto event =
      ledger_.event(group.row, &node.row, "operator",
                    row.name + " is here: it was last told to be " + std::string(to_string(memory.goal.state)));
  event.assigned = row.goal.state;
  event.reported = row.reported;
  change.events.push_back(std::move(event));
  if (formation.incomplete) await_others(formation, group, memory, change);
  if (!ledger_.commit(std::move(change))) return in_doubt("the report is to come again");
  node.goal_since = env_.now();  // also where it is told again what it was told elsewhere
  env_.inform(about(row.formation, row.group) + row.name + " is here, as " + std::string(to_string(row.goal.state)));
  for (auto& [key, other] : model_.groups_of(row.formation)) settler_.look_again(other, env_.now());
  return {};
}

void Returning::await_others(const FormationRow& formation, const Group& group, const protocol::Memory& memory,
                             Change& change) {
  for (const protocol::Peer& peer : memory.peers) await(formation, group.row.group, peer, change);
  for (const protocol::Peer& neighbour : memory.neighbours) await(formation, neighbour.group, neighbour, change);
}

void Returning::await(const FormationRow& formation, GroupId number, const protocol::Peer& peer, Change& change) {
  if (const Node* known = model_.find(peer.id); known != nullptr) {
    if (!known->row.awaited || !may_be_primary(peer.goal) || may_be_primary(known->row.goal.state)) return;
    change.nodes.push_back(known->row);  // another node has seen it lead
    change.nodes.back().goal.state = peer.goal;
    return;
  }
  const NodeRow row = placeholder(formation, peer, number);
  if (clashes(model_, row))
    return env_.warn(peer.name + " was known to " + formation.name + " at " + peer.host + ":" +
                     std::to_string(peer.port) + ", which is another node's name or address by now");
  const auto same_group = [number](const GroupRow& known) { return known.group == number; };
  if (!model_.groups.contains({formation.name, number}) && std::ranges::none_of(change.groups, same_group))
    change.groups.push_back({.formation = formation.name, .group = number});
  change.nodes.push_back(row);
}

/// True when all its nodes are here.
bool Returning::complete(const std::string& name) {
  if (!awaited_nodes(model_, name).empty()) return false;
  std::vector<std::pair<const Group*, Decision>> decisions;
  for (const auto& [key, group] : model_.groups_of(name)) {
    const auto stays = [](const auto& entry) { return entry.second.row.goal.state != NodeState::dropped; };
    if (std::ranges::none_of(group.nodes, stays)) continue;
    auto decision = reconstruct(snapshot(model_, group), group.row.primary_given_up);
    if (!decision) return false;
    decisions.emplace_back(&group, *std::move(decision));
  }
  for (const auto& [group, decision] : decisions)
    if (!settler_.carry_out(*group, decision)) return false;
  Change change;
  change.formations.push_back(model_.formations.at(name));
  change.formations.back().incomplete = false;
  for (const auto& [key, group] : model_.groups_of(name)) {
    if (!group.row.primary_given_up) continue;
    change.groups.push_back(group.row);
    change.groups.back().primary_given_up = false;
  }
  return ledger_.commit(std::move(change));
}

void Returning::complete_formations() {
  if (!ledger_.available()) return;
  const auto names = model_.incomplete_formations();
  for (const std::string& name : names)
    if (complete(name)) settler_.settle_formation(name);
}

Result<> Returning::drop(Group& group, const Node& node, bool allow_data_loss, const By& by) {
  const std::string was = node.row.name + ", which was last seen as " + std::string(to_string(node.row.goal.state));
  Change change;
  if (is_needed(group, node.row)) {
    if (!allow_data_loss)
      return fail(Errc::conflict, was + ", may have acknowledged what is on no other node",
                  "run `autoctl enable monitor` there; if it is gone for good, when all others have come, "
                  "`autoctl drop node --allow-data-loss` lets them elect without it");
    change.groups.push_back(group.row);
    change.groups.back().primary_given_up = true;
    change.events.push_back(
        ledger_.act(by, group.row, &node.row,
                    "an operator gives up " + was + ": what it acknowledged and no node that comes has is lost"));
    env_.warn(about(group.row.formation, group.row.group) + change.events.back().description);
  }
  const bool fitted =
      node.row.replication_quorum && fit_sync_standbys(model_, ledger_, group, QuorumChange::node_is_dropped, change);
  if (!settler_.remove(group, node.row.id, std::move(change), by))
    return in_doubt("the node may or may not be dropped");
  if (fitted) settler_.settle_all();
  complete_formations();
  settler_.settle(group);
  return {};
}

}  // namespace autoctl::monitor
