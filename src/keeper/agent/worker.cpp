#include "keeper/agent/worker.h"

#include <poll.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

/// How often Postgres is looked at when nothing happens, and while something is about to.
constexpr Millis calm_interval{1000};
constexpr Millis busy_interval{100};
/// The old primary stops any moment, and nobody can write until the candidate has shown that it has everything.
constexpr Millis handover_interval{10};
/// A group that does not settle within this long is no longer watched closely.
constexpr Millis busy_limit{30'000};

/// Two goals that ask for the same thing, whatever their terms.
bool same_task(Goal a, Goal b) {
  a.term = b.term = Term{};
  return a == b;
}

}  // namespace

Worker::Worker(Board& board, Instance& postgres, const config::Config& config, const config::Files& files,
               SavedState saved)
    : board_(board), postgres_(postgres), config_(config), files_(files), saved_(std::move(saved)) {
  facts_.state = saved_.state;
  facts_.term = saved_.term;
  settled_since_ = Clock::now();
}

void Worker::run() {
  if (postgres_.adopt()) spdlog::info("Took over the Postgres that already runs");
  look();
  publish();
  while (!board_.stopping()) {
    const bool obedient = obey();
    if (reload_requested_.exchange(false) && postgres_.running())
      if (const auto reloaded = postgres_.reload(); !reloaded) failed(reloaded.error());
    const bool was_running = postgres_.running();
    if (obedient && Clock::now() >= retry_at_) {
      retry_at_ = {};
      act();
    }
    look();
    publish();
    wait_for_work(was_running || postgres_.running());
  }
}

void Worker::request_reload() {
  reload_requested_ = true;
  board_.wake_worker();
}

bool Worker::settled() const {
  return saved_.state == saved_.goal.state && saved_.term >= saved_.goal.term;
}

bool Worker::cancelled() const {
  if (board_.stopping()) return true;
  const auto newest = board_.assignment();
  return newest && newest->goal.term > saved_.goal.term && !same_task(newest->goal, saved_.goal);
}

/// False while the newest goal cannot be remembered: then the one before it no longer counts either, but what is to
/// stop stops.
bool Worker::obey() {
  const auto assignment = board_.assignment();
  if (!assignment) return true;
  note(assignment->notice);
  if (assignment->goal.term < saved_.goal.term) return true;  // a lower term than one obeyed before: never
  if (assignment->goal == saved_.goal && assignment->lease_required == saved_.lease_required &&
      assignment->peers == saved_.peers && assignment->neighbours == saved_.neighbours &&
      assignment->standing == saved_.standing)
    return true;
  const bool other_task = !same_task(assignment->goal, saved_.goal);
  SavedState next = saved_;
  next.goal = assignment->goal;
  next.lease_required = assignment->lease_required;
  next.peers = assignment->peers;
  next.neighbours = assignment->neighbours;
  next.standing = assignment->standing;
  if (!remember(std::move(next))) {
    if (role_of(assignment->goal.state) == Role::stopped) stop_postgres();
    return false;
  }
  if (!other_task) return true;
  spdlog::info("Goal: {} (term {}), from {}", to_string(saved_.goal.state), saved_.goal.term.value,
               to_string(saved_.state));
  succeeded();
  return true;
}

/// What is not on disk is neither obeyed nor reported: after a crash an older goal would be obeyed again.
bool Worker::remember(SavedState next) {
  if (const auto saved = save_state(files_, next); !saved) {
    failed(saved.error());
    return false;
  }
  saved_ = std::move(next);
  return true;
}

void Worker::note(const std::string& notice) {
  if (notice == notice_) return;
  spdlog::info("{}", notice.empty() ? "No longer: this node " + notice_ : "This node " + notice);
  notice_ = notice;
}

void Worker::act() {
  if (was_promoted_by_somebody_else())
    end_foreign_promotion();
  else if (settled())
    maintain();
  else if (saved_.goal.term)
    transition();
}

StepContext Worker::context(const Goal& goal) {
  return {.postgres = postgres_,
          .files = files_,
          .self = config_.node,
          .goal = goal,
          .peers = saved_.peers,
          .neighbours = saved_.neighbours,
          .formation_dbname = config_.dbname,
          .citus = config_.is_citus(),
          .breathe =
              [this] {
                const Observed seen = look();
                publish();
                return seen;
              },
          .cancelled = [this] { return cancelled(); },
          .progress =
              [this](int percent, const std::string& what) {
                if (percent != facts_.progress_percent && percent % 5 == 0) spdlog::info("{} % {}", percent, what);
                facts_.progress_percent = percent;
                publish();
              }};
}

void Worker::transition() {
  const Goal goal = saved_.goal;
  const Transition* way = find_transition(saved_.state, goal.state);
  if (way == nullptr) {
    failed({Errc::internal, fmt::format("no way from {} to {}", to_string(saved_.state), to_string(goal.state)),
            "please report this with the output of `autoctl show events`"});
    return;
  }
  if (may_accept_writes(goal.state) && !postgres_.running() && !board_.may_serve()) {
    facts_.trouble = "waits for the monitor: another node could have been promoted meanwhile";
    return;
  }
  if (facts_.forked && role_of(goal.state) == Role::standby && goal.state != NodeState::catchingup) {
    facts_.trouble = "waits for the monitor to let it join again: it accepted writes though it was a standby";
    return;
  }
  const StepContext step_context = context(goal);
  for (const Step step : way->steps) {
    spdlog::debug("{}: {}", to_string(goal.state), to_string(step));
    // Nobody can join, and acknowledge, before there is a slot and an HBA line for it.
    auto done = step == Step::await_quorum ? keep_house() : Result<>{};
    if (done) done = run_step(step, step_context);
    facts_.progress_percent = -1;
    if (!done) {
      if (!cancelled()) failed(done.error());
      return;
    }
  }
  reached(goal);
}

void Worker::reached(const Goal& goal) {
  const bool moved = saved_.state != goal.state;
  SavedState next = saved_;
  next.state = goal.state;
  next.term = goal.term;
  if (!remember(std::move(next))) return;
  if (moved) spdlog::info("Reached {} (term {})", to_string(goal.state), goal.term.value);
  settled_since_ = Clock::now();
  if (config_.citus_secondary) house_is_kept_ = false;  // some of its settings differ between a primary and a standby
  board_.set_fenced(false);
  succeeded();
}

/// A postmaster that was dead before is no news: its pidfd stays readable, and would not let us sleep.
void Worker::wait_for_work(bool until_postmaster_ends) {
  const bool waiting = saved_.state == NodeState::wait_primary || saved_.state == NodeState::catchingup ||
                       saved_.state == NodeState::prepare_promotion || !settled();
  const bool busy = waiting && Clock::now() - settled_since_ < busy_limit;
  const bool takes_over = saved_.state == NodeState::prepare_promotion && facts_.receiving;
  auto until = Clock::now() + (!busy ? calm_interval : takes_over ? handover_interval : busy_interval);
  if (retry_at_ != TimePoint{}) until = std::min(until, std::max(retry_at_, Clock::now()));
  // A goal that came meanwhile is no reason to wait; the eventfd stays readable until it is drained here.
  std::array<pollfd, 2> fds = {
      {{board_.wakeup_fd(), POLLIN, 0}, {until_postmaster_ends ? postgres_.pidfd() : -1, POLLIN, 0}}};
  const auto left = std::chrono::duration_cast<Millis>(until - Clock::now()).count();
  ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<long>(left, 0, calm_interval.count())));
  board_.drain_wakeup();
}

}  // namespace autoctl::keeper
