// A planned hand-over: checkpoint, stop the old primary, promote a standby that has everything. Nothing is fenced by
// force: the old primary stops by itself before the candidate is promoted.
#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

/// A hand-over that cannot start is refused after this long; a group that is just settling gets that much time.
constexpr Millis patience{5000};

/// The standby to hand over to: the operator's choice, else the highest priority; nullptr and `why` if there is none.
const NodeView* choose(const Context& c, std::string& why) {
  const NodeView* best = nullptr;
  for (const NodeView& node : c.group.nodes) {
    if (c.group.operation->target && node.id != c.group.operation->target) continue;
    if (is_leader_state(node.goal.state) || node.goal.state == NodeState::dropped) continue;
    if (const auto reason = why_not_electable(c.group, node)) {
      why += (why.empty() ? "" : "; ") + node.name + ": " + *reason;
    } else if (best == nullptr || node.candidate_priority > best->candidate_priority) {
      best = &node;
    }
  }
  if (best == nullptr && why.empty()) why = "the group has no standby";
  return best;
}

bool in_progress(const Context& c) {
  return c.leader == nullptr || c.candidate != nullptr || c.draining != nullptr;
}

}  // namespace

Outcome switchover_done(const Context& c) {
  if (!c.group.operation || c.leader == nullptr || c.group.operation->target != c.leader->id ||
      !serves_as_primary(*c.leader) || !settled(*c.leader))
    return std::nullopt;
  return Effect(c, c.leader->name + " is the primary").end_operation(true, c.leader->name + " is the primary");
}

Outcome switchover_starts(const Context& c) {
  if (!c.group.operation || in_progress(c)) return std::nullopt;
  const NodeView& leader = *c.leader;
  if (leader.goal.state != NodeState::primary || !healthy(leader) || !serves_as_primary(leader)) return std::nullopt;
  std::string why;
  const NodeView* candidate = choose(c, why);
  if (candidate == nullptr) return std::nullopt;
  return Effect(c, "an operator asked to move the primary from " + leader.name + " to " + candidate->name)
      .assign(leader, NodeState::draining, Goal{.sync = leader.goal.sync})
      .follow(*candidate, NodeState::prepare_promotion, leader.id)
      .operation_goes_to(*candidate);
}

Outcome switchover_refused(const Context& c) {
  if (!c.group.operation || in_progress(c)) return std::nullopt;
  std::string why;
  if (choose(c, why) != nullptr) why = c.leader->name + " is not a healthy primary: " + c.leader->health.why;
  const bool settling = c.leader->goal.state == NodeState::primary || c.leader->goal.state == NodeState::wait_primary;
  if (settling && c.now - c.group.operation->requested_at < patience) return std::nullopt;
  return Effect(c, "no standby can take over: " + why).end_operation(false, "no standby can take over: " + why);
}

Outcome old_primary_drained(const Context& c) {
  if (c.draining == nullptr || !settled(*c.draining) || c.draining->facts.postgres_running) return std::nullopt;
  const NodeView* candidate = c.candidate;
  if (candidate == nullptr || candidate->goal.state != NodeState::prepare_promotion || !settled(*candidate) ||
      !can_take_part(*candidate))
    return std::nullopt;
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
  if (candidate != nullptr && (candidate->goal.state != NodeState::prepare_promotion || !lost(*candidate)))
    return std::nullopt;
  const std::string why =
      candidate == nullptr ? "the candidate was dropped" : candidate->name + " was lost: " + candidate->health.why;
  Effect effect(c, why + "; " + c.draining->name + ", which was to hand over, goes on");
  effect.assign(*c.draining, NodeState::wait_primary).asynchronous();
  if (candidate != nullptr) effect.follow(*candidate, NodeState::catchingup, c.draining->id);
  if (c.group.operation) effect.end_operation(false, why);
  return effect;
}

Outcome switchover_overdue(const Context& c) {
  if (c.draining == nullptr || settled(*c.draining) || dead(*c.draining) ||
      c.now - c.draining->goal_since < c.settings.drain_timeout)
    return std::nullopt;
  if (c.candidate == nullptr || c.candidate->goal.state != NodeState::prepare_promotion) return std::nullopt;
  const std::string why = c.draining->name + " has not stopped in time";
  Effect effect(c, why + "; it goes on as the primary");
  effect.assign(*c.draining, NodeState::primary, Goal{.sync = c.draining->goal.sync})
      .follow(*c.candidate, NodeState::secondary, c.draining->id);
  if (c.group.operation) effect.end_operation(false, why);
  return effect;
}

}  // namespace autoctl::monitor
