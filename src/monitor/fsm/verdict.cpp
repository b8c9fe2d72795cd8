#include "monitor/fsm/verdict.h"

#include <algorithm>

namespace autoctl::monitor {

std::string_view to_string(Verdict verdict) {
  switch (verdict) {
    case Verdict::healthy: return "healthy";
    case Verdict::suspected: return "suspected";
    case Verdict::unreachable: return "unreachable";
    case Verdict::dead: return "dead";
  }
  return "unknown";
}

namespace {

/// A heartbeat is overdue after this long: one interval, and half of one for the network.
Millis overdue(const Settings& settings) {
  return settings.heartbeat * 3 / 2;
}

/// What a witness said or a probe found this long ago still counts.
Millis evidence_memory(const Settings& settings) {
  return std::max(settings.heartbeat * 2, Millis{2000});
}

/// Of its own: a report, also one that the monitor had no time for.
std::optional<TimePoint> last_sign(const NodeObservation& seen) {
  return std::max(seen.last_report, seen.last_heard);
}

bool is_cut_off(const NodeObservation& seen) {
  return seen.disconnected_at && (!seen.last_heard || *seen.last_heard <= *seen.disconnected_at);
}

bool fresh(const NodeObservation& seen, const Settings& settings, TimePoint now) {
  const auto sign = last_sign(seen);
  return sign && !is_cut_off(seen) && now - *sign < overdue(settings);
}

/// Evidence of `at` is about the time since then, and about now.
bool counts(TimePoint at, const NodeObservation& seen, const Settings& settings, TimePoint now) {
  return at > suspicion_began(seen) && now - at < evidence_memory(settings);
}

/// From when on silence counts: the last sign of life, or the end of the grace after a monitor start.
TimePoint silence_ends(const NodeObservation& seen, const Settings& settings) {
  const TimePoint grace_ends = seen.watching_since + std::max(settings.startup_grace, settings.silence_timeout);
  if (const auto sign = last_sign(seen)) {
    const TimePoint ends = *sign + settings.silence_timeout;
    return seen.last_report ? ends : std::max(ends, grace_ends);
  }
  return grace_ends;
}

/// What the others say, taken together.
struct Testimony {
  bool heard = false;     // another node hears it
  bool complete = true;   // every node that could hear it has been asked since, or there is none
  bool answers = false;   // another node got an answer at its port, and nothing spoke against its being the node
  bool stranger = false;  // another node found somebody else there
  std::string words;
};

Testimony hear_witnesses(const NodeObservation& seen, const Settings& settings, TimePoint now) {
  Testimony testimony;
  for (const WitnessView& view : seen.witnesses) {
    if (!counts(view.at, seen, settings, now)) {
      testimony.complete = false;
      continue;
    }
    testimony.heard |= view.hears;
    testimony.answers |= view.port == PortState::open;
    testimony.stranger |= view.port == PortState::stranger;
    testimony.words += ", " + view.witness_name + (view.hears ? " still hears it" : " does not hear it");
    if (view.port != PortState::unknown) testimony.words += " (port " + std::string(describe(view.port)) + ")";
  }
  return testimony;
}

/// What answers at the Postgres port, after all that was found there. Where the node has no certificate only a standby
/// can tell who answers, as it logs in. And where the monitor meets a stranger and another node the node itself, the
/// address leads to two places.
PortState who_answers(PortState found, const NodeObservation& seen, const Testimony& testimony) {
  const bool unproved = found == PortState::open && !seen.shows_certificate;
  if (unproved && testimony.stranger && !testimony.answers) return PortState::stranger;
  return found == PortState::stranger && testimony.answers ? PortState::open : found;
}

std::string seconds(std::chrono::steady_clock::duration d) {
  const auto ms = std::chrono::duration_cast<Millis>(d).count();
  return std::to_string(ms / 1000) + "." + std::to_string(ms % 1000 / 100) + " s";
}

std::string describe_silence(const NodeObservation& seen, const Settings& settings, TimePoint now) {
  if (is_cut_off(seen)) return "its keeper's connection broke " + seconds(now - *seen.disconnected_at) + " ago";
  if (fresh(seen, settings, now)) return "it lives, but the monitor had no time for its first report yet";
  if (seen.last_heard > seen.last_report) return "no report for " + seconds(now - *seen.last_heard);
  if (seen.last_report) return "no report for " + seconds(now - *seen.last_report);
  return "no report since the monitor started";
}

}  // namespace

Health assess(const NodeObservation& seen, bool may_expect_postgres, const Settings& settings, TimePoint now) {
  if (may_expect_postgres && seen.cannot_run)
    return {Verdict::dead, "its keeper says that Postgres cannot run: " + seen.trouble, true};
  if (may_expect_postgres && seen.postgres_down_since &&
      now - *seen.postgres_down_since >= settings.postgres_restart_timeout)
    return {Verdict::dead, "its keeper has not brought Postgres back for " + seconds(now - *seen.postgres_down_since),
            true};
  if (seen.last_report && fresh(seen, settings, now)) return {Verdict::healthy, "reports"};

  const Testimony testimony = hear_witnesses(seen, settings, now);
  const auto found = [&](const ProbeResult& probe) {
    return counts(probe.at, seen, settings, now) ? probe.port : PortState::unknown;
  };
  const PortState postgres = who_answers(found(seen.postgres_port), seen, testimony);
  const PortState keeper = found(seen.keeper_port);
  const std::string evidence = describe_silence(seen, settings, now) + ", Postgres port " +
                               std::string(describe(postgres)) + ", keeper port " + std::string(describe(keeper)) +
                               testimony.words;

  // Its host answers, and nothing of it listens there: conclusive at once, if the others agree. After a monitor start
  // the nodes may be starting as well, so a refusal means nothing then.
  const bool vacant =
      seen.last_report && is_cut_off(seen) && is_vacant(keeper) && (is_vacant(postgres) || !may_expect_postgres);
  if (vacant && !testimony.heard && testimony.complete) return {Verdict::dead, evidence};

  if (now < silence_ends(seen, settings)) return {Verdict::suspected, evidence};
  if (testimony.heard || postgres == PortState::open) return {Verdict::unreachable, evidence};
  if (!testimony.complete || postgres == PortState::unknown)
    return {Verdict::unreachable, evidence + "; evidence is incomplete"};
  return {Verdict::dead, evidence};
}

TimePoint suspicion_began(const NodeObservation& seen) {
  if (is_cut_off(seen)) return *seen.disconnected_at;
  return last_sign(seen).value_or(seen.watching_since);
}

bool wants_evidence(const NodeObservation& seen, const Settings& settings, TimePoint now) {
  return !fresh(seen, settings, now);
}

std::optional<TimePoint> next_deadline(const NodeObservation& seen, const Settings& settings, TimePoint now) {
  std::optional<TimePoint> next;
  const auto consider = [&](TimePoint t) {
    if (t > now && (!next || t < *next)) next = t;
  };
  if (const auto sign = last_sign(seen)) consider(*sign + overdue(settings));
  consider(silence_ends(seen, settings));
  if (seen.postgres_down_since) consider(*seen.postgres_down_since + settings.postgres_restart_timeout);
  for (const ProbeResult& probe : {seen.postgres_port, seen.keeper_port})
    consider(probe.at + evidence_memory(settings));
  for (const WitnessView& view : seen.witnesses) consider(view.at + evidence_memory(settings));
  return next;
}

}  // namespace autoctl::monitor
