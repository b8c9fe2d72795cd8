#include "monitor/engine/evidence.h"

#include <algorithm>
#include <array>

namespace autoctl::monitor {

namespace {

/// A witness is asked again this long after its last answer, while the suspicion lasts. At first soon: connections to a
/// process break a moment before or after its port refuses, and the first answer may be from between the two. Then
/// often as long as a verdict may be near, and then now and then, as a node that stays away for days must not keep the
/// others busy.
constexpr Millis question_interval_first{20};
constexpr Millis question_interval{200};
constexpr Millis question_interval_later{2'000};
constexpr Millis questions_are_urgent{10'000};

Millis question_pause(TimePoint::duration suspicion) {
  const auto half = std::chrono::duration_cast<Millis>(suspicion / 2);
  return suspicion < questions_are_urgent ? std::clamp(half, question_interval_first, question_interval)
                                          : question_interval_later;
}

/// A port of its host answered or refused since.
bool host_has_answered(const NodeObservation& seen) {
  const TimePoint since = suspicion_began(seen);
  return std::ranges::any_of(std::array{seen.postgres_port, seen.keeper_port}, [since](const ProbeResult& probe) {
    return probe.at > since && (probe.port == PortState::open || is_vacant(probe.port));
  });
}

bool contains(const std::vector<NodeId>& ids, NodeId id) {
  return std::ranges::find(ids, id) != ids.end();
}

const Node* leader_of(const Group& group) {
  for (const auto& [id, node] : group.nodes)
    if (is_leader_state(node.row.goal.state)) return &node;
  return nullptr;
}

bool follows(const Node& standby, NodeId upstream) {
  return standby.row.goal.upstream == upstream || standby.facts.upstream == upstream;
}

std::optional<WitnessView> testimony(const Node& witness, const Node& about) {
  WitnessView view{.witness = witness.row.id, .witness_name = witness.row.name, .at = witness.told_at};
  if (follows(witness, about.row.id)) {
    view.hears = witness.facts.receiving && witness.facts.upstream == about.row.id;
    // What it found when it was asked about an earlier suspicion is no news.
    if (witness.answered_at > suspicion_began(about.seen)) view.port = witness.facts.upstream_port;
    return view;
  }
  if (follows(about, witness.row.id)) {
    view.hears = contains(witness.facts.streaming, about.row.id);
    return view;
  }
  return std::nullopt;
}

void gather_witnesses(Group& group, const Settings& settings, TimePoint now) {
  for (auto& [id, node] : group.nodes) {
    node.seen.witnesses.clear();
    for (const auto& [other_id, other] : group.nodes) {
      if (other_id == id || !other.reported || wants_evidence(other.seen, settings, now)) continue;
      if (auto view = testimony(other, node)) node.seen.witnesses.push_back(*std::move(view));
    }
    node.seen.shows_certificate = !node.certificates.postgres.empty();
  }
}

void keep_since(std::optional<TimePoint>& since, bool is_so, TimePoint now) {
  if (!is_so)
    since.reset();
  else if (!since)
    since = now;
}

/// By its own word and, as that may not come any more, by the primary's.
void update_stall(Node& standby, const Node& leader, const Settings& settings, TimePoint now) {
  Stall& stall = standby.stall;
  if (leader.reported && !leader.facts.postgres_running) {  // it restarts: nothing can be received
    stall = {};
    return;
  }
  const bool receives = standby.facts.receiving && standby.facts.upstream == leader.row.id;
  keep_since(stall.by_own_word, standby.reported && !receives, now);
  const bool leader_tells = leader.reported && !wants_evidence(leader.seen, settings, now);
  if (leader_tells) keep_since(stall.by_primarys_word, !contains(leader.facts.streaming, standby.row.id), now);

  stall.lasted = Millis{0};
  for (const auto& since : {stall.by_own_word, stall.by_primarys_word})
    if (since && leader.seen.last_report)
      stall.lasted = std::max(stall.lasted, std::chrono::duration_cast<Millis>(*leader.seen.last_report - *since));
}

void update_stalls(Group& group, const Settings& settings, TimePoint now) {
  const Node* leader = leader_of(group);
  for (auto& [id, node] : group.nodes) {
    const Goal& goal = node.row.goal;
    const bool has_joined = goal.state == NodeState::catchingup && node.reported && node.facts.state == goal.state &&
                            node.facts.term >= goal.term;
    if (leader != nullptr && (goal.state == NodeState::secondary || has_joined))
      update_stall(node, *leader, settings, now);
    else
      node.stall = {};
  }
}

/// Since when the witness has had something to tell about the node: that is suspected, or is a primary that lives and
/// that this standby does not hear.
std::optional<TimePoint> suspicion_of(const Node& witness, const Node& node, const Settings& settings, TimePoint now) {
  if (!should_report(node)) return std::nullopt;
  if (!wants_evidence(node.seen, settings, now))
    return follows(witness, node.row.id) ? witness.stall.by_own_word : std::nullopt;
  const bool linked = follows(witness, node.row.id) || follows(node, witness.row.id);
  return linked ? std::optional(suspicion_began(node.seen)) : std::nullopt;
}

}  // namespace

void excuse_late_answers(Group& group, TimePoint now) {
  for (auto& [id, node] : group.nodes)
    if (node.held && now > node.held->until)
      node.seen.last_heard = std::max(node.seen.last_heard, std::optional(node.held->since + (now - node.held->until)));
}

void judge(Group& group, const Settings& settings, TimePoint now) {
  gather_witnesses(group, settings, now);
  update_stalls(group, settings, now);
  for (auto& [id, node] : group.nodes) {
    node.health = node.row.awaited ? Health{Verdict::unreachable, "it has left this monitor, or not come to it yet"}
                                   : assess(node.seen, may_expect_postgres(node), settings, now);
    // An operator may have switched it off: nothing follows from its silence.
    if (node.row.goal.state == NodeState::maintenance && node.health.verdict == Verdict::dead)
      node.health.verdict = Verdict::unreachable;
  }
}

std::optional<TimePoint> next_question(const Group& group, const Node& witness, const Settings& settings,
                                       TimePoint now) {
  std::optional<TimePoint> next;
  for (const auto& [id, node] : group.nodes) {
    const auto since = suspicion_of(witness, node, settings, now);
    if (!since) continue;
    const TimePoint then = witness.answered_at + question_pause(now - *since);
    next = std::min(next.value_or(then), then);
  }
  return next;
}

void ask_witnesses(Group& group, const Settings& settings, TimePoint now) {
  for (auto& [id, node] : group.nodes) {
    const auto next = next_question(group, node, settings, now);
    node.questioned = next && (node.questioned || now >= *next);
  }
}

void take_answer(Node& node, std::uint64_t known_version, TimePoint now) {
  const bool knew = node.assignment.check_upstream && known_version == node.assignment.version;
  // A standby has tried its primary's port by then; a primary has looked for its standbys.
  const bool looked = node.facts.upstream_port != PortState::unknown || !node.facts.in_recovery;
  if (!node.questioned || !knew || !looked) return;
  node.questioned = false;
  node.answered_at = now;
}

bool out_of_sight(const Node& node, const Settings& settings, TimePoint now) {
  const NodeObservation& seen = node.seen;
  // The probes need a moment to tell.
  return wants_evidence(seen, settings, now) && now - suspicion_began(seen) >= settings.silence_timeout / 2 &&
         !host_has_answered(seen);
}

std::optional<TimePoint> may_go_out_of_sight(const Node& node, const Settings& settings, TimePoint now) {
  if (host_has_answered(node.seen)) return std::nullopt;
  const TimePoint patient_until = suspicion_began(node.seen) + settings.silence_timeout / 2;
  if (patient_until > now) return patient_until;
  return next_deadline(node.seen, settings, now);
}

}  // namespace autoctl::monitor
