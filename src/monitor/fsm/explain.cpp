// Why a group is not where it should be, for people.
#include "monitor/fsm/accepted.h"
#include "monitor/fsm/bounded_loss.h"
#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

std::string explain_leader(const GroupSnapshot& group, const NodeView& leader) {
  if (healthy(leader) && leader.goal.checkpoint) return leader.name + " is about to hand over";
  if (healthy(leader)) return leader.facts.trouble.empty() ? "" : leader.name + ": " + leader.facts.trouble;
  std::string text =
      leader.name + " is " + std::string(to_string(leader.health.verdict)) + " (" + leader.health.why + ")";
  for (const NodeView& node : group.nodes) {
    if (node.id == leader.id || node.goal.state == NodeState::dropped) continue;
    if (const auto why = why_not_electable(group, node)) text += "; " + node.name + " cannot take over: " + *why;
  }
  if (const std::string why = why_nobody_is_electable(group); lost(leader) && !why.empty())
    text += "; no standby can be elected: " + why;
  return text;
}

/// There is no primary and no candidate.
std::string why_blocked(const GroupSnapshot& group) {
  if (accepts_timeline(group))
    return "an operator has chosen the node whose history is kept, and the other nodes stop first";
  const std::string why = why_nobody_is_electable(group);
  return why.empty() ? "the standbys elect one" : "no standby can be elected: " + why;
}

/// Histories part, and no rule may choose.
std::string what_would_settle_it(const GroupSnapshot& group) {
  if (accepts_timeline(group)) return {};
  const NodeView* node = find_node(group, [&](const NodeView& n) {
    return (n.facts.forked || is_outgoing_state(n.facts.state)) && why_not_acceptable(group, n).empty();
  });
  if (node == nullptr) return {};
  return node->name + " has a history of its own, timeline " + std::to_string(node->facts.timeline.value) +
         ": an operator can make it the group's (`autoctl accept timeline`)";
}

std::string explain_standby(const NodeView& node) {
  if (node.goal.state == NodeState::maintenance && (settled(node) || !healthy(node)))
    return node.name + " is in maintenance" + (node.facts.trouble.empty() ? "" : ": " + node.facts.trouble);
  if (!healthy(node))
    return node.name + " is " + std::string(to_string(node.health.verdict)) + " (" + node.health.why + ")";
  if (!node.facts.trouble.empty()) return node.name + ": " + node.facts.trouble;
  if (node.goal.state == NodeState::secondary && settled(node)) return {};
  std::string text = node.name + " is on its way from " + std::string(to_string(node.facts.state)) + " to " +
                     std::string(to_string(node.goal.state));
  if (node.facts.progress_percent >= 0) text += " (" + std::to_string(node.facts.progress_percent) + " %)";
  return text;
}

}  // namespace

std::string waiting_for(const GroupSnapshot& group, const Settings& settings, TimePoint) {
  std::string text =
      group.monitor_trusts_itself ? "" : "the monitor lost sight of most nodes at once and suspects itself";
  const auto add = [&](const std::string& part) {
    if (!part.empty()) text += (text.empty() ? "" : "; ") + part;
  };
  const NodeView* leader = leader_of(group);
  if (leader == nullptr && candidate_of(group) == nullptr && !group.nodes.empty())
    add("no primary: " + why_blocked(group));
  if (leader != nullptr) add(explain_leader(group, *leader));
  add(why_loss_is_not_bounded(group, settings));
  if (leader != nullptr && dead(*leader) && settings.manual_failover.contains(group.group) && !group.operation)
    add("failovers are manual here: `autoctl perform failover` begins one");
  if (candidate_of(group) == nullptr && (leader == nullptr || lost(*leader)) && !why_nobody_is_electable(group).empty())
    add(what_would_settle_it(group));
  for (const NodeView& node : group.nodes)
    if (&node != leader && node.goal.state != NodeState::dropped) add(explain_standby(node));
  return text;
}

}  // namespace autoctl::monitor
