// What should run while the goal stays the same: a Postgres that died is restarted in place, a setting that was changed
// is put back, peers get their slots.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "keeper/agent/worker.h"
#include "keeper/postgres/markers.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

/// After so many failed starts in a row, or this long, the keeper says that it cannot.
constexpr int start_attempts = 3;
constexpr Millis start_patience{20'000};
constexpr Millis retry_pause_first{100};
constexpr Millis retry_pause_max{2000};
constexpr Millis house_keeping_interval{2000};
constexpr Millis shutdown_patience{10'000};

/// As far as HBA and slots go: what the others are told to be is nothing to them.
bool same_places(const std::vector<protocol::Peer>& some, const std::vector<protocol::Peer>& others) {
  return std::ranges::equal(some, others, [](protocol::Peer one, const protocol::Peer& other) {
    one.goal = other.goal;
    return one == other;
  });
}

}  // namespace

void Worker::maintain() {
  const Role role = wanted_role();
  if (role == Role::stopped) {
    if (postgres_.running()) spdlog::warn("Postgres runs though this node is {}: stopping it", to_string(saved_.state));
    if (stop_postgres()) succeeded();
    return;
  }
  if (role == Role::operators) return tolerate();
  if (!postgres_.running()) {
    start_again();
    return;
  }
  if (!facts_.postgres_running) return;
  if (saved_.state == NodeState::primary && facts_.sync_in_force != saved_.goal.sync) {
    spdlog::warn("synchronous_standby_names was changed behind our back: putting it back");
    saved_.term = Term{};  // unsettled until the quorum has proved itself again
    return;
  }
  if (const auto kept = keep_house(); !kept) failed(kept.error());
}

/// In maintenance: whatever the operator does is right, but for a second primary.
void Worker::tolerate() {
  if (!postgres_.adopt() || !facts_.postgres_running) return;
  if (facts_.in_recovery) return succeeded();
  spdlog::error("Postgres accepts writes in maintenance, while another node is the primary: stopping it");
  if (const auto marked = set_marker(files_, Marker::forked); !marked) return failed(marked.error());
  if (!stop_postgres()) return;
  failed({Errc::conflict, "Postgres was opened for writes in maintenance, and was stopped: another node is the primary",
          "start it with standby.signal, or end the maintenance: the node joins again then"});
}

/// Joining finds that out for itself, and what is told to promote or to stop does that.
bool Worker::was_promoted_by_somebody_else() const {
  if (wanted_role() != Role::standby || !facts_.postgres_running || facts_.in_recovery) return false;
  return settled() || (role_of(saved_.goal.state) == Role::standby && saved_.goal.state != NodeState::catchingup);
}

/// The monitor has heard of it already. What clients write here would be lost: it stops now, and remembers that it may
/// only be rewound or copied, as its history need not show it (a standby that was started without its standby.signal).
void Worker::end_foreign_promotion() {
  if (config_.monitor_url.empty()) {
    note("was promoted by somebody else; with no monitor it stays what it is");
    return;
  }
  spdlog::warn(
      "Postgres was promoted by somebody else on timeline {}: this node is a standby, it stops and joins its primary "
      "again. To promote a node, `autoctl perform promotion`; by hand only with autoctl stopped",
      facts_.timeline.value);
  facts_.trouble = "Postgres was promoted by somebody else";
  if (const auto marked = set_marker(files_, Marker::forked); !marked) return failed(marked.error());
  if (!stop_postgres()) return;
  saved_.state = NodeState::catchingup;
  saved_.term = Term{};
}

bool Worker::stop_postgres() {
  if (!postgres_.running()) return true;
  const auto stopped = postgres_.stop(StopMode::fast, shutdown_patience);
  if (!stopped) failed(stopped.error());
  return stopped.has_value();
}

void Worker::start_again() {
  const bool guarded = saved_.state == NodeState::primary;
  if (guarded && !board_.may_serve()) {
    facts_.trouble = "waits for the monitor: another node could have been promoted meanwhile";
    return;
  }
  auto found = postgres_.inspect();
  if (found && found->exists && found->control_missing) {
    facts_.cannot_run = true;
    failed({Errc::postgres, "pg_control is missing or damaged: this data directory cannot be started", ""});
    return;
  }
  spdlog::warn("Postgres is not running: starting it in place");
  const StepContext c = context(saved_.goal);
  Result<> started;
  if (wanted_role() == Role::primary) {
    started = run_step(Step::start_as_primary, c);
  } else {
    started = run_as_standby(
        c, may_receive(saved_.state, saved_.goal) ? find_peer(saved_.peers, saved_.goal.upstream) : nullptr);
  }
  if (!started) {
    if (!cancelled()) failed(started.error());
    return;
  }
  board_.set_fenced(false);
  succeeded();
  spdlog::info("Postgres runs again");
}

Result<> Worker::keep_house() {
  const auto now = Clock::now();
  const bool same_nodes =
      same_places(configured_peers_, saved_.peers) && same_places(configured_neighbours_, saved_.neighbours);
  if (house_is_kept_ && same_nodes && now < next_house_keeping_) return {};
  next_house_keeping_ = now + house_keeping_interval;
  std::vector<NodeId> ids;
  for (const auto& peer : saved_.peers) ids.push_back(peer.id);
  std::ranges::sort(ids);
  const bool is_new = !std::exchange(house_is_kept_, false) || !same_nodes;
  if (is_new) {
    AUTOCTL_TRY(postgres_.configure(saved_.peers, saved_.neighbours));
    const protocol::Peer* upstream = find_peer(saved_.peers, saved_.goal.upstream);
    if (wanted_role() == Role::standby && may_receive(saved_.state, saved_.goal) &&
        upstream != nullptr) {  // it may have moved
      AUTOCTL_TRY(postgres_.set_upstream(upstream, config_.node));
    }
    configured_peers_ = saved_.peers;
    configured_neighbours_ = saved_.neighbours;
  }
  AUTOCTL_TRY(postgres_.sync_slots(ids));  // somebody may have dropped one
  facts_.prepared_peers = ids;
  house_is_kept_ = true;
  if (wanted_role() == Role::primary) bound_slots();
  if (wanted_role() == Role::standby) {
    AUTOCTL_TRY(postgres_.advance_slots());
  }
  succeeded();
  return {};
}

void Worker::bound_slots() {
  const auto lost = postgres_.bound_slots();
  if (!lost) return spdlog::debug("The slots' WAL is not bounded: {}", lost.error().message);
  std::vector<std::string> news;
  for (const NodeId id : *lost) {
    const protocol::Peer* peer = find_peer(saved_.peers, id);
    news.push_back("the replication slot " + standby_name(id) + " of " + (peer == nullptr ? "a node" : peer->name) +
                   " kept more WAL than max_slot_wal_keep_size and was given up, so that the disk does not fill: that "
                   "node comes back with a copy");
    spdlog::warn("{}", news.back());
  }
  board_.tell(std::move(news));
}

void Worker::failed(const Error& error) {
  const auto now = Clock::now();
  if (failures_++ == 0) first_failure_ = now;
  if (error.message != last_failure_)
    spdlog::error("{}{}{}", error.message, error.hint.empty() ? "" : "; ", error.hint);
  last_failure_ = error.message;
  facts_.trouble = error.message;
  const bool gave_up = failures_ >= start_attempts || now - first_failure_ > start_patience;
  const bool should_run = wanted_role() == Role::primary || wanted_role() == Role::standby;
  if (gave_up && !postgres_.running() && should_run) facts_.cannot_run = true;
  const auto pause = std::min(retry_pause_max, retry_pause_first * (1 << std::min(failures_, 5)));
  retry_at_ = now + pause;
}

void Worker::succeeded() {
  failures_ = 0;
  retry_at_ = {};
  last_failure_.clear();
  facts_.trouble.clear();
  facts_.cannot_run = false;
}

}  // namespace autoctl::keeper
