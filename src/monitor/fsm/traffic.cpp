#include "monitor/fsm/traffic.h"

#include "monitor/fsm/decide.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

/// While the primary still serves, nothing is lost by letting the statements go on: any doubt ends the hold.
bool about_to_hand_over(const GroupSnapshot& group, const NodeView& leader, const NodeView& target) {
  return leader.goal.state == NodeState::primary && leader.goal.checkpoint && settled(leader) && healthy(leader) &&
         serves_as_primary(leader) && !why_no_successor(group, target);
}

/// The old primary is on its way down, or gone, and this candidate is about to take over.
bool taking_over(const GroupSnapshot& group, const NodeView& candidate) {
  if (const NodeView* draining = draining_of(group)) return draining->health.verdict != Verdict::unreachable;
  // A hold that is there is worth keeping when the hand-over became a failover: statements wait instead of failing.
  if (group.traffic && group.traffic->held_for == candidate.id) return true;
  return candidate.goal.state == NodeState::stop_replication &&
         find_node(group, [](const NodeView& n) { return n.goal.state == NodeState::demoted; }) != nullptr;
}

/// The node that the statements wait for, and the node whose goal began the phase they wait in.
struct Wait {
  const NodeView* target = nullptr;
  const NodeView* phase = nullptr;
};

Wait wait_of(const GroupSnapshot& group) {
  const NodeView* leader = leader_of(group);
  if (leader == nullptr) {
    const NodeView* candidate = candidate_of(group);
    return candidate != nullptr && taking_over(group, *candidate) ? Wait{candidate, candidate} : Wait{};
  }
  const NodeView* target = group.operation ? group.find(group.operation->target) : nullptr;
  if (target == nullptr) return {};
  if (target == leader) return serves_as_primary(*leader) ? Wait{} : Wait{leader, leader};  // promoted, not seen yet
  return about_to_hand_over(group, *leader, *target) ? Wait{target, leader} : Wait{};
}

}  // namespace

NodeId hold_target(const GroupSnapshot& group, const Settings& settings, TimePoint now) {
  if (!must_hold(group)) return {};
  const auto [target, phase] = wait_of(group);
  if (target == nullptr || lost(*target) || now - phase->goal_since >= settings.drain_timeout) return {};
  return group.traffic->routed_to == target->id ? NodeId{} : target->id;  // moved already: nothing waits any more
}

Millis move_cooldown(const GroupSnapshot& group, const Settings& settings, TimePoint now) {
  const bool lost = find_node(group, [](const NodeView& n) { return n.goal.state == NodeState::demote_timeout; });
  const bool planned = group.operation && !lost && hold_target(group, settings, now);
  return planned ? settings.citus_switchover_cooldown : settings.citus_failover_cooldown;
}

bool must_hold(const GroupSnapshot& group) {
  return group.traffic && (!group.traffic->coordinator_ready || group.traffic->routed_to);
}

bool statements_arrived(const GroupSnapshot& group, const NodeView& primary) {
  return !must_hold(group) || (group.traffic->coordinator_ready && group.traffic->routed_to == primary.id);
}

std::string why_not_holdable(const GroupSnapshot& group, const NodeView& primary) {
  const Traffic& traffic = *group.traffic;
  std::string why;
  if (!traffic.coordinator_ready)
    why = "the coordinator is not ready to hold the statements for this group";
  else if (traffic.routed_to != primary.id)
    why = "the coordinator does not send the statements for this group to " + primary.name + " yet";
  if (!why.empty() && !traffic.trouble.empty()) why += " (" + traffic.trouble + ")";
  return why;
}

}  // namespace autoctl::monitor
