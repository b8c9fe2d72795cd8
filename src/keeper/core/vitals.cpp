#include "keeper/core/vitals.h"

#include <algorithm>

namespace autoctl::keeper {

namespace {

/// No new session, where that cannot be load; where it may be.
constexpr Millis session_patience{8'000};
constexpr Millis session_patience_under_load{20'000};
/// What the worker's own session said so long ago still shows that the server works.
constexpr Millis answer_memory{3'000};
/// A session that waits until WAL is flushed, or a file beside it that does.
constexpr Millis flush_patience{8'000};
constexpr Millis write_patience{9'000};
constexpr Millis flush_memory{4'000};
/// Errors in a row; one may be an accident.
constexpr int write_errors = 2;
/// What has failed is well again after so long without a failure.
constexpr Millis convalescence{3'000};
constexpr Millis longest_gap{1'000};

std::string seconds(TimePoint::duration d) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(d).count()) + " s";
}

}  // namespace

void Vitals::begin(TimePoint now) {
  expects_ = true;
  session_ = disk_ = Signs{.alive = now, .failed = {}, .failures = 0, .why = {}, .cause = {}};
  answered_ = flush_moved_ = flush_advanced_ = now;
  flush_waits_ = false;
  flushed_ = {};
}

void Vitals::observed(const Observation& seen, TimePoint now) {
  if (!seen.running) return suspend();
  if (!seen.answer) return;
  if (!expects_ || seen.server != server_) begin(now);
  server_ = seen.server;
  answered_ = now;
  const ServerView& server = *seen.answer;
  if (server.lsn > flushed_) flush_advanced_ = now;
  flush_waits_ = !server.in_recovery && server.flush_awaited;
  if (!flush_waits_ || server.lsn > flushed_) flush_moved_ = now;
  flushed_ = server.lsn;
}

void Vitals::felt(const Pulse& pulse, TimePoint now) {
  Signs& signs = pulse.of == Pulse::Of::session ? session_ : disk_;
  if (pulse.alive) {
    signs.alive = now;
    signs.failures = 0;
    signs.cause = {};
    return;
  }
  signs.failed = now;
  ++signs.failures;
  signs.why = pulse.why;
  signs.cause = pulse.cause;
}

std::string Vitals::judge_session(TimePoint now) const {
  using Cause = Pulse::Cause;
  // Under load, what the worker's own session hears is life as well.
  const auto silent = now - (session_.cause == Cause::load ? std::max(session_.alive, answered_) : session_.alive);
  const bool may_be_load = session_.cause == Cause::load || session_.cause == Cause::deaf;
  if (silent <= (may_be_load ? session_patience_under_load : session_patience)) return {};
  return "no client was let in for " + seconds(silent) + (session_.why.empty() ? "" : ": " + session_.why);
}

std::string Vitals::judge_disk(TimePoint now) const {
  if (now - answered_ < answer_memory && flush_waits_ && now - flush_moved_ > flush_patience)
    return "no WAL was flushed for " + seconds(now - flush_moved_) + ", though a session waits for it";
  const auto silent = now - disk_.alive;
  const bool hangs = disk_.failures == 0 && silent > write_patience;
  if (!hangs || now - flush_advanced_ < flush_memory) return {};
  return "a write beside the WAL has not come back for " + seconds(silent);
}

std::string Vitals::judge(TimePoint now) const {
  if (!expects_) return {};
  std::string reason = judge_session(now);
  return reason.empty() ? judge_disk(now) : reason;
}

/// Some of it may have been seen in that gap.
void Vitals::excuse(TimePoint::duration gap, TimePoint now) {
  for (TimePoint* since : {&session_.alive, &disk_.alive, &flush_moved_, &flush_advanced_, &answered_})
    *since = std::min(*since + gap, now);
}

void Vitals::tick(TimePoint now) {
  const auto gap = now - ticked_;
  if (ticked_ != TimePoint{} && gap > longest_gap) excuse(gap - longest_gap, now);
  ticked_ = now;
  std::string found = judge(now);
  const bool cannot_write = expects_ && disk_.failures >= write_errors;
  if (!found.empty() || (expects_ && disk_.failures > 0)) well_since_ = now;
  if (!found.empty() && failure_.empty()) {
    failure_ = std::move(found);
    failed_since_ = now;
  }
  if (cannot_write && write_failure_.empty()) write_failure_ = disk_.why;
  const bool well = !expects_ || now - well_since_ > convalescence;
  if (well) failure_.clear();
  if (well) write_failure_.clear();
}

}  // namespace autoctl::keeper
