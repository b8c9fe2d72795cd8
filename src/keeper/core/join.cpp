// How a node becomes a standby of its upstream: by the cheapest way that works, and the next one only when the last has
// proved that it cannot: follow, rewind, copy.
#include "keeper/core/steps.h"

namespace autoctl::keeper {

namespace {

using Kind = Order::Kind;
using Level = LogLine::Level;

constexpr Millis poll_interval{20};
/// A standby that can reach its upstream but has made no progress for this long is looked into: rewinding finds out for
/// certain.
constexpr Millis stall_patience{10'000};
/// Whatever it is that makes pg_rewind fail so often in a row: a copy does without the old data.
constexpr int rewinds_max = 4;

/// How an attempt to stream has gone so far: Next::done means that it streams, unless `refusal` says why it never will.
struct Follow {
  Next next;
  Refusal refusal = Refusal::none;
};

/// A start that gets nowhere lacks WAL that it cannot stream; so does a standby that does not move. Either only counts
/// if the upstream is there.
Follow when_upstream_answers(const StepContext& c, Follow otherwise) {
  if (!c.seen.upstream_port) {
    c.probes_upstream = true;
    return {Next::wait(Millis{0})};
  }
  if (*c.seen.upstream_port != PortState::open) return otherwise;
  return {Next::done(), c.seen.refusal != Refusal::none ? c.seen.refusal : Refusal::diverged};
}

/// It was promoted outside autoctl while it waited. Only this node has what was written meanwhile.
Follow refuse_promotion(const StepContext& c, StepMemory& m) {
  if (!m.did(Kind::mark_forked) && c.seen.answer)
    c.say(Level::warning, "Postgres was promoted outside autoctl on timeline " +
                              std::to_string(c.seen.answer->timeline.value) +
                              " while it was to follow another node: it stops");
  const Next next = disown(c, m);
  return {next, next.kind == Next::Kind::done ? Refusal::diverged : Refusal::none};
}

Follow follow(const StepContext& c, StepMemory& m) {
  if (m.failure) {
    const Follow gives_up{Next::failed(*m.failure)};
    return m.failure->code == Errc::timeout ? when_upstream_answers(c, gives_up) : gives_up;
  }
  const bool promoted = c.seen.answer && !c.seen.answer->in_recovery;
  if (promoted || m.did(Kind::stop)) return refuse_promotion(c, m);
  if (m.did(Kind::start) && !c.seen.running)
    return {Next::failed(Errc::postgres, "the standby stopped while it was starting to stream")};
  if (const Next next = run_as_standby(c, m, c.goal.upstream); next.kind != Next::Kind::done) return {next};
  if (c.seen.answer && c.seen.answer->receiving) return {Next::done()};
  if (c.seen.refusal != Refusal::none) return {Next::done(), c.seen.refusal};
  const Lsn at = c.seen.answer ? std::max(c.seen.answer->lsn, c.seen.answer->replayed) : Lsn{};
  if (!m.stands_still(at, c.now, stall_patience)) return {Next::wait(poll_interval)};
  const Follow looked_into = when_upstream_answers(c, {Next::wait(poll_interval)});
  if (c.seen.upstream_port && looked_into.refusal == Refusal::none) m.begin_to_watch(c.now);
  return looked_into;
}

std::string name_of_upstream(const StepContext& c) {
  const protocol::Peer* upstream = find_peer(c.saved.peers, c.goal.upstream);
  return upstream == nullptr ? "its upstream"
                             : upstream->name + " (" + upstream->host + ":" + std::to_string(upstream->port) + ")";
}

void begin_copy(StepMemory& m, std::string why) {
  m.begin(JoinPhase::copies);
  m.why = std::move(why);
}

Next begin(const StepContext& c, StepMemory& m) {
  if (c.goal.fresh_copy) {
    begin_copy(m, "an operator wants its data replaced");
    return Next::done();
  }
  if (!c.seen.running) {
    if (!c.seen.disk) return not_answered(c);
    if (!c.seen.disk->exists || c.seen.disk->control_missing) {
      begin_copy(m, c.seen.disk->exists ? "pg_control is missing" : "the data directory is empty");
      return Next::done();
    }
    if (!c.seen.disk->is_postgres)
      return Next::failed(Errc::conflict, "the data directory holds something else than Postgres' data");
  }
  // No answer proves nothing: it may be starting.
  const bool was_primary = c.seen.may_have_own_wal() || (c.seen.answer && !c.seen.answer->in_recovery);
  m.begin(was_primary ? JoinPhase::rewinds : JoinPhase::follows);
  return Next::done();
}

/// Stops Postgres, then does what replaces data.
Next replace_data(const StepContext& c, StepMemory& m, Kind kind) {
  if (m.failure && kind == Kind::rewind && m.did(Kind::rewind)) {
    const bool hopeless = m.failure->code == Errc::postgres && c.failures >= rewinds_max;
    if (hopeless || m.failure->code == Errc::conflict) {
      begin_copy(m, m.failure->message);
      return Next::done();
    }
  }
  if (m.failure) return Next::failed(*m.failure);
  if (!m.did(Kind::stop)) return Next::to(Kind::stop);
  if (!m.did(kind)) {
    c.say(Level::info, kind == Kind::copy ? "Copying from " + name_of_upstream(c) + ": " + m.why
                                          : "Rewinding to follow " + name_of_upstream(c));
    return Next::to({.kind = kind, .upstream = c.goal.upstream, .sync = {}});
  }
  m.begin(kind == Kind::copy ? JoinPhase::follows_copy : JoinPhase::follows_rewound);
  return Next::done();
}

/// What a refusal means in this phase.
Next refused(StepMemory& m, Refusal refusal) {
  const std::string gone = "the primary no longer has the WAL it needs";
  if (m.phase == JoinPhase::follows_copy) return Next::failed(Errc::postgres, "a fresh copy does not stream");
  if (m.phase == JoinPhase::follows_rewound)
    begin_copy(m, refusal == Refusal::wal_gone ? gone : "it does not stream after a rewind");
  else if (refusal == Refusal::wal_gone)
    begin_copy(m, gone);
  else
    m.begin(JoinPhase::rewinds);
  return Next::done();
}

}  // namespace

Next follow_upstream(const StepContext& c, StepMemory& m) {
  const protocol::Peer* upstream = find_peer(c.saved.peers, c.goal.upstream);
  if (upstream == nullptr) return Next::failed(Errc::unavailable, "the monitor has not said where the upstream is");
  const Follow attempt = follow(c, m);
  if (attempt.refusal == Refusal::none) return attempt.next;
  return Next::failed(Errc::unavailable, "this standby cannot stream from " + upstream->name + " as it is",
                      "the monitor will let it join again");
}

Next join_upstream(const StepContext& c, StepMemory& m) {
  if (find_peer(c.saved.peers, c.goal.upstream) == nullptr)
    return Next::failed(Errc::unavailable, "the monitor has not said where the upstream is");
  for (;;) {  // each turn asks for something, or begins the next phase
    const JoinPhase phase = m.phase;
    Next next;
    switch (phase) {
      case JoinPhase::begins: next = begin(c, m); break;
      case JoinPhase::rewinds: next = replace_data(c, m, Kind::rewind); break;
      case JoinPhase::copies: next = replace_data(c, m, Kind::copy); break;
      case JoinPhase::follows:
      case JoinPhase::follows_rewound:
      case JoinPhase::follows_copy:
        const Follow attempt = follow(c, m);
        if (attempt.refusal == Refusal::none) return attempt.next;
        next = refused(m, attempt.refusal);
    }
    if (next.kind != Next::Kind::done || m.phase == phase) return next;
  }
}

}  // namespace autoctl::keeper
