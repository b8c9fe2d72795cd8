#include "monitor/fsm/reconstruct.h"

#include <tuple>

#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

template <class Suits, class Rank>
const NodeView* highest(const GroupSnapshot& group, Suits suits, Rank rank) {
  const NodeView* best = nullptr;
  for (const NodeView& node : group.nodes)
    if (suits(node) && (best == nullptr || rank(node) > rank(*best))) best = &node;
  return best;
}

/// Once a candidate is told to promote, its predecessor cannot acknowledge any more: the highest term counts.
const NodeView* told_to_serve(const GroupSnapshot& group) {
  return highest(
      group, [](const NodeView& n) { return may_accept_writes(n.goal.state); },
      [](const NodeView& n) { return n.goal.term; });
}

/// Each promotion opens a timeline: the highest is the last primary's.
const NodeView* last_primary(const GroupSnapshot& group) {
  return highest(
      group, [](const NodeView& n) { return is_outgoing_state(n.goal.state) && !n.facts.cannot_run; },
      [](const NodeView& n) { return std::tuple(n.facts.timeline, n.goal.term); });
}

class Reconstruction {
 public:
  explicit Reconstruction(const GroupSnapshot& group) {
    decision_.rule = "formation_is_complete";
    decision_.term = Term{group.term.value + 1};
    decision_.quorum_assigned = decision_.quorum_confirmed = SyncQuorum{};
  }
  void assign(const NodeView& node, Goal goal) {
    goal.term = decision_.term;
    decision_.goals.emplace_back(node.id, std::move(goal));
  }
  Decision decision_;
};

void lead(Reconstruction& result, const NodeView& heir) {
  Decision& decision = result.decision_;
  if (is_outgoing_state(heir.goal.state)) {
    decision.reason = heir.name + " was the last primary, and no node was told to promote: it stays the primary, alone";
    return result.assign(heir, Goal{.state = NodeState::wait_primary});
  }
  decision.reason = "all nodes have come: " + heir.name + " is the primary";
  decision.quorum_assigned = heir.goal.sync;
  if (heir.goal.state == NodeState::primary && settled(heir)) decision.quorum_confirmed = heir.goal.sync;
  if (!heir.goal.checkpoint) return;
  Goal goal = heir.goal;  // the switchover that this was for is forgotten
  goal.checkpoint = false;
  result.assign(heir, goal);
}

void follow(Reconstruction& result, const NodeView& node, NodeId heir) {
  const NodeState goal = node.goal.state;
  if (is_leader_state(goal) || goal == NodeState::draining)
    result.assign(node, Goal{.state = NodeState::demote_timeout});
  else if (is_candidate_state(goal))
    result.assign(node, Goal{.state = NodeState::catchingup, .upstream = heir});
}

template <class Suits>
std::vector<const NodeView*> all_that(const GroupSnapshot& group, Suits suits) {
  std::vector<const NodeView*> found;
  for (const NodeView& node : group.nodes)
    if (suits(node)) found.push_back(&node);
  return found;
}

/// The standbys that the primary may have waited for; where there is none, every node that has data of its.
std::vector<const NodeView*> nodes_that_may_have_acknowledged(const GroupSnapshot& group) {
  const auto followed = [](const NodeView& n) { return counts_in_elections(n.goal.state); };
  auto found = all_that(group, [&](const NodeView& n) { return followed(n) && n.replication_quorum; });
  if (found.empty()) found = all_that(group, followed);
  if (found.empty()) found = all_that(group, runs_as_standby);
  return found;
}

std::optional<Decision> elect(const GroupSnapshot& group) {
  Reconstruction result(group);
  SyncQuorum quorum{1, {}};
  std::string names;
  for (const NodeView* node : nodes_that_may_have_acknowledged(group)) {
    result.assign(*node, Goal{.state = NodeState::report_lsn});
    quorum.voters.push_back(node->id);
    names += (names.empty() ? "" : ", ") + node->name;
  }
  result.decision_.reason =
      "an operator gave up the last primary: " +
      (names.empty() ? "there is no standby to elect" : names + " elect, and may lack commits that it acknowledged");
  if (!quorum.voters.empty()) result.decision_.quorum_assigned = result.decision_.quorum_confirmed = quorum;
  return result.decision_;
}

}  // namespace

std::optional<Decision> reconstruct(const GroupSnapshot& group, bool given_up) {
  const NodeView* heir = told_to_serve(group);
  const NodeView* outgoing = last_primary(group);
  // One that was away for more than a whole failover was told to serve before that.
  const bool outdated = heir && outgoing && outgoing->facts.timeline > heir->facts.timeline;
  if (heir == nullptr || outdated) heir = outgoing;
  if (heir == nullptr) return given_up ? elect(group) : std::nullopt;
  Reconstruction result(group);
  lead(result, *heir);
  for (const NodeView& node : group.nodes)
    if (&node != heir) follow(result, node, heir->id);
  return result.decision_;
}

}  // namespace autoctl::monitor
