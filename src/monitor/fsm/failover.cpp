// The primary is gone. In this order: stop the quorum from receiving (from then on the old primary cannot acknowledge a
// commit), compare how far each standby got, let the winner fetch the WAL that it lacks, promote it, let the others
// follow it. Until the candidate is told to promote, everything can be taken back; from then on only that candidate can
// be the primary.
#include "monitor/fsm/bounded_loss.h"
#include "monitor/fsm/rule.h"

namespace autoctl::monitor {

namespace {

/// Fences the quorum: the only voter becomes the candidate at once; several voters report how far they got first. An
/// earlier candidate that can no longer take part has to report, too, when it is back.
Outcome start_election(const Context& c, const std::string& reason, const NodeView* old_primary) {
  const std::vector<NodeId> present = voters_present(c.group);
  const NodeView* favourite = preferred(c.group, present);
  if (!covers_every_commit(c.group, present) || favourite == nullptr) return std::nullopt;
  const bool alone = present.size() == 1;
  Effect effect(c, reason);
  if (old_primary != nullptr) effect.assign(*old_primary, NodeState::demote_timeout);
  for (const NodeView& node : c.group.nodes) {
    if (alone && &node == favourite)
      effect.assign(node, NodeState::prepare_promotion, Goal{.fence = true});
    else if (contains(present, node.id) || is_candidate_state(node.goal.state))
      effect.assign(node, NodeState::report_lsn);
  }
  return effect;
}

/// Alive, ready to be elected, and for long no WAL came: nothing answers at the primary's port either, or it lasts longer
/// than a full disk or a busy host explains.
bool is_cut_from_primary(const Context& c, const NodeView& standby) {
  if (!healthy(standby) || !can_take_part(standby)) return false;
  const PortState port = standby.facts.upstream_port;
  const bool unreachable = port == PortState::silent || is_vacant(port);
  return standby.stalled_for >= (unreachable ? c.settings.primary_cut_timeout : c.settings.standby_stall_timeout);
}

bool election_is_on(const GroupSnapshot& group) {
  return find_node(group, [](const NodeView& n) { return n.goal.state == NodeState::report_lsn; }) != nullptr;
}

/// The old primary on its way down, while it can still be called back: no node has been told to promote.
const NodeView* deposed(const GroupSnapshot& group) {
  return find_node(group, [](const NodeView& n) { return n.goal.state == NodeState::demote_timeout; });
}

/// Telling a candidate to promote takes the old primary's quorum away. So where no candidate is left (it may have been
/// dropped since), the quorum shows whether one was told.
bool no_node_was_told_to_promote(const Context& c, const NodeView& old_primary) {
  if (c.candidate != nullptr) return can_be_called_off(c.candidate->goal.state);
  return !c.group.quorum_confirmed.asynchronous() && !c.group.quorum_assigned.asynchronous() &&
         !c.group.quorum_assigned.contains(old_primary.id);
}

std::string why_it_cannot_finish(const Context& c) {
  if (c.candidate == nullptr) return "too many standbys were lost";
  if (c.candidate->facts.forked) return c.candidate->name + " was promoted outside autoctl";
  if (!lost(*c.candidate)) return "the WAL that " + c.candidate->name + " lacks cannot be fetched";
  return c.candidate->name + " was lost (" + c.candidate->health.why + ")";
}

/// Where too few of the quorum are present to fence the old primary, every standby that is present has to be fenced:
/// the old primary could go on with any of them. A standby that hangs is not waited for without end.
bool standbys_are_fenced(const Context& c) {
  return std::ranges::all_of(c.group.nodes, [&](const NodeView& n) {
    return n.goal.state != NodeState::report_lsn || settled(n) || lost(n) ||
           c.now - n.goal_since >= c.settings.postgres_restart_timeout;
  });
}

/// A keeper under a strict lease stops Postgres this much after its end, at the latest.
constexpr Millis fencing_takes{500};

/// With promotion_waits_for_lease, and where no quorum fences it: has the old primary stopped by its own report, or
/// must it have fenced itself by now?
bool old_primary_is_silent(const Context& c, const NodeView& candidate) {
  const bool forced = is_forced_candidate(c.group, candidate);
  const bool by_lease = is_fenced_by_lease(c.group, candidate);
  if (forced && !standbys_are_fenced(c)) return false;
  if (!c.settings.promotion_waits_for_lease && !forced && !by_lease) return true;
  return std::ranges::all_of(c.group.nodes, [&](const NodeView& n) {
    const bool led = n.goal.state == NodeState::demote_timeout || n.goal.state == NodeState::dropped;
    return !led || settled(n) || c.now >= n.lease_until + (by_lease ? fencing_takes : Millis{0});
  });
}

/// Enough voters are present, and one of them may be promoted.
bool can_elect(const Context& c) {
  const std::vector<NodeId> present = voters_present(c.group);
  return covers_every_commit(c.group, present) && preferred(c.group, present) != nullptr;
}

/// The same, counting every voter that is only suspected: a moment of silence ends no election.
bool may_yet_elect(const Context& c) {
  std::vector<NodeId> voters = voters_present(c.group);
  for (const NodeView& node : c.group.nodes) {
    const bool stays = node.goal.state == NodeState::report_lsn || node.goal.state == NodeState::secondary;
    if (stays && node.health.verdict == Verdict::suspected && in_a_quorum(c.group, node.id) &&
        !has_forked_off(c.group, node))
      voters.push_back(node.id);
  }
  return covers_every_commit(c.group, voters) && preferred(c.group, voters) != nullptr;
}

/// By its own report it no longer receives from any node.
bool is_fenced_candidate(const NodeView& node) {
  const bool fenced = node.goal.state == NodeState::fast_forward ||
                      (node.goal.state == NodeState::prepare_promotion && node.goal.fence);
  return fenced && settled(node) && can_take_part(node) && !node.facts.receiving;
}

/// It has received up to the LSN that it was told to wait for, or has every acknowledged commit in any case.
bool has_what_it_needs(const Context& c, const NodeView& candidate) {
  return candidate.facts.lsn >= candidate.goal.await_lsn || covers_every_commit(c.group, {candidate.id});
}

bool fetch_is_overdue(const Context& c, const NodeView& candidate) {
  return c.now - candidate.goal_since >= c.settings.postgres_restart_timeout;
}

/// The candidate cannot fetch the WAL that it lacks, and the standby that has it must not be promoted.
bool fetch_is_hopeless(const Context& c) {
  const NodeView* candidate = c.candidate;
  if (candidate == nullptr || candidate->goal.state != NodeState::fast_forward || settled(*candidate) ||
      !fetch_is_overdue(c, *candidate))
    return false;
  const NodeView* source = c.group.find(candidate->goal.upstream);
  return source != nullptr && source->candidate_priority == 0;
}

/// The old primary, where it can still take everything back.
const NodeView* deposed_that_can_return(const Context& c) {
  const NodeView* old_primary = deposed(c.group);
  if (c.leader != nullptr || c.draining != nullptr || old_primary == nullptr || !healthy(*old_primary) ||
      old_primary->facts.cannot_run || !no_node_was_told_to_promote(c, *old_primary))
    return nullptr;
  return old_primary;
}

/// The candidate was the only voter that was present, so no election is under way, and the other voters may be enough.
bool candidate_was_dropped(const Context& c) {
  return c.leader == nullptr && c.candidate == nullptr && c.draining == nullptr && deposed(c.group) != nullptr &&
         !election_is_on(c.group);
}

/// It can still end with a new primary, without the old one.
bool election_goes_on(const Context& c) {
  if (fetch_is_hopeless(c)) return false;
  if (c.candidate == nullptr) return may_yet_elect(c);
  const bool fell_short = is_fenced_candidate(*c.candidate) && !has_what_it_needs(c, *c.candidate);
  return !is_lost_as_candidate(*c.candidate) && (!fell_short || can_elect(c));
}

}  // namespace

Outcome primary_is_dead(const Context& c) {
  if (c.leader == nullptr || c.candidate != nullptr) return std::nullopt;
  if (is_forced(c.group) && lost(*c.leader))
    return start_election(c, "an operator gives up " + c.leader->name + ": " + c.leader->health.why, c.leader);
  if (!dead(*c.leader) || !c.group.monitor_trusts_itself || waits_for_an_operator(c)) return std::nullopt;
  return start_election(c, c.leader->name + " is dead: " + c.leader->health.why, c.leader);
}

Outcome primary_cannot_write(const Context& c) {
  if (c.leader == nullptr || c.candidate != nullptr || !healthy(*c.leader) || !c.leader->facts.cannot_write ||
      waits_for_an_operator(c))
    return std::nullopt;
  const std::vector<NodeId> present = voters_present(c.group);
  const bool no_better = std::ranges::any_of(present, [&](NodeId id) { return c.group.find(id)->facts.cannot_write; });
  if (no_better) return std::nullopt;
  return start_election(c, c.leader->name + " cannot write: " + c.leader->facts.trouble, c.leader);
}

Outcome primary_is_cut_off(const Context& c) {
  if (c.leader == nullptr || c.candidate != nullptr || !healthy(*c.leader) || !serves_as_primary(*c.leader) ||
      c.leader->goal.state != NodeState::primary || !settled(*c.leader) || !c.group.monitor_trusts_itself ||
      waits_for_an_operator(c))
    return std::nullopt;
  const SyncQuorum& quorum = c.leader->goal.sync;
  std::string names;
  int cut = 0;
  int streaming = 0;
  for (const NodeId id : quorum.voters) {
    const NodeView* voter = c.group.find(id);
    if (voter == nullptr) continue;
    if (is_cut_from_primary(c, *voter)) {
      ++cut;
      names += (names.empty() ? "" : ", ") + voter->name;
    } else if (contains(c.leader->facts.streaming, id)) {
      ++streaming;
    }
  }
  // The winner needs as many of the others. Without them it would only wait in the old primary's place.
  if (streaming >= quorum.acks || cut <= quorum.acks) return std::nullopt;
  return start_election(c,
                        c.leader->name + " is alive, but no commit completes: it waits for " +
                            std::to_string(quorum.acks) + " of its standbys, and " + names + " cannot reach it",
                        c.leader);
}

Outcome primary_was_dropped(const Context& c) {
  if (c.leader != nullptr || c.draining != nullptr || deposed(c.group) != nullptr || election_is_on(c.group))
    return std::nullopt;
  // A candidate is about to be promoted already, unless it waits for a primary that was dropped while it handed over.
  if (c.candidate != nullptr && (c.candidate->goal.state != NodeState::prepare_promotion || c.candidate->goal.fence))
    return std::nullopt;
  const NodeView* dropped = find_node(c.group, [](const NodeView& n) { return n.goal.state == NodeState::dropped; });
  if (dropped != nullptr && healthy(*dropped) && !settled(*dropped)) return std::nullopt;
  return start_election(c, "the primary was dropped", nullptr);
}

Outcome primary_lost_while_draining(const Context& c) {
  if (c.draining == nullptr || !dead(*c.draining) || !c.group.monitor_trusts_itself) return std::nullopt;
  const bool may_be_promoted = c.candidate != nullptr && !lost(*c.candidate);
  if (c.candidate != nullptr && c.candidate->goal.state != NodeState::prepare_promotion) return std::nullopt;
  const bool may_lack_commits =
      c.candidate != nullptr && stopped_by_a_crash(*c.draining) && !covers_every_commit(c.group, {c.candidate->id});
  if (settled(*c.draining) && may_be_promoted && !may_lack_commits)
    return std::nullopt;  // it had stopped before: the hand-over goes on
  return start_election(c, c.draining->name + " was lost while it handed over: " + c.draining->health.why, c.draining);
}

Outcome voter_returns(const Context& c) {
  if (c.leader != nullptr || c.candidate != nullptr || c.draining != nullptr || !election_is_on(c.group))
    return std::nullopt;
  const std::vector<NodeId> present = voters_present(c.group);
  const NodeView* late = find_node(
      c.group, [&](const NodeView& n) { return n.goal.state == NodeState::secondary && contains(present, n.id); });
  if (late == nullptr) return std::nullopt;
  return Effect(c, late->name + " is a member of the quorum and has returned during the election")
      .assign(*late, NodeState::report_lsn);
}

Outcome standbys_elect(const Context& c) {
  if (c.leader != nullptr || c.candidate != nullptr) return std::nullopt;
  std::vector<NodeId> told;
  for (const NodeView& node : c.group.nodes) {
    if (node.goal.state != NodeState::report_lsn || !healthy(node) || !in_a_quorum(c.group, node.id) ||
        has_forked_off(c.group, node))
      continue;
    if (can_take_part(node) && settled(node))
      told.push_back(node.id);
    else if (!settled(node) && c.now - node.goal_since < c.settings.postgres_restart_timeout)
      return std::nullopt;  // it is about to report, and may be the most advanced
  }
  const NodeView* winner = preferred(c.group, told);
  if (!covers_every_commit(c.group, told) || winner == nullptr) return std::nullopt;
  const NodeView* source = most_advanced(c.group, told);
  const std::string count = std::to_string(told.size()) + " standbys";
  if (is_behind(*winner, *source))
    return Effect(c, winner->name + " has the highest candidate priority of " + count +
                         ", but has received only up to " + to_string(winner->facts.lsn) +
                         ": it fetches the rest up to " + to_string(source->facts.lsn) + " from " + source->name)
        .assign(*winner, NodeState::fast_forward, Goal{.upstream = source->id, .await_lsn = source->facts.lsn});
  return Effect(c, winner->name + " has received up to " + to_string(winner->facts.lsn) + ", the most of " + count)
      .assign(*winner, NodeState::prepare_promotion, Goal{.fence = true});
}

/// The election had two possible winners, this one and its source: a source that is alive becomes the candidate, else
/// all standbys report again.
Outcome fast_forward_failed(const Context& c) {
  const NodeView* candidate = c.candidate;
  if (candidate == nullptr || candidate->goal.state != NodeState::fast_forward || settled(*candidate) ||
      lost(*candidate))
    return std::nullopt;
  const NodeView* source = c.group.find(candidate->goal.upstream);
  const bool source_serves = source != nullptr && !lost(*source) && source->goal.state == NodeState::report_lsn;
  if (source_serves && !fetch_is_overdue(c, *candidate)) return std::nullopt;
  if (fetch_is_hopeless(c) && deposed_that_can_return(c) != nullptr) return std::nullopt;
  const std::string what =
      candidate->name + " could not fetch missing WAL" + (source == nullptr ? "" : " from " + source->name);
  Effect effect(c, what + (source_serves ? " in time" : ", which was lost: the standbys elect again"));
  effect.assign(*candidate, NodeState::report_lsn);
  if (source_serves && can_take_part(*source) && source->candidate_priority > 0)
    effect.assign(*source, NodeState::prepare_promotion, Goal{.fence = true});
  return effect;
}

Outcome election_called_off(const Context& c) {
  const NodeView* old_primary = deposed_that_can_return(c);
  if (old_primary == nullptr) return std::nullopt;
  const bool forced = c.candidate != nullptr && is_forced_candidate(c.group, *c.candidate);
  // One that has stopped already may have been deposed because it cannot run; and a candidate that this monitor has not
  // heard may have been told to promote by the monitor whose backup this one has.
  const bool needless = forced || (c.candidate != nullptr && is_fenced_by_lease(c.group, *c.candidate) &&
                                   c.candidate->reported && !settled(*old_primary));
  if (!needless && election_goes_on(c)) return std::nullopt;
  const std::string why = needless ? "nothing has to be lost: no node was told to promote"
                                   : why_it_cannot_finish(c) + " before any node was told to promote";
  Effect effect(c, why + ", and " + old_primary->name + " is back");
  std::vector<NodeId> leaving;
  for (const NodeView& node : c.group.nodes) {
    if (node.goal.state != NodeState::report_lsn && !is_candidate_state(node.goal.state)) continue;
    effect.follow(node, NodeState::catchingup, old_primary->id);
    leaving.push_back(node.id);
  }
  serve_again(c, effect, *old_primary, leaving);
  if (c.group.operation)
    effect.end_operation(false, forced ? old_primary->name + " is back: nothing has to be lost"
                                       : "the candidate was lost before it was promoted");
  return effect;
}

Outcome candidate_lost(const Context& c) {
  if (candidate_was_dropped(c))
    return start_election(c, "the candidate was dropped before it was told to promote", nullptr);
  if (c.candidate == nullptr || !can_be_called_off(c.candidate->goal.state) || !is_lost_as_candidate(*c.candidate) ||
      c.draining != nullptr)
    return std::nullopt;
  return start_election(c, why_it_cannot_finish(c) + " before it was told to promote", nullptr);
}

Outcome handover_fell_short(const Context& c) {
  const NodeView* candidate = c.candidate;
  if (candidate == nullptr || !is_fenced_candidate(*candidate) || has_what_it_needs(c, *candidate)) return std::nullopt;
  return start_election(c,
                        candidate->name + " received only up to " + to_string(candidate->facts.lsn) + " of " +
                            to_string(candidate->goal.await_lsn) + ", and other standbys may have more",
                        nullptr);
}

Outcome candidate_is_fenced(const Context& c) {
  const NodeView* candidate = c.candidate;
  if (candidate == nullptr || !is_fenced_candidate(*candidate) || !has_what_it_needs(c, *candidate) ||
      !old_primary_is_silent(c, *candidate))
    return std::nullopt;
  // The nodes that an operator gave up are not waited for.
  const bool forced = is_forced_candidate(c.group, *candidate);
  const bool by_lease = is_fenced_by_lease(c.group, *candidate);
  const SyncQuorum sync = forced ? SyncQuorum{} : quorum_after_promotion(c.group, *candidate, c.settings);
  Effect effect(c, candidate->name + " has stopped receiving at " + to_string(candidate->facts.lsn) +
                       (forced     ? ": an operator wants it promoted although it may lack commits"
                        : by_lease ? ", and the old primary has stopped or its lease is over"
                                   : ": from now on the old primary cannot acknowledge a commit"));
  effect.assign(*candidate, NodeState::stop_replication, Goal{.sync = sync}).assign_quorum(sync);
  if (const NodeView* old_primary = deposed(c.group)) effect.assign(*old_primary, NodeState::demoted);
  return effect;
}

Outcome candidate_promoted(const Context& c) {
  const NodeView* candidate = c.candidate;
  if (candidate == nullptr || candidate->goal.state != NodeState::stop_replication || !settled(*candidate) ||
      candidate->facts.in_recovery)
    return std::nullopt;
  Effect effect(c, candidate->name + " accepts writes on timeline " + std::to_string(candidate->facts.timeline.value));
  effect.assign(*candidate, NodeState::wait_primary, Goal{.sync = candidate->goal.sync});
  // It was to move the primary, and the primary has moved; also by force, where all could be saved.
  if (c.group.operation && (!c.group.operation->target || is_forced(c.group))) effect.operation_goes_to(*candidate);
  return effect;
}

Outcome old_primary_rejoins(const Context& c) {
  if (c.leader == nullptr || !serves_as_primary(*c.leader)) return std::nullopt;
  const NodeView* former = find_node(c.group, [&](const NodeView& n) {
    const bool down = n.goal.state == NodeState::demoted || n.goal.state == NodeState::demote_timeout;
    return down && settled(n) && healthy(n) && contains(c.leader->facts.prepared_peers, n.id);
  });
  if (former == nullptr) return std::nullopt;
  return Effect(c, former->name + " has stopped and can follow " + c.leader->name)
      .follow(*former, NodeState::catchingup, c.leader->id);
}

}  // namespace autoctl::monitor
