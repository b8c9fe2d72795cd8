// Others start and stop Postgres, too: with pg_ctl, the distribution's service, or `autoctl stop postgres`.
#include <array>

#include "keeper/core/core.h"

namespace autoctl::keeper {

namespace {

using Level = LogLine::Level;

/// A server that somebody else has stopped is left alone for so long. `pg_ctl stop -w` looks ten times a second whether
/// it is gone, and `pg_ctl restart` starts it itself.
constexpr Millis courtesy{1000};

constexpr std::array hold = {Step::stop_fast};
constexpr std::array restart_primary = {Step::stop_fast, Step::start_as_primary};
constexpr std::array restart_standby = {Step::stop_fast, Step::run_as_standby};

}  // namespace

/// A crash is nobody's wish: that server starts again at once.
void Core::notice_end(const Observation& seen, TimePoint now) {
  if (seen.running) {
    end_is_ours_ = false;
    left_alone_.reset();
    return;
  }
  const bool ended = seen_.running && !end_is_ours_ && !fenced_;
  const bool in_order = seen.disk && seen.disk->end;
  if (!ended || !in_order || seen.held_stopped || role_of(saved_.goal.state) == Role::operators) return;
  left_alone_ = now + courtesy;
  announce(
      "Postgres was stopped by somebody else: it is started again in a second; to stop it on purpose, `autoctl stop "
      "postgres`");
}

bool Core::leaves_stopped(TimePoint now) {
  const Role role = saved_.settled() ? wanted_role() : role_of(saved_.goal.state);
  if (role != Role::primary && role != Role::standby) return false;
  if (seen_.held_stopped) {
    if (seen_.running) {
      say(Level::warning, "An operator wants Postgres stopped: stopping it");
      start_run(Run::Purpose::hold, hold);
      return true;
    }
    facts_.trouble = "Postgres was stopped by an operator: `autoctl start postgres` starts it again";
    facts_.cannot_run = true;
    return true;
  }
  return left_alone_ && now < *left_alone_;
}

void Core::restart_by_request() {
  const Role role = wanted_role();
  if (!saved_.settled() || !seen_.running || (role != Role::primary && role != Role::standby)) return;
  say(Level::info, "An operator wants Postgres restarted");
  start_run(Run::Purpose::restart,
            role == Role::primary ? std::span<const Step>(restart_primary) : std::span<const Step>(restart_standby));
}

}  // namespace autoctl::keeper
