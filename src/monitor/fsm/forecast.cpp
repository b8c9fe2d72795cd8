#include "monitor/fsm/forecast.h"

#include <algorithm>

#include "monitor/fsm/bounded_loss.h"
#include "monitor/fsm/decide.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

/// An election takes two or three decisions; what else may be decided before it is not many more.
constexpr int decisions_max = 16;

void lose_primary(GroupSnapshot& group) {
  for (NodeView& node : group.nodes)
    if (is_leader_state(node.goal.state)) node.health = {Verdict::dead, "supposed"};
}

/// Standbys that are here stop receiving and tell how far they got, as they would at once.
void let_standbys_tell(GroupSnapshot& group) {
  for (NodeView& node : group.nodes) {
    if (node.goal.state != NodeState::report_lsn || !can_take_part(node)) continue;
    node.facts.state = node.goal.state;
    node.facts.term = node.goal.term;
    node.facts.receiving = false;
  }
}

void apply(GroupSnapshot& group, const Decision& decision, TimePoint now) {
  group.term = decision.term;
  for (NodeView& node : group.nodes)
    for (const auto& [id, goal] : decision.goals)
      if (node.id == id) {
        node.goal = goal;
        node.goal_since = now;
      }
  group.quorum_confirmed = decision.quorum_confirmed.value_or(group.quorum_confirmed);
  group.quorum_assigned = decision.quorum_assigned.value_or(group.quorum_assigned);
  if (decision.operation_target && group.operation) group.operation->target = *decision.operation_target;
  if (!decision.operation) return;
  group.operation.reset();
  group.maintenance.reset();
}

/// The candidate that the rules would choose, as it would be told; nullptr when they choose none.
const NodeView* choose(GroupSnapshot& group, const Settings& settings, TimePoint now) {
  for (int i = 0; i < decisions_max; ++i) {
    const NodeView* candidate = candidate_of(group);
    if (candidate != nullptr && !is_lost_as_candidate(*candidate)) return candidate;
    let_standbys_tell(group);
    const auto decision = decide(group, settings, now);
    if (!decision) return nullptr;
    apply(group, *decision, now);
  }
  return nullptr;
}

std::string position(const NodeView& node) {
  return "WAL up to " + to_string(node.facts.lsn) + " on timeline " + std::to_string(node.facts.timeline.value);
}

std::string why_it_wins(const GroupSnapshot& then, const NodeView& winner) {
  const std::string text =
      "it has candidate priority " + std::to_string(winner.candidate_priority) + " and " + position(winner);
  const NodeView* source = winner.goal.state == NodeState::fast_forward ? then.find(winner.goal.upstream) : nullptr;
  return source == nullptr ? text : text + ", and would first fetch the WAL that it lacks from " + source->name;
}

std::string why_nobody(const GroupSnapshot& then, const Settings& settings) {
  if (!then.monitor_trusts_itself) return "the monitor lost sight of most nodes at once and suspects itself";
  std::string why = why_nobody_is_electable(then);
  if (const std::string more = why_loss_is_not_bounded(then, settings); !more.empty()) why += "; " + more;
  return why.empty() ? "the standbys have not reported yet how far they got" : why;
}

std::string why_it_loses(const GroupSnapshot& now, const NodeView& node, const NodeView* winner) {
  if (const auto why = why_not_electable(now, node)) return *why;
  if (winner == nullptr) return "no standby can be elected";
  if (node.candidate_priority != winner->candidate_priority)
    return "its candidate priority " + std::to_string(node.candidate_priority) + " is lower";
  return is_behind(node, *winner) ? "it is behind: " + position(node) : "it is as good, and another comes first";
}

bool stays(const NodeView& node) {
  return node.goal.state != NodeState::dropped;
}

/// `unless`: what keeps a failover from beginning; empty if nothing does.
std::string outcome(const GroupSnapshot& then, const Settings& settings, const NodeView* winner,
                    const std::string& unless) {
  if (std::ranges::count_if(then.nodes, stays) < 2) return "there would be no other node";
  if (winner == nullptr) return "no standby could be elected: " + why_nobody(then, settings);
  const std::string takes_over = winner->name + " would take over: " + why_it_wins(then, *winner);
  return unless.empty() ? takes_over : "no standby would take over " + unless + ", " + takes_over;
}

}  // namespace

Forecast forecast_loss(const GroupSnapshot& group, const Settings& settings, TimePoint now) {
  GroupSnapshot then = group;
  lose_primary(then);
  Settings unpaused = settings;
  unpaused.paused = false;
  unpaused.manual_failover = {};
  const NodeView* winner = choose(then, unpaused, now);
  const NodeView* leader = leader_of(group);
  // A pause keeps an election from beginning; one that is on goes on.
  const bool paused = settings.paused && leader != nullptr;
  const bool manual = settings.manual_failover.contains(group.group) && leader != nullptr;
  const std::string unless = paused   ? "while the formation is paused; without the pause"
                             : manual ? "by itself; when an operator asks for a failover"
                                      : "";

  Forecast forecast;
  if (leader != nullptr) forecast.primary = leader->name;
  if (winner != nullptr && unless.empty()) forecast.winner = winner->name;
  forecast.sentence =
      (leader != nullptr ? leader->name + " is the primary. If it were lost now, " : "There is no primary: ") +
      outcome(then, unpaused, winner, unless);
  for (const NodeView& node : group.nodes)
    if (stays(node) && &node != leader && (winner == nullptr || node.id != winner->id))
      forecast.losers.push_back({node.name, why_it_loses(group, node, winner)});
  return forecast;
}

}  // namespace autoctl::monitor
