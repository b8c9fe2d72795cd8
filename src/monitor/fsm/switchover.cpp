// A planned switchover: checkpoint, stop the old primary, promote a standby that has everything. Nothing is fenced: the
// old primary stops by itself before the candidate is promoted. A Citus worker does its checkpoint first and stops only
// when the coordinator holds the statements for it, so that they wait instead of failing. Until then it is an ordinary
// primary with an ordinary standby, and there is nothing to take back.
#include "monitor/fsm/rule.h"
#include "monitor/fsm/traffic.h"

namespace autoctl::monitor {

namespace {

/// A switchover that cannot start is refused after this long: a group that is still settling gets that much time. A
/// candidate gets ready at once; one that takes longer does not hear the monitor, or its keeper hangs.
constexpr Millis patience{5000};

/// Among equals, one that the primary waits for: it has everything already.
bool is_better(const GroupSnapshot& group, const NodeView& a, const NodeView& b) {
  const auto merit = [&group](const NodeView& n) {
    return std::pair(n.candidate_priority, !why_not_electable(group, n).has_value());
  };
  return merit(a) > merit(b);
}

/// The standby to hand over to: the operator's choice, else the highest priority; nullptr and `why` if there is none.
const NodeView* choose(const Context& c, std::string& why) {
  const NodeView* best = nullptr;
  for (const NodeView& node : c.group.nodes) {
    if (c.group.operation->target && node.id != c.group.operation->target) continue;
    if (is_leader_state(node.goal.state) || node.goal.state == NodeState::dropped) continue;
    if (const auto reason = why_no_successor(c.group, node)) {
      why += (why.empty() ? "" : "; ") + node.name + ": " + *reason;
    } else if (best == nullptr || is_better(c.group, node, *best)) {
      best = &node;
    }
  }
  if (best == nullptr && why.empty()) why = "the group has no standby";
  return best;
}

/// A moment may be enough: the primary or a standby is on its way to where a hand-over begins.
bool may_yet_start(const Context& c) {
  const auto may_yet_take_over = [&](const NodeView& n) {
    const bool wanted = !c.group.operation->target || n.id == c.group.operation->target;
    const bool standby = follows_primary(n.goal.state) || n.goal.state == NodeState::wait_standby;
    return wanted && standby && n.candidate_priority > 0 && !lost(n);
  };
  return !lost(*c.leader) && find_node(c.group, may_yet_take_over) != nullptr;
}

bool in_progress(const Context& c) {
  return c.leader == nullptr || c.candidate != nullptr || c.draining != nullptr;
}

/// A primary that may be told to hand over.
bool can_hand_over(const NodeView& leader) {
  const NodeState goal = leader.goal.state;
  const bool leads = goal == NodeState::primary || (goal == NodeState::wait_primary && settled(leader));
  return leads && healthy(leader) && serves_as_primary(leader);
}

/// The primary has finished its checkpoint, and the coordinator holds the statements: they wait no longer than needed.
bool statements_are_held(const Context& c, const NodeView& candidate) {
  return c.leader->goal.checkpoint && settled(*c.leader) && c.group.traffic->held_for == candidate.id;
}

/// The old primary crashed instead of stopping, and the candidate alone cannot show what was acknowledged.
bool may_lack_commits(const Context& c, const NodeView& candidate) {
  return stopped_by_a_crash(*c.draining) && !covers_every_commit(c.group, {candidate.id});
}

/// Why a worker that was to hand over no longer does; empty while it may.
std::string why_not_held(const Context& c) {
  if (!c.group.operation) return "the switchover is no longer asked for";
  const NodeView* target = c.group.find(c.group.operation->target);
  if (target == nullptr || target->goal.state != NodeState::secondary) return "the candidate is no longer a secondary";
  if (lost(*target)) return target->name + " was lost: " + target->health.why;
  if (c.now - c.leader->goal_since < c.settings.drain_timeout) return {};
  if (!healthy(*c.leader)) return c.leader->name + " is not a healthy primary: " + c.leader->health.why;
  if (!settled(*c.leader)) return c.leader->name + " has not finished its checkpoint in time";
  if (const auto why = why_no_successor(c.group, *target)) return target->name + " cannot take over: " + *why;
  std::string why = c.group.traffic ? why_not_holdable(c.group, *c.leader) : "";
  if (!why.empty()) return why;
  why = "the coordinator could not hold the statements for this group in time";
  return c.group.traffic && !c.group.traffic->trouble.empty() ? why + " (" + c.group.traffic->trouble + ")" : why;
}

}  // namespace

Outcome switchover_done(const Context& c) {
  if (!c.group.operation || c.leader == nullptr || c.group.operation->target != c.leader->id ||
      !serves_as_primary(*c.leader) || !settled(*c.leader))
    return std::nullopt;
  // What an operator does next may be a statement that needs pg_dist_node to be right.
  if (!statements_arrived(c.group, *c.leader) && c.now - c.leader->goal_since < c.settings.drain_timeout)
    return std::nullopt;
  return Effect(c, c.leader->name + " is the primary").end_operation(true, c.leader->name + " is the primary");
}

Outcome switchover_prepares(const Context& c) {
  if (!c.group.operation || in_progress(c) || !must_hold(c.group)) return std::nullopt;
  const NodeView& leader = *c.leader;
  if (!can_hand_over(leader) || leader.goal.checkpoint || !why_not_holdable(c.group, leader).empty())
    return std::nullopt;
  std::string why;
  const NodeView* candidate = choose(c, why);
  if (candidate == nullptr) return std::nullopt;
  return Effect(c, "an operator asked to move the primary from " + leader.name + " to " + candidate->name +
                       ": a checkpoint, then the coordinator holds the statements")
      .assign(leader, leader.goal.state, Goal{.sync = leader.goal.sync, .checkpoint = true})
      .operation_goes_to(*candidate);
}

Outcome switchover_not_held(const Context& c) {
  if (in_progress(c) || !c.leader->goal.checkpoint) return std::nullopt;
  const std::string why = why_not_held(c);
  if (why.empty()) return std::nullopt;
  Effect effect(c, why + "; " + c.leader->name + " stays the primary");
  effect.assign(*c.leader, c.leader->goal.state, Goal{.sync = c.leader->goal.sync});
  if (c.group.operation) effect.end_operation(false, why);
  return effect;
}

Outcome switchover_starts(const Context& c) {
  if (!c.group.operation || in_progress(c)) return std::nullopt;
  const NodeView& leader = *c.leader;
  if (!can_hand_over(leader)) return std::nullopt;
  std::string why;
  const NodeView* candidate = choose(c, why);
  if (candidate == nullptr) return std::nullopt;
  const bool hold = must_hold(c.group);
  if (hold && !statements_are_held(c, *candidate)) return std::nullopt;
  return Effect(c, hold ? "the coordinator holds the statements: the primary moves from " + leader.name + " to " +
                              candidate->name
                        : "an operator asked to move the primary from " + leader.name + " to " + candidate->name)
      .assign(leader, NodeState::draining, Goal{.sync = leader.goal.sync, .checkpoint = !hold})
      .follow(*candidate, NodeState::prepare_promotion, leader.id)
      .operation_goes_to(*candidate);
}

Outcome switchover_refused(const Context& c) {
  if (!c.group.operation || in_progress(c) || c.leader->goal.checkpoint) return std::nullopt;
  const bool moved = c.group.operation->target == c.leader->id;  // it, or its statements, are about to arrive
  if (moved && c.now - c.leader->goal_since < c.settings.drain_timeout) return std::nullopt;
  std::string why;
  if (moved)
    why = c.leader->name + " was promoted, but has not settled as the primary in time";
  else if (choose(c, why) == nullptr)
    why = "no standby can take over: " + why;
  else if (!can_hand_over(*c.leader))
    why = "no standby can take over: " + c.leader->name + " is not a healthy primary: " + c.leader->health.why;
  else
    why = why_not_holdable(c.group, *c.leader);
  const bool leads = c.leader->goal.state == NodeState::primary || c.leader->goal.state == NodeState::wait_primary;
  const bool may_help = moved || is_forced(c.group) || may_yet_start(c);
  if (leads && may_help && c.now - c.group.operation->requested_at < patience) return std::nullopt;
  return Effect(c, why).end_operation(false, why);
}

Outcome old_primary_drained(const Context& c) {
  if (c.draining == nullptr || !settled(*c.draining) || c.draining->facts.postgres_running) return std::nullopt;
  const NodeView* candidate = c.candidate;
  if (candidate == nullptr || candidate->goal.state != NodeState::prepare_promotion || !settled(*candidate) ||
      !can_take_part(*candidate))
    return std::nullopt;
  // With several voters, another one may have acknowledged what did not reach the candidate.
  if (may_lack_commits(c, *candidate)) return std::nullopt;
  if (candidate->facts.lsn < c.draining->facts.lsn && !covers_every_commit(c.group, {candidate->id}))
    return Effect(c, c.draining->name + " has stopped at " + to_string(c.draining->facts.lsn) + "; " + candidate->name +
                         " has to show that it has everything up to there")
        .assign(*candidate, NodeState::prepare_promotion, Goal{.fence = true, .await_lsn = c.draining->facts.lsn})
        .assign(*c.draining, NodeState::demote_timeout);
  const SyncQuorum sync = quorum_after_promotion(c.group, *candidate, c.settings);
  return Effect(c, c.draining->name + " has stopped at " + to_string(c.draining->facts.lsn) + "; " + candidate->name +
                       " takes over")
      .assign(*candidate, NodeState::stop_replication, Goal{.sync = sync, .await_lsn = c.draining->facts.lsn})
      .assign(*c.draining, NodeState::demoted)
      .assign_quorum(sync);
}

Outcome switchover_called_off(const Context& c) {
  if (c.draining == nullptr || !healthy(*c.draining)) return std::nullopt;
  const NodeView* candidate = c.candidate;
  if (candidate != nullptr && candidate->goal.state != NodeState::prepare_promotion) return std::nullopt;
  std::string why;
  if (candidate == nullptr)
    why = "the candidate was dropped";
  else if (lost(*candidate))
    why = candidate->name + " was lost: " + candidate->health.why;
  else if (!settled(*candidate) && c.now - candidate->goal_since >= patience)
    why = candidate->name + " did not get ready in time";
  else if (may_lack_commits(c, *candidate))
    why = c.draining->name + " crashed, and " + candidate->name + " may lack what another standby has";
  else
    return std::nullopt;
  Effect effect(c, why + "; " + c.draining->name + ", which was to hand over, stays the primary");
  if (candidate != nullptr) effect.follow(*candidate, NodeState::catchingup, c.draining->id);
  serve_again(c, effect, *c.draining, candidate != nullptr ? std::vector{candidate->id} : std::vector<NodeId>{});
  if (c.group.operation) effect.end_operation(false, why);
  return effect;
}

Outcome switchover_overdue(const Context& c) {
  if (c.draining == nullptr || settled(*c.draining) || dead(*c.draining) ||
      c.now - c.draining->goal_since < c.settings.drain_timeout)
    return std::nullopt;
  if (c.candidate == nullptr || c.candidate->goal.state != NodeState::prepare_promotion) return std::nullopt;
  const std::string why = c.draining->name + " did not stop in time";
  Effect effect(c, why + "; it stays the primary");
  const bool alone = c.draining->goal.sync.asynchronous() || c.group.quorum_assigned.asynchronous();
  effect.assign(*c.draining, alone ? NodeState::wait_primary : NodeState::primary, Goal{.sync = c.draining->goal.sync})
      .follow(*c.candidate, NodeState::secondary, c.draining->id);
  if (c.group.operation) effect.end_operation(false, why);
  return effect;
}

}  // namespace autoctl::monitor
