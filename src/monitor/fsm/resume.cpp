#include "monitor/fsm/resume.h"

#include <tuple>

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

/// Once a candidate is told to promote, its predecessor cannot acknowledge any more: the latest word counts.
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

class Resumption {
 public:
  explicit Resumption(const GroupSnapshot& group) {
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

void lead(Resumption& result, const NodeView& heir) {
  Decision& decision = result.decision_;
  if (is_outgoing_state(heir.goal.state)) {
    decision.reason = heir.name + " was the last primary, and nobody was told to promote: it goes on, alone";
    return result.assign(heir, Goal{.state = NodeState::wait_primary});
  }
  decision.reason = "all nodes are here: " + heir.name + " is the primary";
  decision.quorum_assigned = heir.goal.sync;
  if (heir.goal.state == NodeState::primary && settled(heir)) decision.quorum_confirmed = heir.goal.sync;
  if (!heir.goal.checkpoint) return;
  Goal goal = heir.goal;  // the hand-over that this was for is forgotten
  goal.checkpoint = false;
  result.assign(heir, goal);
}

void follow(Resumption& result, const NodeView& node, NodeId heir) {
  const NodeState goal = node.goal.state;
  if (is_leader_state(goal) || goal == NodeState::draining)
    result.assign(node, Goal{.state = NodeState::demote_timeout});
  else if (is_candidate_state(goal))
    result.assign(node, Goal{.state = NodeState::catchingup, .upstream = heir});
}

}  // namespace

std::optional<Decision> resume(const GroupSnapshot& group) {
  const NodeView* heir = told_to_serve(group);
  if (heir == nullptr) heir = last_primary(group);
  if (heir == nullptr) return std::nullopt;
  Resumption result(group);
  lead(result, *heir);
  for (const NodeView& node : group.nodes)
    if (&node != heir) follow(result, node, heir->id);
  return result.decision_;
}

}  // namespace autoctl::monitor
