// An operator gives up what only missing nodes have. What can be saved is saved first: an election that can do without
// the missing nodes continues, an old primary that comes back in time stays the primary, and a lease that an old
// primary may still hold runs out before the promotion.
#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

/// The most advanced standby that is present; one whose history has forked off only if there is no other.
const NodeView* best_that_is_here(const GroupSnapshot& group) {
  std::vector<NodeId> here;
  std::vector<NodeId> forked;
  for (const NodeView& node : group.nodes)
    if (could_serve(node)) (has_forked_off(group, node) ? forked : here).push_back(node.id);
  return most_advanced(group, here.empty() ? forked : here);
}

/// Another candidate takes its place. A candidate that was told to promote may have done so: it can only rejoin.
void withdraw(Effect& effect, const NodeView& candidate) {
  const bool may_have_promoted = !can_be_called_off(candidate.goal.state);
  effect.assign(candidate, may_have_promoted ? NodeState::demoted : NodeState::report_lsn);
}

}  // namespace

std::vector<const NodeView*> standbys_to_fence(const GroupSnapshot& group, const NodeView& but) {
  std::vector<const NodeView*> standbys;
  for (const NodeView& node : group.nodes) {
    if (&node != &but && follows_primary(node.goal.state) && runs_as_standby(node)) standbys.push_back(&node);
  }
  return standbys;
}

void promote_by_force(const Context& c, Effect& effect, const NodeView& node) {
  const NodeView* old_primary = c.leader != nullptr ? c.leader : c.draining;
  if (old_primary != nullptr) effect.assign(*old_primary, NodeState::demote_timeout);
  if (c.candidate != nullptr && c.candidate != &node) withdraw(effect, *c.candidate);
  for (const NodeView* other : standbys_to_fence(c.group, node)) effect.assign(*other, NodeState::report_lsn);
  effect.assign(node, NodeState::prepare_promotion, Goal{.fence = true}).operation_goes_to(node);
}

Outcome failover_forced(const Context& c) {
  if (!is_forced(c.group) || accepts_timeline(c.group)) return std::nullopt;
  const NodeView* old_primary = c.leader != nullptr ? c.leader : c.draining;
  if (old_primary != nullptr && !lost(*old_primary)) {
    // The promoted candidate is about to be seen as the primary.
    if (old_primary->id == c.group.operation->target) return std::nullopt;
    const std::string why = old_primary->name + " is the primary: nothing has to be lost";
    return Effect(c, why).end_operation(false, why);
  }
  const bool candidate_is_here = c.candidate != nullptr && !is_lost_as_candidate(*c.candidate);
  if (candidate_is_here && (is_forced_candidate(c.group, *c.candidate) || !can_be_called_off(c.candidate->goal.state)))
    return std::nullopt;
  const std::string risk = why_nobody_is_electable(c.group);
  const auto waited = c.now - c.group.operation->requested_at;
  if ((candidate_is_here || risk.empty()) && waited < c.settings.postgres_restart_timeout) return std::nullopt;
  const NodeView* best = best_that_is_here(c.group);
  if (best == nullptr) {
    if (waited < c.settings.silence_timeout) return std::nullopt;
    const std::string why = "no standby that could take over is present";
    return Effect(c, why).end_operation(false, why);
  }
  Effect effect(c, "an operator accepts that commits may be lost: " + best->name + " takes over at " +
                       to_string(best->facts.lsn) + (risk.empty() ? "" : "; " + risk));
  promote_by_force(c, effect, *best);
  return effect;
}

}  // namespace autoctl::monitor
