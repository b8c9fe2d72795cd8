#include "monitor/engine/settler.h"

#include <algorithm>
#include <utility>

#include "common/util/assert.h"
#include "monitor/engine/decision_change.h"
#include "monitor/engine/evidence.h"
#include "monitor/engine/incomplete.h"
#include "monitor/engine/invariants.h"
#include "monitor/fsm/bounded_loss.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

constexpr int decisions_in_a_row_max = 32;
/// A group that is not where it should be is looked at again this soon; one at rest, that much later.
constexpr Millis restless_interval{100};
constexpr Millis rest_interval{1'000};
/// Nodes are excused this often while the monitor is deaf.
constexpr Millis excuse_interval{100};
/// A tick that takes longer leaves the other groups to the next one: reports must not wait for all of them.
constexpr Millis tick_max{50};

bool at_rest(const Node& node) {
  return node.reported && node.facts.state == node.row.goal.state && node.facts.term >= node.row.goal.term &&
         node.health.verdict == Verdict::healthy && !node.stall.is_on();
}

void move(std::initializer_list<std::optional<TimePoint>*> times, TimePoint::duration gap, TimePoint now) {
  for (auto* since : times)
    if (*since) *since = std::min(**since + gap, now);
}

/// The node is not silent for a gap that it did not cause,
void excuse_silence(Node& node, TimePoint::duration gap, TimePoint now) {
  node.seen.watching_since = std::min(node.seen.watching_since + gap, now);
  move({&node.seen.last_report, &node.seen.last_heard, &node.seen.disconnected_at}, gap, now);
}

/// and what was said last may have changed in it.
void excuse_words(Node& node, TimePoint::duration gap, TimePoint now) {
  move({&node.seen.postgres_down_since, &node.stall.by_own_word, &node.stall.by_primarys_word}, gap, now);
}

/// Not the monitor alone misses it: its connection broke, or another node has said that it does not hear it.
bool is_missed(const Group& group, const Node& node) {
  if (node.seen.disconnected_at || node.stall.by_primarys_word) return true;
  return is_leader_state(node.row.goal.state) &&
         std::ranges::any_of(group.nodes, [](const auto& entry) { return entry.second.stall.by_own_word.has_value(); });
}

}  // namespace

Settler::Settler(Model& model, Ledger& ledger, Assignments& assignments, Suspects& suspects, const Environment& env,
                 Decide decide)
    : model_(model),
      ledger_(ledger),
      assignments_(assignments),
      suspects_(suspects),
      env_(env),
      decide_(std::move(decide)),
      trust_(model),
      last_round_(env.now()),
      first_check_(last_round_ + rest_interval) {}

void Settler::settle(Group& group) {
  const Settings& settings = model_.settings_of(group);
  excuse_late_answers(group, env_.now());
  judge(group, settings, env_.now());
  if (ledger_.available()) forget_dropped(group);
  for (int i = 0; ledger_.available() && !is_incomplete(model_, group) && i < decisions_in_a_row_max; ++i) {
    const auto decision = decide_(snapshot(model_, group), settings, env_.now());
    if (!decision || !carry_out(group, *decision)) break;
    judge(group, settings, env_.now());
  }
  const GroupSnapshot view = snapshot(model_, group);
  tell_if_blocked(group, view, settings);
  tell_if_withheld(group, view, settings);
  suspects_.look_after(group, settings, env_.now());
  assignments_.refresh(group);
  assignments_.tell_formation(group);
  assignments_.end_holds(group);
  group.next_check = next_check(group);
  first_check_ = std::min(first_check_, group.next_check);
}

void Settler::settle_all() {
  for (auto& [key, group] : model_.groups) settle(group);
}

void Settler::settle_formation(const std::string& formation, const Group* but) {
  for (auto& [key, group] : model_.groups_of(formation))
    if (&group != but) settle(group);
}

bool Settler::carry_out(const Group& group, const Decision& decision) {
  const auto broken = broken_invariant(group, decision);
  AUTOCTL_ASSERT(!broken, "a decision (" + decision.reason + ") that must never be: " + *broken);
  const Change change = change_of(group, decision, env_.wall());
  if (!ledger_.commit(change)) return false;
  const std::string place = about(group.row.formation, group.row.group);
  for (const NodeRow& row : change.nodes)
    env_.inform(place + row.name + " is assigned " + std::string(to_string(row.goal.state)) + " (" + decision.reason +
                ")");
  if (decision.goals.empty()) env_.inform(place + decision.reason);
  return true;
}

/// A dropped node leaves when it says that it has stopped, or is dead and its lease is over.
void Settler::forget_dropped(Group& group) {
  std::vector<NodeId> gone;
  for (const auto& [id, node] : group.nodes) {
    if (node.row.goal.state != NodeState::dropped) continue;
    const bool stopped = node.reported && node.facts.state == NodeState::dropped;
    const bool lost = node.health.verdict == Verdict::dead && env_.now() >= node.lease_until;
    if (stopped || lost) gone.push_back(id);
  }
  for (const NodeId id : gone)
    if (!remove(group, id)) return;
}

bool Settler::remove(Group& group, NodeId id, Change change, const By& by) {
  Node& node = group.nodes.at(id);
  change.removed.push_back(id);
  change.events.push_back(
      ledger_.act(by, group.row, &node.row, node.row.name + " is no longer a node of this formation"));
  const protocol::Assignment last = node.assignment;
  std::optional<HeldReport> held = std::exchange(node.held, std::nullopt);
  if (!ledger_.commit(std::move(change))) {
    node.held = std::move(held);
    return false;
  }
  if (held) held->reply(last);
  suspects_.forget(id);
  return true;
}

/// Once for each set of nodes that an election waits for, and for what would be lost without one, until there is a
/// primary again: what is known of a lost node comes and goes with each probe.
void Settler::tell_if_blocked(const Group& group, const GroupSnapshot& view, const Settings& settings) {
  if (is_incomplete(model_, group)) return;
  const GroupKey key{group.row.formation, group.row.group};
  auto blocked = blocked_election(view);
  if (!blocked) {
    const NodeView* leader = leader_of(view);
    if (candidate_of(view) != nullptr || (leader != nullptr && healthy(*leader))) blocked_.erase(key);
    return;
  }
  const std::string more = why_loss_is_not_bounded(view, settings);
  if (!blocked_[key].emplace(std::move(blocked->missing), more).second) return;
  ledger_.tell(ledger_.event(group.row, nullptr, "monitor",
                             "no standby can be elected: " + blocked->why + (more.empty() ? "" : "; " + more)));
}

/// In a paused formation what would be decided now is told, once.
void Settler::tell_if_withheld(Group& group, const GroupSnapshot& view, const Settings& settings) {
  if (is_incomplete(model_, group)) return;
  const auto would = withheld(view, settings, env_.now());
  const std::string rule = would ? std::string(would->rule) : "";
  if (group.withheld == rule) return;
  group.withheld = rule;
  if (!would) return;
  const bool fails_over = std::ranges::any_of(would->goals, [](const auto& assigned) {
    return is_candidate_state(assigned.second.state) || assigned.second.state == NodeState::report_lsn;
  });
  auto event = ledger_.event(group.row, nullptr, "monitor",
                             std::string(settings.paused ? "paused" : "failovers are manual here") + ": would " +
                                 (fails_over ? "fail over" : "act") + " now because " + would->reason);
  event.rule = rule;
  env_.warn(about(group.row.formation, group.row.group) + event.description + " (" + rule + ")");
  ledger_.tell(std::move(event));
}

void Settler::heard(const Group& group, const Node& node) {
  trust_.heard(group, node, env_.now());
  check_trust();
}

void Settler::check_trust() {
  const bool trusts = trust_.judge(env_.now());
  if (trusts == model_.trusts_itself) return;
  model_.trusts_itself = trusts;
  auto event = ledger_.event("monitor", trusts ? "the monitor sees most nodes again and decides again"
                                               : "the monitor lost sight of " + std::to_string(trust_.out_of_sight()) +
                                                     " of " + std::to_string(trust_.nodes()) +
                                                     " nodes at once: it suspects itself and decides nothing");
  env_.warn(event.description);
  ledger_.tell(std::move(event));
  for (auto& [key, group] : model_.groups) look_again(group, env_.now());
}

TimePoint Settler::next_check(const Group& group) const {
  const Settings& settings = model_.settings_of(group);
  const TimePoint now = env_.now();
  bool rests = !group.operation;
  TimePoint next = now + rest_interval;
  const auto consider = [&](TimePoint t) {
    if (t > now) next = std::min(next, t);
  };
  for (const auto& [id, node] : group.nodes) {
    rests = rests && at_rest(node);
    if (const auto deadline = next_deadline(node.seen, settings, now)) consider(*deadline);
    consider(node.lease_until);
    for (const auto& since : {node.stall.by_own_word, node.stall.by_primarys_word})
      for (const Millis patience : {settings.standby_stall_timeout, settings.primary_cut_timeout})
        if (since) consider(*since + patience);
    if (node.held) consider(node.held->until);
    if (const auto question = next_question(group, node, settings, now); question && !node.questioned)
      consider(*question);
  }
  return rests ? next : std::min(next, now + restless_interval);
}

/// A node that is missed was not just turned away: it is not excused for the monitor's deafness.
void Settler::excuse_own_absence(bool deaf) {
  const TimePoint now = env_.now();
  const auto gap = now - last_round_;
  const bool absent = gap >= rest_interval + restless_interval;
  if (deaf && gap < excuse_interval) return;
  last_round_ = now;
  if (absent)
    env_.warn("The monitor itself was held up for " + std::to_string(std::chrono::duration_cast<Millis>(gap).count()) +
              " ms");
  if (!absent && !deaf) return;
  for (auto& [key, group] : model_.groups) {
    for (auto& [id, node] : group.nodes) {
      excuse_words(node, gap, now);
      if (absent || !is_missed(group, node)) excuse_silence(node, gap, now);
    }
  }
  trust_.forget();
}

void Settler::look_again(Group& group, TimePoint at) {
  group.next_check = std::min(group.next_check, at);
  first_check_ = std::min(first_check_, at);
}

void Settler::tick() {
  const TimePoint now = env_.now();
  if (now < first_check_) return;
  first_check_ = now + rest_interval;
  auto next = model_.groups.lower_bound(tick_begins_);
  bool in_time = true;
  for (std::size_t i = 0; i < model_.groups.size(); ++i, ++next) {
    if (next == model_.groups.end()) next = model_.groups.begin();
    Group& group = next->second;
    if (in_time && group.next_check <= now) {
      settle(group);
      in_time = env_.now() - now < tick_max;
      tick_begins_ = in_time ? GroupKey{} : next->first;
    }
    first_check_ = std::min(first_check_, group.next_check);
  }
}

TimePoint Settler::next_tick() const {
  return std::min(first_check_, env_.now() + rest_interval);
}

}  // namespace autoctl::monitor
