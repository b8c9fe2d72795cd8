#include "keeper/core/steps.h"

#include <algorithm>

#include "keeper/core/house.h"
#include "keeper/core/restart_needs.h"
#include "keeper/core/role.h"

namespace autoctl::keeper {

namespace {

using Kind = Order::Kind;
using Level = LogLine::Level;

/// How long a hand-over waits for WAL that does not come any more.
constexpr Millis handover_patience{1000};
/// While no node accepts writes.
constexpr Millis handover_interval{5};
constexpr Millis quorum_interval{10};

/// The order once, whatever it finds.
Next once(Kind kind, const StepMemory& memory) {
  return memory.did(kind) ? Next::done() : Next::to(kind);
}

Next create_database_cluster(const StepContext& c, const StepMemory& m) {
  if (!c.seen.running && !c.seen.disk) return not_answered(c);
  if (!c.seen.running && !c.seen.disk->exists) return Next::to(Kind::create_cluster);
  return once(Kind::configure, m);
}

Next start_as_primary(const StepContext& c, const StepMemory& m) {
  if (!c.seen.running) {
    if (m.did(Kind::start)) return Next::failed(Errc::postgres, "Postgres stopped as soon as it had started");
    if (c.goal.keep_history && c.seen.forked) return Next::to(Kind::keep_own_history);
    if (c.seen.standby_signal)
      return Next::failed(Errc::conflict, "the data directory is a standby's",
                          "it follows another node; it cannot just be started as primary");
    return m.did(Kind::configure) ? Next::to(Kind::start) : Next::to(Kind::configure);
  }
  // No session is to be had, but what it is shows on disk: the names must not wait for a session.
  if (c.seen.crowded && !c.seen.standby_signal && c.goal.state != NodeState::single) return Next::done();
  if (!c.seen.answer) return not_answered(c);
  if (c.seen.answer->in_recovery)
    return Next::failed(Errc::conflict, "Postgres runs as a standby where a primary was expected");
  return c.goal.state == NodeState::single ? once(Kind::create_accounts, m) : Next::done();
}

Next apply_sync(const StepContext& c, const StepMemory& m) {
  if (m.did(Kind::set_sync)) return Next::done();
  return Next::to({.kind = Kind::set_sync, .upstream = {}, .sync = c.goal.sync});
}

int caught_up(const ServerView& primary, const SyncQuorum& quorum, Lsn written) {
  return static_cast<int>(std::ranges::count_if(primary.senders, [&](const ServerView::Sender& sender) {
    return quorum.contains(sender.standby) && sender.streaming && sender.flushed >= written;
  }));
}

/// Every commit that was acknowledged before the names were in force was flushed here by then; a voter that has flushed
/// past this point has it. No standby can join, and acknowledge, before there is a slot and an HBA line for it.
Next await_quorum(const StepContext& c, StepMemory& m) {
  if (!m.mark)
    if (const Next kept = c.house.keep(c, m); kept.kind != Next::Kind::done) return kept;
  if (!c.seen.running) return Next::failed(Errc::postgres, "Postgres stopped while it waited for its quorum");
  if (!c.seen.answer) return m.mark ? Next::wait(quorum_interval) : not_answered(c);
  if (!m.mark) m.mark = c.seen.answer->lsn;
  return caught_up(*c.seen.answer, c.goal.sync, *m.mark) >= c.goal.sync.acks ? Next::done()
                                                                             : Next::wait(quorum_interval);
}

/// After a crash there may be commits that no standby has and no client was promised. Whoever reads them would take them
/// for what is kept.
Next hold_clients_if_asked(const StepContext& c, const StepMemory& m) {
  const bool wanted = !c.seen.running && c.goal.state == NodeState::primary && restart_holds_clients(c.saved);
  return wanted && !c.seen.clients_held ? once(Kind::hold_clients, m) : Next::done();
}

Next admit_clients(const StepContext& c, StepMemory& m) {
  if (!c.seen.clients_held || m.did(Kind::admit_clients)) return Next::done();
  if (c.goal.state == NodeState::primary)
    if (const Next proof = await_quorum(c, m); proof.kind != Next::Kind::done) return proof;
  return Next::to(Kind::admit_clients);
}

Next checkpoint_if_asked(const StepContext& c, const StepMemory& m) {
  return c.goal.checkpoint && c.seen.running ? once(Kind::checkpoint, m) : Next::done();
}

/// It accepted writes, or may have: nobody but us ends its life as a standby. A candidate may have been promoted by us
/// and have died.
bool may_have_been_promoted(const StepContext& c) {
  const bool is_data = c.seen.disk && c.seen.disk->is_postgres && !c.seen.rewinding;
  return is_data && c.seen.may_have_own_wal() && c.goal.state != NodeState::stop_replication;
}

/// Before it becomes a candidate: from then on a promotion by somebody else looks like our own.
Next prove_standby(const StepContext& c) {
  if (c.seen.forked) return Next::failed(Errc::conflict, "it accepted writes though it was a standby");
  if (c.seen.running) return c.seen.answer ? Next::done() : not_answered(c);
  if (!c.seen.disk) return not_answered(c);
  return may_have_been_promoted(c) ? Next::to(Kind::mark_forked) : Next::done();
}

/// As long as more is coming: what does not come any more was never acknowledged.
Next await_handover(const StepContext& c, StepMemory& m) {
  const auto& self = c.seen.answer;
  if (!c.goal.await_lsn || !c.seen.running || !self || !self->in_recovery || self->lsn >= c.goal.await_lsn)
    return Next::done();
  if (!m.stands_still(self->lsn, c.now, handover_patience)) return Next::wait(handover_interval);
  c.say(Level::warning, "The old primary stopped at " + to_string(c.goal.await_lsn) + ", received up to " +
                            to_string(self->lsn) + ": what is missing was never acknowledged");
  return Next::done();
}

/// A standby that has just started has not read all of its own WAL yet: an election must not count on less than it has.
Next stop_receiving(const StepContext& c, StepMemory& m) {
  const bool was_stopped = m.did(Kind::start) || !c.seen.running;
  if (was_stopped) {
    if (const Next next = run_as_standby(c, m, {}); next.kind != Next::Kind::done) return next;
  } else if (!m.did(Kind::stop_receiving)) {
    return Next::to(Kind::stop_receiving);
  }
  if (!c.seen.answer) return not_answered(c);
  return !c.seen.answer->in_recovery || c.seen.answer->lsn_final ? Next::done() : Next::wait(handover_interval);
}

/// From a standby that is fenced itself: it sends what it has and gets no more. Gives up only for a newer goal: the
/// monitor sees whether the other lives.
Next fetch_missing(const StepContext& c, StepMemory& m) {
  if (find_peer(c.saved.peers, c.goal.upstream) == nullptr)
    return Next::failed(Errc::unavailable, "the monitor has not said where the missing WAL is");
  if (const Next next = run_as_standby(c, m, c.goal.upstream); next.kind != Next::Kind::done) return next;
  const auto& self = c.seen.answer;
  return self && self->in_recovery && self->lsn >= c.goal.await_lsn ? Next::done() : Next::wait(handover_interval);
}

/// What ran as a primary is stopped, so that it comes up as a standby; what is no data directory is left alone.
Next leave_as_standby(const StepContext& c, const StepMemory& m) {
  if (c.seen.running) {
    if (!c.seen.answer) return not_answered(c);
    if (!c.seen.answer->in_recovery) return Next::to(Kind::stop);
  } else {
    if (!c.seen.disk) return not_answered(c);
    if (!c.seen.disk->is_postgres || c.seen.rewinding) return Next::done();
  }
  if (m.did(Kind::set_upstream)) return Next::done();
  const bool known = find_peer(c.saved.peers, c.goal.upstream) != nullptr;
  return Next::to({.kind = Kind::set_upstream, .upstream = known ? c.goal.upstream : NodeId{}, .sync = {}});
}

NodeId upstream_between_goals(const SavedState& saved) {
  const bool follows = may_receive(saved.state, saved.goal) && find_peer(saved.peers, saved.goal.upstream) != nullptr;
  return follows ? saved.goal.upstream : NodeId{};
}

}  // namespace

Next not_answered(const StepContext& c) {
  return Next::failed(Errc::postgres, c.seen.problem.empty() ? "Postgres does not answer" : c.seen.problem);
}

/// Started by hand with no standby.signal, it wrote into its primary's timeline: no position would ever tell.
Next run_as_standby(const StepContext& c, StepMemory& m, NodeId upstream) {
  if (!c.seen.running && !m.did(Kind::set_upstream)) {
    if (!c.seen.disk) return not_answered(c);
    if (may_have_been_promoted(c) && !c.seen.forked) return Next::to(Kind::mark_forked);
  }
  if (!m.did(Kind::set_upstream)) return Next::to({.kind = Kind::set_upstream, .upstream = upstream, .sync = {}});
  if (!m.did(Kind::configure)) return Next::to(Kind::configure);
  if (c.seen.running) return Next::done();
  if (m.did(Kind::start)) return Next::failed(Errc::postgres, "Postgres stopped as soon as it had started");
  return Next::to(Kind::start);
}

Next disown(const StepContext& c, StepMemory& m) {
  if (!c.seen.forked && !m.did(Kind::mark_forked)) return Next::to(Kind::mark_forked);
  return c.seen.running ? Next::to(Kind::stop) : Next::done();
}

Next next_of(Step step, const StepContext& c, StepMemory& m) {
  const bool knows_failures = step == Step::join_upstream || step == Step::follow_upstream || step == Step::keep_house;
  if (m.failure && !knows_failures) return Next::failed(*m.failure);
  switch (step) {
    case Step::create_database_cluster: return create_database_cluster(c, m);
    case Step::hold_clients_if_asked: return hold_clients_if_asked(c, m);
    case Step::restart_if_needed: return restart_if_needed(c, m);
    case Step::start_as_primary: return start_as_primary(c, m);
    case Step::admit_clients: return admit_clients(c, m);
    case Step::apply_sync: return apply_sync(c, m);
    case Step::await_quorum: return await_quorum(c, m);
    case Step::checkpoint_if_asked: return checkpoint_if_asked(c, m);
    case Step::stop_fast: return once(Kind::stop, m);
    case Step::prove_standby: return prove_standby(c);
    case Step::await_handover: return await_handover(c, m);
    case Step::stop_receiving: return stop_receiving(c, m);
    case Step::fence_if_asked: return c.goal.fence ? stop_receiving(c, m) : Next::done();
    case Step::promote: return once(Kind::promote, m);
    case Step::fetch_missing: return fetch_missing(c, m);
    case Step::follow_upstream: return follow_upstream(c, m);
    case Step::leave_as_standby: return leave_as_standby(c, m);
    case Step::join_upstream: return join_upstream(c, m);
    case Step::run_as_standby: return run_as_standby(c, m, upstream_between_goals(c.saved));
    case Step::disown: return disown(c, m);
    case Step::keep_house: return c.house.keep(c, m);
  }
  return Next::failed(Errc::internal, "unknown step");
}

}  // namespace autoctl::keeper
