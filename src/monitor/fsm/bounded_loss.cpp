// Without a quorum two things have to be known before a standby is promoted. That the old primary acknowledges nothing
// any more: it has said that it stopped, or its strict lease is over. And what the standby may lack at most: everything
// that was acknowledged before its primary's keeper looked, and found no more WAL than the standby has now, is there;
// what came later came before the end of the lease. Both moments are on that keeper's clock.
#include "monitor/fsm/bounded_loss.h"

#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

bool waits_for_no_standby(const GroupSnapshot& group) {
  return group.quorum_confirmed.asynchronous() && group.quorum_assigned.asynchronous();
}

bool may_be_chosen(const NodeView& node) {
  return node.goal.state == NodeState::secondary && node.candidate_priority > 0;
}

std::string seconds(Millis time) {
  return std::to_string(time.count() / 1000) + "." + std::to_string(time.count() % 1000 / 100) + " s";
}

std::string words(const Lack& lack, const NodeView& primary) {
  return "may lack what " + primary.name + " acknowledged in its last " + seconds(lack.time) + ", and " +
         std::to_string(lack.bytes) + " bytes of the WAL that it had reported";
}

std::string bounds(const Settings& settings) {
  return "failover_max_lost_time " + std::to_string(settings.failover_max_lost_time.count()) +
         ", failover_max_lost_bytes " + std::to_string(settings.failover_max_lost_bytes);
}

/// The primary that is lost, or that was deposed for this and whose successor is lost before it was told to promote.
const NodeView* lost_primary(const GroupSnapshot& group) {
  if (!waits_for_no_standby(group)) return nullptr;
  const NodeView* candidate = candidate_of(group);
  if (const NodeView* leader = leader_of(group)) {
    // It may be about to start, with everything: nothing is lost as long as its keeper tries.
    if (leader->health.by_its_own_word && !leader->facts.cannot_run) return nullptr;
    const bool alone = leader->goal.state == NodeState::wait_primary && leader->goal.sync.asynchronous();
    return dead(*leader) && alone && candidate == nullptr ? leader : nullptr;
  }
  if (candidate != nullptr && !(is_fenced_by_lease(group, *candidate) && is_lost_as_candidate(*candidate)))
    return nullptr;
  const NodeView* deposed =
      find_node(group, [](const NodeView& n) { return n.goal.state == NodeState::demote_timeout; });
  return deposed != nullptr && lost(*deposed) && draining_of(group) == nullptr ? deposed : nullptr;
}

/// Empty if it can take over.
std::string why_not(const GroupSnapshot& group, const Settings& settings, const NodeView& primary,
                    const NodeView& node) {
  if (!settled(node) || !can_take_part(node)) return "is no standby that runs";
  if (has_forked_off(group, node)) return "has a history that has forked off";
  if (node.goal.upstream != primary.id || !node.facts.lsn) return "did not stream from " + primary.name;
  if (!node.may_lack) return "has not shown since when it has what " + primary.name + " had";
  const Lack& lack = *node.may_lack;
  const bool within = lack.time <= settings.failover_max_lost_time && lack.bytes <= settings.failover_max_lost_bytes;
  return within ? "" : words(lack, primary) + ": more than is allowed (" + bounds(settings) + ")";
}

/// The highest priority, then the most advanced.
const NodeView* successor(const GroupSnapshot& group, const Settings& settings, const NodeView& primary) {
  std::vector<NodeId> within;
  for (const NodeView& node : group.nodes)
    if (may_be_chosen(node) && why_not(group, settings, primary, node).empty()) within.push_back(node.id);
  return preferred(group, within);
}

}  // namespace

bool primary_serves_by_lease(const GroupSnapshot& group, const Settings& settings) {
  const NodeView* leader = leader_of(group);
  return settings.failover_max_lost_time.count() > 0 && leader != nullptr &&
         leader->goal.state == NodeState::wait_primary && leader->goal.sync.asynchronous() &&
         waits_for_no_standby(group) &&
         find_node(group, [](const NodeView& n) { return may_be_chosen(n) && !lost(n); }) != nullptr;
}

bool is_fenced_by_lease(const GroupSnapshot& group, const NodeView& candidate) {
  const Goal& goal = candidate.goal;
  return goal.state == NodeState::prepare_promotion && goal.fence && goal.await_lsn && waits_for_no_standby(group) &&
         !is_forced_candidate(group, candidate);
}

std::string why_loss_is_not_bounded(const GroupSnapshot& group, const Settings& settings) {
  const NodeView* primary = lost_primary(group);
  if (primary == nullptr || settings.failover_max_lost_time.count() == 0) return {};
  std::string text;
  for (const NodeView& node : group.nodes) {
    if (!may_be_chosen(node)) continue;
    if (const std::string why = why_not(group, settings, *primary, node); !why.empty())
      text += (text.empty() ? "" : "; ") + node.name + " " + why;
  }
  return text;
}

Outcome failover_with_bounded_loss(const Context& c) {
  const NodeView* old_primary = lost_primary(c.group);
  if (c.settings.failover_max_lost_time.count() == 0 || old_primary == nullptr || !c.group.monitor_trusts_itself ||
      is_forced(c.group) || waits_for_an_operator(c))
    return std::nullopt;
  const NodeView* winner = successor(c.group, c.settings, *old_primary);
  if (winner == nullptr) return std::nullopt;
  Effect effect(c, old_primary->name + " is " + std::string(to_string(old_primary->health.verdict)) + ": " +
                       old_primary->health.why + "; " + winner->name + " takes over and " +
                       words(*winner->may_lack, *old_primary) + " (" + bounds(c.settings) + ")");
  if (c.leader != nullptr) effect.assign(*c.leader, NodeState::demote_timeout);
  if (c.candidate != nullptr) effect.assign(*c.candidate, NodeState::report_lsn);
  effect.assign(*winner, NodeState::prepare_promotion, Goal{.fence = true, .await_lsn = winner->facts.lsn});
  return effect;
}

}  // namespace autoctl::monitor
