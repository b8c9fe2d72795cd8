#include "monitor/fsm/election.h"

#include <tuple>

#include "common/fsm/ancestry.h"
#include "monitor/fsm/decide.h"
#include "monitor/fsm/maintenance.h"
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

bool in_a_quorum(const GroupSnapshot& group, NodeId id) {
  const SyncQuorum& confirmed = group.quorum_confirmed;
  const SyncQuorum& assigned = group.quorum_assigned;
  return !confirmed.asynchronous() && !assigned.asynchronous() && (confirmed.contains(id) || assigned.contains(id));
}

bool another_node_is_electable(const GroupSnapshot& group) {
  const NodeView* leader = leader_of(group);
  return std::ranges::any_of(group.nodes, [&](const NodeView& n) {
    return &n != leader && n.goal.state != NodeState::dropped && in_a_quorum(group, n.id);
  });
}

bool can_take_part(const NodeView& node) {
  return healthy(node) && node.reported && node.facts.in_recovery && node.facts.postgres_running &&
         !node.facts.forked && counts_in_elections(node.goal.state);
}

bool runs_as_standby(const NodeView& node) {
  const NodeState state = node.facts.state;
  const bool by_its_word = is_standby_state(state) || is_candidate_state(state);
  const bool rejoins = node.goal.state == NodeState::catchingup && by_its_word && healthy(node) && node.reported &&
                       node.facts.in_recovery && node.facts.postgres_running && !node.facts.forked;
  return rejoins || can_take_part(node);
}

bool could_serve(const NodeView& node) {
  return node.candidate_priority > 0 && runs_as_standby(node);
}

namespace {

/// The node that is or was last the primary, by the newest timeline that was reported; nullptr if that is unknown: a
/// leader that has not reported since the monitor started may be on a newer one than those that led before it.
const NodeView* last_primary(const GroupSnapshot& group) {
  if (const NodeView* leader = leader_of(group); leader != nullptr && !leader->facts.timeline) return nullptr;
  const NodeView* last = nullptr;
  for (const NodeView& node : group.nodes) {
    const bool led = is_leader_state(node.goal.state) || is_outgoing_state(node.goal.state);
    if (led && node.reported && (last == nullptr || node.facts.timeline > last->facts.timeline)) last = &node;
  }
  return last;
}

}  // namespace

bool has_forked_off(const GroupSnapshot& group, const NodeView& node) {
  const NodeView* primary = last_primary(group);
  if (primary == nullptr || !primary->facts.timeline || !node.facts.timeline) return false;
  if (node.facts.timeline > primary->facts.timeline) return true;
  // Its last report may be older than what the standby has received; and without a history file nothing is proved.
  if (primary->facts.history.empty() && node.facts.timeline != primary->facts.timeline) return false;
  const Lineage own{node.facts.timeline, node.facts.lsn, node.facts.history};
  const Lineage reference{primary->facts.timeline, Lsn{}, primary->facts.history};
  if (node.facts.timeline == primary->facts.timeline && (own.history.empty() || reference.history.empty()))
    return false;
  return compare_ancestry(own, reference) == Ancestry::diverged;
}

std::string_view lineage_of(const GroupSnapshot& group, const NodeView& node) {
  if (is_leader_state(node.goal.state)) return "primary";
  if (node.facts.forked || has_forked_off(group, node)) return "forked";
  const NodeView* primary = last_primary(group);
  const bool known = primary != nullptr && primary->facts.timeline && node.reported && node.facts.timeline;
  return known ? "follows" : "unknown";
}

bool went_its_own_way(const GroupSnapshot& group, const NodeView& node) {
  if (node.goal.state != NodeState::secondary || !node.reported) return false;
  if (node.facts.forked || (node.facts.postgres_running && !node.facts.in_recovery)) return true;
  const NodeView* leader = leader_of(group);
  return leader != nullptr && serves_as_primary(*leader) && has_forked_off(group, node);
}

std::vector<NodeId> voters_present(const GroupSnapshot& group) {
  std::vector<NodeId> present;
  for (const NodeView& node : group.nodes)
    if (can_take_part(node) && in_a_quorum(group, node.id) && !has_forked_off(group, node)) present.push_back(node.id);
  return present;
}

std::vector<NodeId> eligible_voters(const GroupSnapshot& group, const NodeView& leader, const Settings& settings) {
  std::vector<NodeId> eligible;
  for (const NodeView& node : group.nodes)
    if (node.replication_quorum && node.goal.state == NodeState::secondary && settled(node) && healthy(node) &&
        node.facts.receiving && node.goal.upstream == leader.id && contains(leader.facts.streaming, node.id) &&
        !leaves_for_maintenance(group, settings, node.id))
      eligible.push_back(node.id);
  return eligible;
}

namespace {

std::vector<NodeId> missing_voters(const GroupSnapshot& group) {
  const std::vector<NodeId> present = voters_present(group);
  std::vector<NodeId> missing;
  for (const NodeView& node : group.nodes)
    if (!is_leader_state(node.goal.state) && in_a_quorum(group, node.id) && !contains(present, node.id))
      missing.push_back(node.id);
  return missing;
}

}  // namespace

std::string why_nobody_is_electable(const GroupSnapshot& group) {
  if (group.quorum_confirmed.asynchronous() || group.quorum_assigned.asynchronous())
    return "the primary did not wait for any standby: each may lack acknowledged commits";
  const std::vector<NodeId> present = voters_present(group);
  if (covers_every_commit(group, present))
    return preferred(group, present) == nullptr ? "all standbys that could take over have candidate priority 0" : "";
  const std::vector<NodeId> missing = missing_voters(group);
  std::string names;
  for (NodeId id : missing) {
    const NodeView& node = *group.find(id);
    names += (names.empty() ? "" : ", ") + node.name + " (" + std::string(to_string(node.health.verdict)) +
             (has_forked_off(group, node) ? ", its history has forked off" : "") + ")";
  }
  if (missing.empty())
    return "too many members of the quorum were dropped or have left, and only they may have had the last commits";
  return names +
         (missing.size() == 1 ? " is missing from the quorum, and may be the only node"
                              : " are missing from the quorum, and may be the only nodes") +
         " with the last acknowledged commits";
}

std::optional<BlockedElection> blocked_election(const GroupSnapshot& group) {
  const NodeView* leader = leader_of(group);
  const bool gone = leader == nullptr ? draining_of(group) == nullptr : dead(*leader);
  const bool has_standbys =
      std::ranges::any_of(group.nodes, [](const NodeView& n) { return is_standby_state(n.goal.state); });
  if (!gone || !has_standbys || candidate_of(group) != nullptr || accepts_timeline(group) ||
      !group.monitor_trusts_itself)
    return std::nullopt;
  std::string why = why_nobody_is_electable(group);
  if (why.empty()) return std::nullopt;
  return BlockedElection{missing_voters(group), std::move(why)};
}

namespace {

auto position(const NodeView& node) {
  return std::tuple(node.facts.timeline, node.facts.lsn);
}

/// The first of `nodes` that no other beats.
template <class Beats>
const NodeView* best_of(const GroupSnapshot& group, const std::vector<NodeId>& nodes, Beats beats) {
  const NodeView* best = nullptr;
  for (NodeId id : nodes) {
    const NodeView* node = group.find(id);
    if (node != nullptr && (best == nullptr || beats(*node, *best))) best = node;
  }
  return best;
}

}  // namespace

bool is_behind(const NodeView& a, const NodeView& b) {
  return position(a) < position(b);
}

const NodeView* most_advanced(const GroupSnapshot& group, const std::vector<NodeId>& nodes) {
  return best_of(group, nodes, [](const NodeView& a, const NodeView& b) {
    return std::tuple(position(a), a.candidate_priority) > std::tuple(position(b), b.candidate_priority);
  });
}

const NodeView* preferred(const GroupSnapshot& group, const std::vector<NodeId>& nodes) {
  const NodeView* best = best_of(group, nodes, [](const NodeView& a, const NodeView& b) {
    return std::tuple(a.candidate_priority, position(a)) > std::tuple(b.candidate_priority, position(b));
  });
  return best != nullptr && best->candidate_priority > 0 ? best : nullptr;
}

int wanted_acks(const Settings& settings) {
  return std::max(1, settings.number_sync_standbys);
}

SyncQuorum quorum_of(std::vector<NodeId> voters, const Settings& settings) {
  std::ranges::sort(voters);
  const int acks = std::min(wanted_acks(settings), static_cast<int>(voters.size()));
  return {acks, std::move(voters)};
}

SyncQuorum quorum_after_promotion(const GroupSnapshot& group, const NodeView& candidate, const Settings& settings) {
  if (settings.number_sync_standbys == 0) return {};
  std::vector<NodeId> others;
  for (const NodeView& node : group.nodes)
    if (node.id != candidate.id && node.replication_quorum && node.goal.state != NodeState::dropped &&
        !is_maintenance_state(node.goal.state))
      others.push_back(node.id);
  return others.empty() ? SyncQuorum{} : quorum_of(std::move(others), settings);
}

namespace {

std::optional<std::string> why_not_by_role(const NodeView& node) {
  if (is_leader_state(node.goal.state)) return "it is the primary";
  if (node.candidate_priority == 0) return "its candidate priority is 0";
  if (node.goal.state != NodeState::secondary) return "it is " + std::string(to_string(node.goal.state));
  return std::nullopt;
}

std::optional<std::string> why_not_by_condition(const GroupSnapshot& group, const NodeView& node) {
  if (node.facts.forked || has_forked_off(group, node)) return "its history has forked off from the primary's";
  if (!healthy(node)) return "it is " + std::string(to_string(node.health.verdict)) + " (" + node.health.why + ")";
  if (!settled(node)) return "it has not reached its goal yet: it reports " + std::string(to_string(node.facts.state));
  if (!can_take_part(node)) return "its Postgres is not a running standby";
  return std::nullopt;
}

/// In both: a primary that has not proved its quorum yet has to do so first.
bool is_waited_for(const GroupSnapshot& group, NodeId id) {
  return group.quorum_confirmed.contains(id) && group.quorum_assigned.contains(id);
}

}  // namespace

std::optional<std::string> why_not_electable(const GroupSnapshot& group, const NodeView& node) {
  if (auto why = why_not_by_role(node)) return why;
  if (!is_waited_for(group, node.id)) return "the primary does not wait for it, so it may lack acknowledged commits";
  return why_not_by_condition(group, node);
}

std::optional<std::string> why_no_successor(const GroupSnapshot& group, const NodeView& node) {
  if (auto why = why_not_by_role(node)) return why;
  if (auto why = why_not_by_condition(group, node)) return why;
  if (is_waited_for(group, node.id)) return std::nullopt;
  const NodeView* leader = leader_of(group);
  const bool streams = leader != nullptr && node.facts.receiving && node.goal.upstream == leader->id &&
                       contains(leader->facts.streaming, node.id);
  if (streams) return std::nullopt;
  return "it does not stream from the primary, so it could not receive everything";
}

}  // namespace autoctl::monitor
