#include "keeper/agent/join.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string_view>
#include <thread>

#include "keeper/postgres/markers.h"

namespace autoctl::keeper {

namespace {

constexpr Millis poll_interval{20};
constexpr Millis shutdown_patience{10'000};
/// A standby that can reach its upstream but has made no progress for this long is looked into: rewinding finds out for
/// certain.
constexpr Millis stall_patience{10'000};
constexpr Millis probe_timeout{500};
constexpr Millis query_timeout{2000};

enum class Outcome { streams, diverged, wal_gone };

/// What the startup process, the WAL receiver or the upstream's WAL sender says of two histories. Where a receiver
/// knows how to wait for an upstream that is behind, it does so for wal_receiver_timeout.
constexpr std::array<std::string_view, 6> diverged_words = {"forked off current database system timeline",
                                                            "is not a child of this server's history",
                                                            "is not in this server's history",
                                                            "is behind recovery timeline",
                                                            "is ahead of the WAL flush position",
                                                            "timeout while waiting for upstream to catch up"};

/// What a standby's log says about why it cannot stream; only what was written after `offset`.
class StandbyLog {
 public:
  explicit StandbyLog(std::string path) : path_(std::move(path)) {
    std::ifstream in(path_, std::ios::ate);
    if (in) offset_ = in.tellg();
  }
  std::optional<Outcome> verdict() {
    std::ifstream in(path_);
    in.seekg(offset_);
    std::ostringstream text;
    text << in.rdbuf();
    const std::string log = text.str();
    if (log.find("has already been removed") != std::string::npos) return Outcome::wal_gone;
    const auto is_told = [&](std::string_view words) { return log.find(words) != std::string::npos; };
    if (std::ranges::any_of(diverged_words, is_told)) return Outcome::diverged;
    return std::nullopt;
  }

 private:
  std::string path_;
  std::streamoff offset_ = 0;
};

bool answers(const protocol::Peer& upstream) {
  return probe_postgres(upstream.host, upstream.port, probe_timeout) == PortState::open;
}

/// While it waits for its upstream. What was written meanwhile only this node has.
Result<Outcome> end_foreign_promotion(const StepContext& c, Timeline timeline) {
  spdlog::warn("Postgres was promoted by somebody else on timeline {} while it was to follow another node: it stops",
               timeline.value);
  AUTOCTL_TRY(set_marker(c.files, Marker::forked));
  AUTOCTL_TRY(c.postgres.stop(StopMode::fast, shutdown_patience));
  return Outcome::diverged;
}

Result<Outcome> follow(const StepContext& c, const protocol::Peer& upstream) {
  StandbyLog log(c.files.startup_log());
  if (const auto started = run_as_standby(c, &upstream); !started) {
    // A start that gets nowhere lacks WAL that it cannot stream.
    if (started.error().code == Errc::timeout && answers(upstream)) return log.verdict().value_or(Outcome::diverged);
    return fail(started.error());
  }
  Lsn last;
  auto moved = std::chrono::steady_clock::now();
  while (!c.cancelled()) {
    const Observed seen = c.breathe();
    if (seen.receiving) return Outcome::streams;
    const bool answered = static_cast<bool>(seen.system_id);
    if (answered && !seen.in_recovery) return end_foreign_promotion(c, seen.timeline);
    if (!c.postgres.running()) return fail(Errc::postgres, "the standby stopped while it was starting to stream");
    if (const auto verdict = log.verdict()) return *verdict;
    const auto now = std::chrono::steady_clock::now();
    if (const Lsn at = std::max(seen.lsn, seen.replayed); at > last) {
      last = at;
      moved = now;
    } else if (now - moved > stall_patience) {
      moved = now;
      if (answers(upstream)) return Outcome::diverged;
    }
    std::this_thread::sleep_for(poll_interval);
  }
  return fail(Errc::unavailable, "a newer goal came");
}

Result<> copy(const StepContext& c, const protocol::Peer& upstream, const std::string& why) {
  spdlog::info("Copying {} from {} ({}:{}): {}", c.files.pgdata, upstream.name, upstream.host, upstream.port, why);
  AUTOCTL_TRY(c.postgres.stop(StopMode::fast, shutdown_patience));
  AUTOCTL_TRY(c.postgres.clone(upstream, c.self, c.cancelled, c.progress));
  auto outcome = follow(c, upstream);
  if (!outcome) return fail(outcome.error());
  if (*outcome != Outcome::streams)
    return fail(Errc::postgres, "a fresh copy does not stream", "see " + c.files.startup_log());
  return {};
}

Result<> rewind_and_follow(const StepContext& c, const protocol::Peer& upstream) {
  AUTOCTL_TRY(c.postgres.stop(StopMode::fast, shutdown_patience));
  spdlog::info("Rewinding to follow {} ({}:{})", upstream.name, upstream.host, upstream.port);
  const Result<> rewound = c.postgres.rewind(upstream, c.cancelled, c.progress);
  if (!rewound) {
    if (rewound.error().code != Errc::conflict) return fail(rewound.error());
    return copy(c, upstream, rewound.error().message);
  }
  auto outcome = follow(c, upstream);
  if (!outcome) return fail(outcome.error());
  if (*outcome == Outcome::streams) return {};
  return copy(c, upstream,
              *outcome == Outcome::wal_gone ? "the primary no longer has the WAL it needs"
                                            : "it does not stream after a rewind");
}

}  // namespace

Result<> follow_upstream(const StepContext& c) {
  const protocol::Peer* upstream = find_peer(c.peers, c.goal.upstream);
  if (upstream == nullptr) return fail(Errc::unavailable, "the monitor has not said where the upstream is");
  auto outcome = follow(c, *upstream);
  if (!outcome) return fail(outcome.error());
  if (*outcome == Outcome::streams) return {};
  return fail(Errc::unavailable, "this standby cannot stream from " + upstream->name + " as it is",
              "the monitor will let it join again");
}

Result<> join_upstream(const StepContext& c) {
  const protocol::Peer* upstream = find_peer(c.peers, c.goal.upstream);
  if (upstream == nullptr) return fail(Errc::unavailable, "the monitor has not said where the upstream is");

  auto found = c.postgres.inspect();
  if (!found) return fail(found.error());
  if (!found->exists) return copy(c, *upstream, "the data directory is empty");
  if (found->control_missing) return copy(c, *upstream, "pg_control is missing");
  if (!found->is_postgres)
    return fail(Errc::conflict, c.files.pgdata + " holds something else than a Postgres data directory");

  bool was_primary = found->may_have_own_wal();
  if (c.postgres.running()) {
    const auto seen = c.postgres.observe(query_timeout);  // no answer proves nothing: it may be starting
    was_primary = was_primary || (seen && !seen->in_recovery);
  }
  if (was_primary) return rewind_and_follow(c, *upstream);

  auto outcome = follow(c, *upstream);
  if (!outcome) return fail(outcome.error());
  switch (*outcome) {
    case Outcome::streams: return {};
    case Outcome::diverged: return rewind_and_follow(c, *upstream);
    case Outcome::wal_gone: return copy(c, *upstream, "the primary no longer has the WAL it needs");
  }
  return fail(Errc::internal, "unknown outcome");
}

}  // namespace autoctl::keeper
