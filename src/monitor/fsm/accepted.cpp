// An operator chooses which of several histories is the group's. This works only where no primary is left: the node
// with that history takes over, and the others join it. Every node that could acknowledge for another history stops
// first, and a lease that the last primary may still hold runs out first. A standby is promoted as by failover_forced.
// A node that accepted writes already, because it was promoted by hand or was the primary once, continues as it is.
#include "monitor/fsm/accepted.h"

#include "common/fsm/ancestry.h"
#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

Lineage lineage(const NodeView& node) {
  return {node.facts.timeline, node.facts.lsn, node.facts.history};
}

std::string position(const NodeView& node) {
  return "at " + to_string(node.facts.lsn) + " on timeline " + std::to_string(node.facts.timeline.value);
}

/// The node wrote as a primary, by its own report.
bool has_led(const NodeView& node) {
  return node.facts.forked || is_leader_state(node.facts.state) || is_outgoing_state(node.facts.state);
}

/// The node was started as a primary, not promoted: the other nodes' WAL on the same timeline differs from its own, and
/// nothing would show that when they join it.
bool wrote_into_a_shared_timeline(const GroupSnapshot& group, const NodeView& node) {
  if (!node.facts.forked) return false;
  auto path = node.facts.history;
  path.push_back({node.facts.timeline, {}});
  return std::ranges::any_of(group.nodes, [&](const NodeView& other) {
    if (&other == &node || !other.facts.timeline) return false;
    auto others = other.facts.history;
    others.push_back({other.facts.timeline, {}});
    const auto before = static_cast<std::ptrdiff_t>(path.size() - 1);
    return others.size() >= path.size() && std::equal(path.begin(), path.begin() + before, others.begin()) &&
           others[path.size() - 1].timeline == node.facts.timeline;
  });
}

/// The last primary, if it is gone, may have written more than it has reported.
std::string what_is_lost_with(const GroupSnapshot& group, const NodeView& node, const NodeView& kept) {
  if (!node.facts.timeline) return "everything that only " + node.name + " has";
  if (compare_ancestry(lineage(node), lineage(kept)) == Ancestry::diverged)
    return "what " + node.name + " (last seen " + position(node) + ") has after " +
           to_string(last_common(lineage(node), lineage(kept)));
  const bool may_have_more = lost(node) && (has_led(node) || in_a_quorum(group, node.id));
  return may_have_more ? "what " + node.name + " wrote after its last report (" + position(node) + ")" : "";
}

}  // namespace

std::string why_not_acceptable(const GroupSnapshot& group, const NodeView& node) {
  if (!healthy(node)) return "it is " + std::string(to_string(node.health.verdict)) + " (" + node.health.why + ")";
  if (node.goal.state == NodeState::dropped) return "it was dropped";
  if (node.candidate_priority == 0) return "its candidate priority is 0";
  if (could_serve(node)) return {};
  if (is_maintenance_state(node.goal.state)) return "it is in maintenance";
  if (node.facts.in_recovery || !has_led(node))
    return "it is neither a running standby nor a node that accepted writes: it reports " +
           std::string(to_string(node.facts.state));
  if (node.facts.forked && node.goal.state == NodeState::catchingup)
    return "it was told to rejoin the primary, and may have begun to discard what only it has";
  if (wrote_into_a_shared_timeline(group, node))
    return "it was started as a primary without being promoted: it wrote into a timeline that other nodes are on, too, "
           "and nothing would tell the two histories apart";
  return {};
}

std::string what_is_given_up(const GroupSnapshot& group, const NodeView& node) {
  std::string text;
  for (const NodeView& other : group.nodes) {
    if (&other == &node || other.goal.state == NodeState::dropped) continue;
    const std::string lost = what_is_lost_with(group, other, node);
    if (!lost.empty()) text += (text.empty() ? "" : "; ") + lost;
  }
  return text.empty() ? "nothing, as far as the nodes that are present know" : text;
}

namespace {

/// A node other than `node` that serves, or is about to.
const NodeView* another_node_serves(const Context& c, const NodeView& node) {
  for (const NodeView* other : {c.leader, c.draining})
    if (other != nullptr && other != &node && !lost(*other)) return other;
  const bool promotes = c.candidate != nullptr && !can_be_called_off(c.candidate->goal.state);
  return promotes && c.candidate != &node && !lost(*c.candidate) ? c.candidate : nullptr;
}

std::string why_it_fails(const Context& c, const NodeView* node) {
  if (node == nullptr || node->goal.state == NodeState::dropped) return "the node was dropped";
  if (lost(*node)) return node->name + " was lost: " + node->health.why;
  if (const NodeView* other = another_node_serves(c, *node))
    return other->name + " is the primary, or is about to become it";
  const bool leads = is_leader_state(node->goal.state) || c.candidate == node;
  if (!leads && c.now - c.group.operation->requested_at >= c.settings.drain_timeout)
    return "the other nodes or " + node->name + " did not stop in time";
  return {};
}

/// All nodes that could acknowledge are told to stop: none of them is called back, and no election that counts on them
/// continues.
Outcome stop_all_nodes(const Context& c, const NodeView& node) {
  const std::vector<const NodeView*> standbys = standbys_to_fence(c.group, node);
  const bool quorum_is_off = c.group.quorum_assigned.asynchronous() && c.group.quorum_confirmed.asynchronous();
  Effect effect(c, "an operator chose " + node.name + " (" + position(node) +
                       ") to continue: every node that could acknowledge stops first; given up: " +
                       what_is_given_up(c.group, node));
  bool changes = !quorum_is_off || !standbys.empty();
  for (const NodeView& other : c.group.nodes) {
    const NodeState state = other.goal.state;
    const bool stops = &other == &node || may_accept_writes(state) || is_outgoing_state(state);
    if (stops && state != NodeState::demoted) {
      effect.assign(other, NodeState::demoted);
      changes = true;
    } else if (can_be_called_off(state)) {
      effect.assign(other, NodeState::report_lsn);
      changes = true;
    }
  }
  if (!changes) return std::nullopt;
  for (const NodeView* standby : standbys) effect.assign(*standby, NodeState::report_lsn);
  effect.asynchronous();
  return effect;
}

/// By its own report, or because its lease must have run out. A standby that hangs is not waited for without end.
bool has_stopped(const Context& c, const NodeView& node) {
  const NodeState goal = node.goal.state;
  if (goal == NodeState::demoted || goal == NodeState::dropped) return settled(node) || c.now >= node.lease_until;
  if (goal == NodeState::report_lsn)
    return settled(node) || lost(node) || c.now - node.goal_since >= c.settings.postgres_restart_timeout;
  return node.health.verdict != Verdict::suspected;  // a standby that reports again is told to stop, too
}

bool all_have_stopped(const Context& c, const NodeView& node) {
  return settled(node) && std::ranges::all_of(c.group.nodes, [&](const NodeView& n) { return has_stopped(c, n); });
}

}  // namespace

Outcome timeline_accepted(const Context& c) {
  if (!accepts_timeline(c.group)) return std::nullopt;
  const NodeView* node = c.group.find(c.group.operation->target);
  if (const std::string why = why_it_fails(c, node); !why.empty()) return Effect(c, why).end_operation(false, why);
  if (is_leader_state(node->goal.state) || c.candidate == node) return std::nullopt;
  if (could_serve(*node)) {
    Effect effect(c, "an operator chose " + node->name + " (" + position(*node) +
                         ") to take over; given up: " + what_is_given_up(c.group, *node));
    promote_by_force(c, effect, *node);
    return effect;
  }
  if (Outcome stopping = stop_all_nodes(c, *node)) return stopping;
  if (!all_have_stopped(c, *node)) return std::nullopt;
  return Effect(c, node->name + " (" + position(*node) + ") continues, as an operator chose")
      .assign(*node, NodeState::wait_primary, Goal{.keep_history = true});
}

}  // namespace autoctl::monitor
