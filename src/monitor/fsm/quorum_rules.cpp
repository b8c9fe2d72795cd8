// Which standbys a commit waits for. The standbys that may acknowledge are always those that may be elected: turning
// the quorum on counts for elections only once the primary has proved it, turning it off counts from the moment of the
// decision (docs/safety-rules.md, rule 1).
#include "monitor/fsm/maintenance.h"
#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

std::string names_of(const GroupSnapshot& group, const std::vector<NodeId>& ids) {
  std::string names;
  for (NodeId id : ids) {
    const NodeView* node = group.find(id);
    names += (names.empty() ? "" : ", ") + (node != nullptr ? node->name : std::to_string(id.value));
  }
  return names.empty() ? "no standby" : names;
}

bool primary_with_quorum(const Context& c) {
  return c.leader != nullptr && c.leader->goal.state == NodeState::primary;
}

std::string its_own_way(const NodeView& node) {
  const std::string where = " on timeline " + std::to_string(node.facts.timeline.value);
  if (node.facts.postgres_running && !node.facts.in_recovery)
    return "was promoted outside autoctl: it accepts writes" + where;
  if (node.facts.forked) return "was promoted outside autoctl and has stopped" + where;
  return "has a history of its own" + where + ", at " + to_string(node.facts.lsn);
}

/// Why the primary should no longer wait for this voter; empty when it should. A voter whose keeper is silent but which
/// the primary still streams to is no loss.
std::string why_lost(const Context& c, NodeId id) {
  const NodeView* node = c.group.find(id);
  if (node == nullptr) return "is gone";
  if (node->goal.state == NodeState::dropped) return "was dropped";
  if (node->goal.state != NodeState::secondary) return "is " + std::string(to_string(node->goal.state));
  if (!node->replication_quorum) return "is taken out of the quorum (replication-quorum false)";
  if (leaves_for_maintenance(c.group, c.settings, id)) return "leaves for maintenance";
  if (went_its_own_way(c.group, *node)) return its_own_way(*node);
  if (contains(c.leader->facts.streaming, id)) return {};
  if (dead(*node)) return "is dead: " + node->health.why;
  if (node->stalled_for >= c.settings.standby_stall_timeout)
    return "has not streamed for " + std::to_string(node->stalled_for / std::chrono::seconds{1}) + " s" +
           (node->facts.trouble.empty() ? "" : " (" + node->facts.trouble + ")");
  return {};
}

/// It left for good, because an operator said so. A node that is only away is still waited for.
bool has_left(const Context& c, NodeId id) {
  const NodeView* node = c.group.find(id);
  return node == nullptr || node->goal.state == NodeState::dropped || !node->replication_quorum ||
         is_maintenance_state(node->goal.state) || leaves_for_maintenance(c.group, c.settings, id);
}

/// As many acknowledgements as before, where there are still so many voters.
SyncQuorum without_departed(const Context& c, SyncQuorum quorum) {
  std::erase_if(quorum.voters, [&](NodeId id) { return has_left(c, id); });
  quorum.acks = std::min(quorum.acks, static_cast<int>(quorum.voters.size()));
  return quorum;
}

}  // namespace

void serve_again(const Context& c, Effect& effect, const NodeView& old_primary, const std::vector<NodeId>& leaving) {
  const SyncQuorum quorum = without_departed(c, c.group.quorum_assigned);
  const auto stays = [&](NodeId id) {
    const NodeView* node = c.group.find(id);
    return node != nullptr && node->goal.state == NodeState::secondary && !lost(*node) && !contains(leaving, id);
  };
  const bool enough = std::ranges::count_if(quorum.voters, stays) >= quorum.acks;
  const bool may_be = !quorum.asynchronous() && !quorum.contains(old_primary.id);
  if (may_be && (enough || c.settings.number_sync_standbys > 0))
    effect.assign(old_primary, NodeState::primary, Goal{.sync = quorum}).assign_quorum(quorum);
  else
    effect.assign(old_primary, NodeState::wait_primary).asynchronous();
}

Outcome quorum_turned_on(const Context& c) {
  if (c.leader == nullptr || c.leader->goal.state != NodeState::wait_primary || !settled(*c.leader) ||
      !healthy(*c.leader) || !serves_as_primary(*c.leader))
    return std::nullopt;
  std::vector<NodeId> voters = eligible_voters(c.group, *c.leader, c.settings);
  if (voters.empty()) return std::nullopt;
  const std::string names = names_of(c.group, voters);
  SyncQuorum quorum = quorum_of(std::move(voters), c.settings);
  // A primary that was promoted and may not acknowledge alone waits for as many standbys as it was told to.
  if (quorum.acks < without_departed(c, c.leader->goal.sync).acks) return std::nullopt;
  return Effect(c, c.leader->name + " is to wait for " + std::to_string(quorum.acks) + " of " + names)
      .assign(*c.leader, NodeState::primary, Goal{.sync = quorum})
      .assign_quorum(quorum);
}

/// The keeper puts the names back by itself, and proves them again before it says so.
Outcome quorum_disproved(const Context& c) {
  if (!primary_with_quorum(c) || !healthy(*c.leader) || !serves_as_primary(*c.leader)) return std::nullopt;
  const NodeView& leader = *c.leader;
  if (!settled(leader) || c.group.quorum_confirmed != leader.goal.sync ||
      leader.facts.sync_in_force == leader.goal.sync)
    return std::nullopt;
  return Effect(c, leader.name +
                       " has other synchronous_standby_names in force than it has proved: commits may not have "
                       "waited for " +
                       names_of(c.group, leader.goal.sync.voters))
      .confirm_quorum({});
}

Outcome quorum_confirmed(const Context& c) {
  if (!primary_with_quorum(c) || !settled(*c.leader) || !serves_as_primary(*c.leader)) return std::nullopt;
  const SyncQuorum& goal = c.leader->goal.sync;
  if (c.group.quorum_confirmed == goal || c.leader->facts.sync_in_force != goal) return std::nullopt;
  return Effect(c, c.leader->name + " has synchronous_standby_names in force, and " + std::to_string(goal.acks) +
                       " of " + names_of(c.group, goal.voters) + " had flushed everything written before")
      .confirm_quorum(goal);
}

Outcome quorum_grows(const Context& c) {
  // Not while it is about to hand over: that would begin its checkpoint anew.
  if (!primary_with_quorum(c) || !settled(*c.leader) || !healthy(*c.leader) || !serves_as_primary(*c.leader) ||
      c.leader->goal.checkpoint || c.group.quorum_confirmed != c.group.quorum_assigned)
    return std::nullopt;
  std::vector<NodeId> voters = eligible_voters(c.group, *c.leader, c.settings);
  std::string left;
  for (NodeId id : c.leader->goal.sync.voters) {
    if (contains(voters, id)) continue;
    const std::string why = why_lost(c, id);
    if (why.empty())
      voters.push_back(id);
    else
      left += "; " + names_of(c.group, {id}) + " " + why;
  }
  SyncQuorum quorum = quorum_of(std::move(voters), c.settings);
  const int wanted = std::min(wanted_acks(c.settings), c.leader->goal.sync.acks);
  if (quorum == c.leader->goal.sync || quorum.acks < wanted) return std::nullopt;
  return Effect(c, c.leader->name + " is to wait for " + std::to_string(quorum.acks) + " of " +
                       names_of(c.group, quorum.voters) + left)
      .assign(*c.leader, NodeState::primary, Goal{.sync = quorum})
      .assign_quorum(quorum);
}

Outcome standby_lost(const Context& c) {
  if (!primary_with_quorum(c) || !healthy(*c.leader)) return std::nullopt;
  const SyncQuorum& now_in_force = c.leader->goal.sync;
  std::vector<NodeId> lost;
  std::string reason;
  for (NodeId id : now_in_force.voters) {
    const std::string why = why_lost(c, id);
    if (why.empty()) continue;
    lost.push_back(id);
    reason += (reason.empty() ? "" : "; ") + names_of(c.group, {id}) + " " + why;
  }
  const int left = static_cast<int>(now_in_force.voters.size() - lost.size());
  if (lost.empty() || left >= now_in_force.acks) return std::nullopt;
  if (c.settings.number_sync_standbys > 0) {
    // It waits for standbys that are away as long as that takes, but not for nodes that will never come back.
    const SyncQuorum members = without_departed(c, now_in_force);
    if (members == now_in_force) return std::nullopt;
    if (!members.asynchronous())
      return Effect(c, reason + "; " + c.leader->name + " waits for the standbys that are left")
          .assign(*c.leader, NodeState::primary, Goal{.sync = members})
          .assign_quorum(members);
  }
  Effect effect(c, reason + "; " + c.leader->name + " no longer waits for any standby");
  effect.assign(*c.leader, NodeState::wait_primary).asynchronous();
  for (NodeId id : now_in_force.voters) {
    const NodeView* node = c.group.find(id);
    if (node == nullptr || node->goal.state != NodeState::secondary) continue;
    // A standby that leaves streams on until the primary has heard that it need not wait for it.
    const bool leaves = leaves_for_maintenance(c.group, c.settings, id);
    effect.follow(*node, leaves ? NodeState::wait_maintenance : NodeState::catchingup, c.leader->id);
  }
  return effect;
}

namespace {

/// Until the primary has confirmed a quorum without it, an election still needs what this standby has.
bool leaves_the_quorum(const GroupSnapshot& group, NodeId id) {
  return group.quorum_confirmed.contains(id) && !group.quorum_assigned.contains(id);
}

}  // namespace

Outcome standby_forked_off(const Context& c) {
  if (c.leader == nullptr || !healthy(*c.leader) || !serves_as_primary(*c.leader)) return std::nullopt;
  const NodeView* astray = find_node(c.group, [&](const NodeView& n) {
    return went_its_own_way(c.group, n) && !leaves_the_quorum(c.group, n.id) &&
           contains(c.leader->facts.prepared_peers, n.id);
  });
  if (astray == nullptr) return std::nullopt;
  return Effect(c, astray->name + " " + its_own_way(*astray) + ", while " + c.leader->name +
                       " is the primary: it rejoins and gives up what only it has")
      .follow(*astray, NodeState::catchingup, c.leader->id);
}

Outcome standby_stalled(const Context& c) {
  if (c.leader == nullptr || !healthy(*c.leader) || !serves_as_primary(*c.leader)) return std::nullopt;
  const NodeView* stalled = find_node(c.group, [&](const NodeView& n) {
    const bool streamed = n.goal.state == NodeState::catchingup && settled(n);  // else it is still joining
    return (streamed || n.goal.state == NodeState::secondary) && !leaves_the_quorum(c.group, n.id) && healthy(n) &&
           !n.facts.receiving && !contains(c.leader->facts.streaming, n.id) &&
           n.stalled_for >= c.settings.standby_stall_timeout;
  });
  if (stalled == nullptr) return std::nullopt;
  return Effect(c, stalled->name + " is alive but does not stream from " + c.leader->name + ": it rejoins")
      .follow(*stalled, NodeState::catchingup, c.leader->id);
}

}  // namespace autoctl::monitor
