#include "monitor/fsm/election.h"

#include <tuple>

#include "monitor/fsm/decide.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

const NodeView* GroupSnapshot::find(NodeId id) const {
  return find_node(*this, [id](const NodeView& n) { return n.id == id; });
}

namespace {

bool covers(const SyncQuorum& quorum, const std::vector<NodeId>& nodes) {
  if (quorum.asynchronous()) return false;
  const auto missing = std::ranges::count_if(quorum.voters, [&](NodeId id) { return !contains(nodes, id); });
  return missing < quorum.acks;
}

}  // namespace

bool covers_every_commit(const GroupSnapshot& group, const std::vector<NodeId>& nodes) {
  return covers(group.quorum_confirmed, nodes) && covers(group.quorum_assigned, nodes);
}

bool in_every_quorum(const GroupSnapshot& group, NodeId id) {
  const auto in = [id](const SyncQuorum& q) { return !q.asynchronous() && q.contains(id); };
  return in(group.quorum_confirmed) && in(group.quorum_assigned);
}

bool another_node_is_electable(const GroupSnapshot& group) {
  const NodeView* leader = leader_of(group);
  return std::ranges::any_of(group.nodes, [&](const NodeView& n) {
    return &n != leader && n.goal.state != NodeState::dropped && in_every_quorum(group, n.id);
  });
}

bool can_take_part(const NodeView& node) {
  return healthy(node) && node.reported && node.facts.in_recovery && node.facts.postgres_running &&
         (node.goal.state == NodeState::secondary || node.goal.state == NodeState::report_lsn ||
          node.goal.state == NodeState::prepare_promotion);
}

std::vector<NodeId> voters_present(const GroupSnapshot& group) {
  std::vector<NodeId> present;
  for (const NodeView& node : group.nodes)
    if (can_take_part(node) && in_every_quorum(group, node.id)) present.push_back(node.id);
  return present;
}

std::vector<NodeId> eligible_voters(const GroupSnapshot& group, const NodeView& leader) {
  std::vector<NodeId> eligible;
  for (const NodeView& node : group.nodes)
    if (node.replication_quorum && node.goal.state == NodeState::secondary && settled(node) && healthy(node) &&
        node.facts.receiving && node.goal.upstream == leader.id && contains(leader.facts.streaming, node.id))
      eligible.push_back(node.id);
  return eligible;
}

const NodeView* most_advanced(const GroupSnapshot& group, const std::vector<NodeId>& nodes) {
  const auto position = [](const NodeView& n) { return std::tuple(n.facts.timeline, n.facts.lsn); };
  const NodeView* best = nullptr;
  for (NodeId id : nodes) {
    const NodeView* node = group.find(id);
    if (node == nullptr) continue;
    const bool wins = best == nullptr || position(*node) > position(*best) ||
                      (position(*node) == position(*best) && node->candidate_priority > best->candidate_priority);
    if (wins) best = node;
  }
  return best != nullptr && best->candidate_priority > 0 ? best : nullptr;
}

SyncQuorum quorum_of(std::vector<NodeId> voters, const Settings& settings) {
  std::ranges::sort(voters);
  const int wanted = std::max(1, settings.number_sync_standbys);
  const int acks = std::min(wanted, static_cast<int>(voters.size()));
  return {acks, std::move(voters)};
}

SyncQuorum quorum_after_promotion(const GroupSnapshot& group, const NodeView& candidate, const Settings& settings) {
  if (settings.number_sync_standbys == 0) return {};
  std::vector<NodeId> others;
  for (const NodeView& node : group.nodes)
    if (node.id != candidate.id && node.replication_quorum && node.goal.state != NodeState::dropped)
      others.push_back(node.id);
  return others.empty() ? SyncQuorum{} : quorum_of(std::move(others), settings);
}

std::optional<std::string> why_not_electable(const GroupSnapshot& group, const NodeView& node) {
  if (is_leader_state(node.goal.state)) return "it is the primary";
  if (node.candidate_priority == 0) return "its candidate priority is 0";
  if (node.goal.state != NodeState::secondary) return "it is " + std::string(to_string(node.goal.state));
  if (!in_every_quorum(group, node.id))
    return "the primary does not wait for it, so that it may lack acknowledged commits";
  if (!healthy(node)) return "it is " + std::string(to_string(node.health.verdict)) + " (" + node.health.why + ")";
  if (!settled(node)) return "it has not reached its state yet: it reports " + std::string(to_string(node.facts.state));
  if (!can_take_part(node)) return "its Postgres is not a running standby";
  return std::nullopt;
}

}  // namespace autoctl::monitor
