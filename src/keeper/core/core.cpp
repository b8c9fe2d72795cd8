#include "keeper/core/core.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/util/assert.h"
#include "keeper/core/facts.h"
#include "keeper/core/restart_needs.h"

namespace autoctl::keeper {

namespace {

using Level = LogLine::Level;

/// A keeper that starts beside a running primary has not heard from the monitor yet: nothing is fenced for this long.
constexpr Millis start_grace{4000};
/// How often Postgres is looked at when nothing happens, and while something is about to.
constexpr Millis calm_interval{1000};
constexpr Millis busy_interval{100};
/// The old primary stops at any moment, and no node accepts writes until the candidate has shown that it has
/// everything.
constexpr Millis handover_interval{10};
/// A group that does not settle within this long is no longer watched closely.
constexpr Millis busy_limit{30'000};
/// How long a dropped node that has stopped tries to say so. A monitor that never hears of it forgets it as dead.
constexpr Millis farewell_patience{30'000};

}  // namespace

bool restart_holds_clients(const SavedState& saved) {
  return std::ranges::find(saved.standing.settings,
                           std::pair<std::string, std::string>("restart_holds_clients", "true")) !=
         saved.standing.settings.end();
}

const protocol::Peer* find_peer(const std::vector<protocol::Peer>& peers, NodeId id) {
  const auto it = std::ranges::find(peers, id, &protocol::Peer::id);
  return it == peers.end() ? nullptr : &*it;
}

Core::Core(Identity self, SavedState saved, TimePoint now)
    : self_(std::move(self)),
      saved_(std::move(saved)),
      last_answer_(now),
      settled_since_(now),
      correspondence_(saved_.epoch) {
  lease_.assume(saved_.lease_required, saved_.strict_lease, now, start_grace);
  facts_.state = published_.state = saved_.state;
  facts_.term = published_.term = saved_.term;
  unproved_ = self_.unproved;
}

// ---- in

void Core::observed(Observation seen, TimePoint now) {
  notice_end(seen, now);
  notice_restart_needs(seen);
  vitals_.observed(seen, now);
  if (seen.answer) notice_replay(*seen.answer);
  // Another server's data may be another's: rewound, or a copy.
  if (!seen.running || seen.server != seen_.server) house_.forget_server();
  if (seen.answer) {
    restarted_for_sessions_ = false;
    last_answer_ = now;
    looked_ = seen.began;
  }
  const bool was_full = facts_.cannot_write;
  update(facts_, seen, saved_.peers, now - last_answer_ > silence_limit);
  if (facts_.cannot_write && !was_full) say(Level::error, "The disk of " + self_.pgdata + " is full");
  if (seen.upstream_port) {
    correspondence_.upstream_was_seen();
    probes_upstream_ = false;
  }
  if (seen.answer || !seen.running) lease_.see(facts_, now);  // what was seen before proves nothing now
  if (seen.crowded) {                                         // it may serve, and nobody knows whom it streams to
    NodeFacts alone = facts_;
    alone.streaming.clear();
    lease_.see(alone, now);
  }
  if (seen.running && !seen.answer && !seen.standby_signal) lease_.opens();
  seen_ = std::move(seen);
  stale_ = false;
  if ((is_refused() || lease_.is_strict()) && seen_.running) fenced_ = false;  // somebody has started it again
}

void Core::finished(TimePoint) {
  if (!changes_nothing_seen(order_->kind)) stale_ = true;
  if (order_->kind == Order::Kind::hold_clients)
    tell("Postgres starts again, and lets clients in when its quorum has what it had written before");
  if (order_->kind == Order::Kind::admit_clients) tell("Postgres lets clients in again");
  if (run_) run_->memory.did_now(order_->kind);
  order_.reset();
  facts_.progress_percent = -1;
}

void Core::failed(Error error, TimePoint now) {
  stale_ = true;
  facts_.progress_percent = -1;
  const Order order = *std::exchange(order_, std::nullopt);
  if (!run_) return failed_task(error, now);
  run_->memory.did_now(order.kind);
  run_->memory.failure = std::move(error);
}

void Core::saved(TimePoint now) {
  const Saving what = std::exchange(saving_, Saving::nothing);
  if (what == Saving::goal) goal_was_saved();
  if (what == Saving::reached) reached_was_saved(now);
}

void Core::save_failed(Error error, TimePoint now) {
  if (std::exchange(saving_, Saving::nothing) == Saving::goal) unsaved_version_ = assignment()->version;
  failed_task(error, now);
}

void Core::progressed(int percent) {
  facts_.progress_percent = published_.progress_percent = percent;
}

bool Core::answered(const protocol::Assignment& assignment, TimePoint request_left, TimePoint now) {
  hears_of_retirement(request_left);
  if (!may_act()) became_the_node();
  lease_.renew(request_left, assignment.lease);
  const bool concerns_worker = correspondence_.take(assignment, request_left, now);
  lease_.require(this->assignment()->lease_required, this->assignment()->strict_lease);
  return concerns_worker || fenced_;
}

void Core::set_citus(std::optional<protocol::CitusFacts> facts, bool urgent) {
  correspondence_.set_citus(std::move(facts));
  if (urgent) correspondence_.make_urgent();
}

// ---- out

Ready Core::ready(TimePoint now) {
  AUTOCTL_ASSERT(!order_ && saving_ == Saving::nothing, "the order or the save under way is not over");
  Ready ready;
  ready.wake_at = now;
  if (stale_)
    ready.look = true;
  else if (!proceed(now, ready))
    rest(now, ready);
  ready.log = std::exchange(log_, {});
  ready.hooks = std::exchange(hooks_, {});
  return ready;
}

bool Core::proceed(TimePoint now, Ready& ready) {
  if (std::exchange(resting_, false)) return false;
  if (!may_act()) {
    stand_aside();
    return false;
  }
  if (run_ && cancelled()) run_.reset();
  if (run_ && run_->purpose != Run::Purpose::stop && hangs_unreplaced(now)) run_.reset();
  if (!run_) {
    publish(now);  // the monitor hears what was seen, also when it is over by the next look
    if (auto next = newer_goal(now)) {
      saving_ = Saving::goal;
      ready.save = saving_state_ = *std::move(next);
      return true;
    }
    if (seen_.running && std::exchange(reload_requested_, false)) {
      house_.forget();  // the upstream is reached in another way now, perhaps
      give({.kind = Order::Kind::reload, .upstream = {}, .sync = {}}, ready);
      return true;
    }
    if (std::exchange(restart_requested_, false)) restart_by_request();
    if (!run_ && (disobeys() || retry_.is_due(now))) begin(now);
  }
  return advance(now, ready);
}

void Core::begin(TimePoint now) {
  static constexpr std::array stop = {Step::stop_fast};
  if (disobeys()) {  // what is to stop stops
    if (seen_.running && role_of(assignment()->goal.state) == Role::stopped) start_run(Run::Purpose::stop, stop);
  } else if (leaves_stopped(now)) {
    return;
  } else if (hangs_unreplaced(now)) {
    end_hung_server();
  } else if (lets_no_session_in()) {
    restart_for_sessions();
  } else if (was_promoted_outside_autoctl()) {
    end_foreign_promotion();
  } else if (saved_.settled()) {
    begin_upkeep(now);
  } else if (saved_.goal.term) {
    begin_transition(now);
  }
}

void Core::begin_transition(TimePoint now) {
  const Goal& goal = saved_.goal;
  const Transition* way = find_transition(saved_.state, goal.state);
  if (way == nullptr)
    return failed_task(
        {Errc::internal,
         "no way from " + std::string(to_string(saved_.state)) + " to " + std::string(to_string(goal.state)),
         "please report this with the output of `autoctl show events`"},
        now);
  if (may_accept_writes(goal.state) && !seen_.running && !lease_.may_serve(now)) {
    facts_.trouble = "waits for the monitor: another node could have been promoted meanwhile";
    return;
  }
  if (seen_.forked && role_of(goal.state) == Role::standby && goal.state != NodeState::catchingup) {
    facts_.trouble = "waits for the monitor to let it join again: it accepted writes though it was a standby";
    return;
  }
  start_run(Run::Purpose::transition, way->steps);
}

void Core::start_run(Run::Purpose purpose, std::span<const Step> steps) {
  run_ = Run{.purpose = purpose, .goal = saved_.goal, .steps = steps, .at = 0, .memory = {}};
}

bool Core::advance(TimePoint now, Ready& ready) {
  while (run_) {
    if (run_->at == run_->steps.size()) {
      const Run::Purpose purpose = run_->purpose;
      if (purpose == Run::Purpose::transition) {
        save_reached(ready);
        return true;
      }
      run_.reset();
      upkeep_done(purpose, now);
      return false;
    }
    std::vector<std::string> news;
    const StepContext context{self_,  seen_, saved_, run_->goal,       now,
                              house_, log_,  news,   probes_upstream_, retry_.failures()};
    Next next = next_of(run_->steps[run_->at], context, run_->memory);
    for (auto& text : news) tell(std::move(text));
    switch (next.kind) {
      case Next::Kind::done:
        ++run_->at;
        run_->memory = {};
        break;
      case Next::Kind::order:
        if (next.order.kind == Order::Kind::start && starts_without_lease(now)) {
          end_run({Errc::unavailable, "waits for the monitor: another node could have been promoted meanwhile", ""},
                  now);
          return false;
        }
        give(std::move(next.order), ready);
        return true;
      case Next::Kind::wait: ready.wake_at = now + next.pause; return false;
      case Next::Kind::failed: end_run(next.error, now); return false;
    }
  }
  return false;
}

/// It may have run out since the run began, and the fence have ended Postgres in the middle of it.
bool Core::starts_without_lease(TimePoint now) const {
  return role_of(run_->goal.state) == Role::primary && !seen_.standby_signal && !lease_.may_serve(now);
}

void Core::give(Order order, Ready& ready) {
  if (run_) run_->memory.failure.reset();
  if (order.kind == Order::Kind::promote)
    hooks_.push_back({HookPoint::Kind::before_promotion, saved_.goal.state, saved_.goal.term});
  const bool demotes = run_ && role_of(run_->goal.state) == Role::stopped && facts_.postgres_running;
  if (order.kind == Order::Kind::stop && demotes && !facts_.in_recovery)
    hooks_.push_back({HookPoint::Kind::before_demotion, saved_.goal.state, saved_.goal.term});
  if (order.kind == Order::Kind::start && run_ && role_of(run_->goal.state) == Role::primary) lease_.opens();
  if (ends_server(order.kind)) {
    end_is_ours_ = true;
    vitals_.suspend();
  }
  ready.order = order_ = std::move(order);
}

void Core::save_reached(Ready& ready) {
  saving_ = Saving::reached;
  saving_state_ = saved_;
  saving_state_.state = run_->goal.state;
  saving_state_.term = run_->goal.term;
  run_.reset();
  ready.save = saving_state_;
}

void Core::reached_was_saved(TimePoint now) {
  const Role before = wanted_role();
  const bool moved = saved_.state != saving_state_.state;
  saved_.state = saving_state_.state;
  saved_.term = saving_state_.term;
  if (moved)
    say(Level::info,
        "Reached " + std::string(to_string(saved_.state)) + " (term " + std::to_string(saved_.term.value) + ")");
  if (before == Role::standby && wanted_role() == Role::primary)
    hooks_.push_back({HookPoint::Kind::after_promotion, saved_.state, saved_.term});
  if (before == Role::primary && wanted_role() == Role::stopped)
    hooks_.push_back({HookPoint::Kind::after_demotion, saved_.state, saved_.term});
  settled_since_ = now;
  if (self_.reads_when_standby) house_.forget();
  fenced_ = false;
  resting_ = true;
  succeeded();
}

void Core::end_run(const Error& error, TimePoint now) {
  const bool unwanted = cancelled();
  run_.reset();
  if (!unwanted) failed_task(error, now);
}

/// Nothing to do, or something to wait for: the moment to tell what is seen.
void Core::rest(TimePoint now, Ready& ready) {
  publish(now);
  if (run_) return;  // its step has said when to look again
  const bool waiting = saved_.state == NodeState::wait_primary || saved_.state == NodeState::catchingup ||
                       saved_.state == NodeState::prepare_promotion || !saved_.settled();
  const bool busy = waiting && now - settled_since_ < busy_limit;
  const bool takes_over = saved_.state == NodeState::prepare_promotion && facts_.receiving;
  ready.wake_at = now + (!busy ? calm_interval : takes_over ? handover_interval : busy_interval);
  if (!retry_.is_due(now)) ready.wake_at = std::min(ready.wake_at, retry_.at());
  if (left_alone_ && now >= *left_alone_) left_alone_.reset();
  if (left_alone_) ready.wake_at = std::min(ready.wake_at, std::max(now, *left_alone_));
  if (may_act() && has_newer_goal() && !disobeys()) ready.wake_at = now;
}

void Core::publish(TimePoint now) {
  facts_.state = saved_.state;
  facts_.term = saved_.term;
  facts_.upstream = saved_.goal.upstream;
  facts_.prepared_peers = house_.prepared();
  if (facts_.cannot_write) facts_.trouble = "the disk of " + self_.pgdata + " is full";
  NodeFacts next = facts_to_tell();
  if (matters(next, published_)) correspondence_.make_urgent();
  published_ = std::move(next);
  published_looked_ = looked_;
  if (saved_.state == NodeState::dropped && saved_.settled() && !retired_) retired_ = now;
  correspondence_.facts_were_published();
}

/// Rounded so that no lease seems shorter than it is, and nothing newer than it is.
protocol::Report Core::next_report(bool wait, TimePoint left) {
  protocol::Report report = correspondence_.next_report(wait, published_, saved_);
  report.left = std::chrono::ceil<Millis>(left.time_since_epoch());
  report.looked = std::chrono::floor<Millis>(published_looked_.time_since_epoch());
  report.leased_until = std::chrono::ceil<Millis>(lease_.until().time_since_epoch());
  report.strict_lease = saved_.strict_lease;
  return report;
}

NodeFacts Core::facts_to_tell() const {
  NodeFacts facts = facts_;
  if (seen_.answer && seen_.answer->replay_paused && facts.trouble.empty()) facts.trouble = replay_is_paused;
  if (seen_.clients_held && facts.trouble.empty())
    facts.trouble = "clients are held off until the quorum has what was written before Postgres was started again";
  if (!seen_.restart_needs.empty() && facts.trouble.empty()) facts.trouble = restart_wish(seen_.restart_needs);
  if (!vitals_.write_failure().empty()) {
    facts.cannot_write = true;
    facts.trouble = vitals_.write_failure();
  }
  if (!vitals_.failure().empty()) {
    facts.cannot_run = true;
    facts.trouble = vitals_.failure();
  }
  return facts;
}

std::string Core::check_vitals(TimePoint now) {
  const auto ills = [this] { return vitals_.failure().empty() ? vitals_.write_failure() : vitals_.failure(); };
  const std::string before = ills();
  vitals_.tick(now);
  const std::string after = ills();
  if (after == before) return {};
  NodeFacts next = published_;
  const NodeFacts told = facts_to_tell();
  next.cannot_run = told.cannot_run;
  next.cannot_write = told.cannot_write;
  next.trouble = told.trouble;
  if (matters(next, published_)) correspondence_.make_urgent();
  published_ = std::move(next);
  return after.empty() ? "Postgres serves again, after: " + before : "Postgres does not do its work: " + after;
}

void Core::failed_task(const Error& error, TimePoint now) {
  retry_.failed(now);
  if (error.message != last_failure_) say(Level::error, error.message + (error.hint.empty() ? "" : "; " + error.hint));
  last_failure_ = error.message;
  facts_.trouble = error.message;
  const bool should_run = wanted_role() == Role::primary || wanted_role() == Role::standby;
  if (retry_.gave_up(now) && !seen_.running && should_run) facts_.cannot_run = true;
}

void Core::succeeded() {
  retry_.succeeded();
  last_failure_.clear();
  facts_.trouble.clear();
  facts_.cannot_run = false;
}

/// A report that left since then said it.
void Core::hears_of_retirement(TimePoint request_left) {
  if (retired_ && request_left >= *retired_) retirement_is_known_ = true;
}

bool Core::has_retired(TimePoint now) const {
  return retired_ && (retirement_is_known_ || now - *retired_ > farewell_patience);
}

std::optional<TimePoint> Core::fence_at() const {
  if (is_refused() && !fenced_) return TimePoint::min();
  const Lease::Guard guard = lease_.guard();
  return guard.armed && !fenced_ ? std::optional(guard.until) : std::nullopt;
}

std::optional<TimePoint> Core::guarded_until() const {
  const Lease::Guard guard = lease_.guard();
  return lease_.is_strict() && guard.armed ? std::optional(guard.until) : std::nullopt;
}

std::optional<protocol::CitusPlan> Core::citus_duty() const {
  const auto& newest = assignment();
  const bool leads = newest && is_leader_state(newest->goal.state) && is_leader_state(published_.state);
  if (!leads || !published_.postgres_running || published_.in_recovery || fenced_) return std::nullopt;
  return newest->citus;
}

}  // namespace autoctl::keeper
