#include "keeper/agent/steps.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "common/util/sync_directory.h"
#include "keeper/agent/join.h"
#include "keeper/postgres/markers.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::keeper {

namespace {

/// How long a fast shutdown may take before it becomes an immediate one.
constexpr Millis shutdown_patience{10'000};
/// How long a hand-over waits for WAL that does not come any more.
constexpr Millis handover_patience{1000};
constexpr Millis poll_interval{5};
constexpr Millis query_timeout{2000};

Result<> cancelled_error() {
  return fail(Errc::unavailable, "a newer goal came");
}

Result<> create_database_cluster(const StepContext& c) {
  auto found = c.postgres.inspect();
  if (!found) return fail(found.error());
  if (!found->exists) AUTOCTL_TRY(c.postgres.initdb(c.cancelled));
  return c.postgres.configure(c.peers, c.neighbours);
}

/// An operator wants what was written here although this node was to be a standby: from here on nothing remembers that
/// it was one. The marker goes last, so that this can be begun again.
Result<> keep_own_history(const config::Files& files) {
  if (!is_marked(files, Marker::forked)) return {};
  const std::string signal = files.pgdata + "/standby.signal";
  std::error_code error;
  std::filesystem::remove(signal, error);
  if (error) return fail(Errc::system, "cannot remove " + signal + ": " + error.message());
  AUTOCTL_TRY(sync_directory(files.pgdata));
  spdlog::warn("An operator wants what this node wrote of its own: it goes on as the primary");
  return clear_marker(files, Marker::forked);
}

Result<> start_as_primary(const StepContext& c) {
  if (!c.postgres.running()) {
    if (c.goal.keep_history) AUTOCTL_TRY(keep_own_history(c.files));
    auto found = c.postgres.inspect();
    if (!found) return fail(found.error());
    if (found->standby_signal)
      return fail(Errc::conflict, "the data directory is a standby's",
                  "it follows another node; it cannot just be started as primary");
    AUTOCTL_TRY(c.postgres.configure(c.peers, c.neighbours));
    AUTOCTL_TRY(c.postgres.start(c.cancelled));
  }
  auto seen = c.postgres.observe(query_timeout);
  if (!seen) return fail(seen.error());
  if (seen->in_recovery) return fail(Errc::conflict, "Postgres runs as a standby where a primary was expected");
  if (c.goal.state != NodeState::single) return {};
  auto password = replication_password(c.files);
  if (!password) return fail(password.error());
  AUTOCTL_TRY(c.postgres.create_roles(*password, c.formation_dbname));
  return c.citus ? c.postgres.prepare_citus(*password, c.formation_dbname) : Result<>{};
}

/// Every commit that was acknowledged before the names were in force was flushed here by then; a voter that has flushed
/// past this point has it.
Result<> await_quorum(const StepContext& c) {
  auto seen = c.postgres.observe(query_timeout);
  if (!seen) return fail(seen.error());
  const Lsn written = seen->lsn;
  while (true) {
    int caught_up = 0;
    const Observed now = c.breathe();
    for (const auto& sender : now.walsenders) {
      const bool voter = std::ranges::any_of(c.goal.sync.voters,
                                             [&](NodeId id) { return sender.application_name == standby_name(id); });
      if (voter && sender.streaming && sender.flushed >= written) ++caught_up;
    }
    if (caught_up >= c.goal.sync.acks) return {};
    if (c.cancelled()) return cancelled_error();
    if (!c.postgres.running()) return fail(Errc::postgres, "Postgres stopped while it waited for its quorum");
    std::this_thread::sleep_for(poll_interval * 2);
  }
}

Result<> await_handover(const StepContext& c) {
  if (!c.goal.await_lsn || !c.postgres.running()) return {};
  Lsn last;
  auto moved = std::chrono::steady_clock::now();
  while (!c.cancelled()) {
    const auto seen = c.postgres.observe(query_timeout);
    if (!seen || !seen->in_recovery || seen->lsn >= c.goal.await_lsn) return {};
    const auto now = std::chrono::steady_clock::now();
    if (seen->lsn > last) {
      last = seen->lsn;
      moved = now;
    } else if (now - moved > handover_patience) {
      spdlog::warn("The old primary stopped at {}, received up to {}: what is missing was never acknowledged",
                   to_string(c.goal.await_lsn), to_string(seen->lsn));
      return {};
    }
    std::this_thread::sleep_for(poll_interval);
  }
  return cancelled_error();
}

/// From a standby that is fenced itself: it sends what it has and gets no more. Gives up only for a newer goal: the
/// monitor sees whether the other lives.
Result<> fetch_missing(const StepContext& c) {
  const protocol::Peer* source = find_peer(c.peers, c.goal.upstream);
  if (source == nullptr) return fail(Errc::unavailable, "the monitor has not said where the missing WAL is");
  AUTOCTL_TRY(run_as_standby(c, source));
  while (!c.cancelled()) {
    const Observed seen = c.breathe();
    if (seen.in_recovery && seen.lsn >= c.goal.await_lsn) return {};
    if (!c.postgres.running()) return fail(Errc::postgres, "the standby stopped while it fetched missing WAL");
    std::this_thread::sleep_for(poll_interval);
  }
  return cancelled_error();
}

Result<> stop_receiving(const StepContext& c) {
  if (!c.postgres.running()) return run_as_standby(c, nullptr);
  auto received = c.postgres.stop_receiving();
  if (!received) return fail(received.error());
  // A standby that has just started has not read all of its own WAL yet: an election must not count on less than it
  // has.
  while (!c.cancelled()) {
    const auto seen = c.postgres.observe(query_timeout);
    if (!seen) return fail(seen.error());
    if (!seen->in_recovery || seen->lsn_final) return {};
    std::this_thread::sleep_for(poll_interval);
  }
  return cancelled_error();
}

/// What ran as a primary is stopped, so that it comes up as a standby; what is no data directory is left alone.
Result<> leave_as_standby(const StepContext& c) {
  auto found = c.postgres.inspect();
  if (!found) return fail(found.error());
  if (!found->is_postgres || found->rewinding) return {};
  if (c.postgres.adopt()) {
    const auto seen = c.postgres.observe(query_timeout);
    if (!seen) return fail(seen.error());
    if (!seen->in_recovery) AUTOCTL_TRY(c.postgres.stop(StopMode::fast, shutdown_patience));
  }
  return c.postgres.set_upstream(find_peer(c.peers, c.goal.upstream), c.self);
}

}  // namespace

const protocol::Peer* find_peer(const std::vector<protocol::Peer>& peers, NodeId id) {
  const auto it = std::ranges::find(peers, id, &protocol::Peer::id);
  return it == peers.end() ? nullptr : &*it;
}

Result<> run_as_standby(const StepContext& c, const protocol::Peer* upstream) {
  // Started by hand with no standby.signal, it wrote into its primary's timeline: no position would ever tell. A
  // candidate may have been promoted by us and have died.
  if (!c.postgres.running() && c.goal.state != NodeState::stop_replication) {
    const auto found = c.postgres.inspect();
    if (!found) return fail(found.error());
    if (found->is_postgres && !found->rewinding && found->may_have_own_wal())
      AUTOCTL_TRY(set_marker(c.files, Marker::forked));
  }
  AUTOCTL_TRY(c.postgres.set_upstream(upstream, c.self));
  AUTOCTL_TRY(c.postgres.configure(c.peers, c.neighbours));
  if (c.postgres.running()) return {};
  return c.postgres.start(c.cancelled);
}

Result<> run_step(Step step, const StepContext& c) {
  switch (step) {
    case Step::create_database_cluster: return create_database_cluster(c);
    case Step::start_as_primary: return start_as_primary(c);
    case Step::apply_sync: return c.postgres.set_sync(c.goal.sync);
    case Step::await_quorum: return await_quorum(c);
    case Step::checkpoint_if_asked:
      return c.goal.checkpoint && c.postgres.running() ? c.postgres.checkpoint(c.cancelled) : Result<>{};
    case Step::stop_fast: return c.postgres.stop(StopMode::fast, shutdown_patience);
    case Step::await_handover: return await_handover(c);
    case Step::stop_receiving: return stop_receiving(c);
    case Step::fence_if_asked: return c.goal.fence ? stop_receiving(c) : Result<>{};
    case Step::promote: return c.postgres.promote(c.cancelled);
    case Step::fetch_missing: return fetch_missing(c);
    case Step::follow_upstream: return follow_upstream(c);
    case Step::leave_as_standby: return leave_as_standby(c);
    case Step::join_upstream: return join_upstream(c);
  }
  return fail(Errc::internal, "unknown step");
}

}  // namespace autoctl::keeper
