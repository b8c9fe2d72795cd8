// What the keeper sees of its Postgres, as facts for the monitor.
#include <spdlog/spdlog.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <limits>

#include "keeper/agent/worker.h"
#include "keeper/postgres/markers.h"

namespace autoctl::keeper {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis observe_timeout{1000};
/// A Postgres that has not answered a query for this long is not running as far as anybody else is concerned.
constexpr Millis silence_limit{3000};
constexpr Millis probe_timeout{300};
constexpr std::uint64_t disk_left_min = 64 * 1024;  // bytes
constexpr std::uint64_t disk_left_again = 32 * 1024 * 1024;

/// What the monitor should hear about at once. Positions move all the time and go with the heartbeat.
bool matters(const NodeFacts& now, const NodeFacts& before) {
  const auto essence = [](NodeFacts facts) {
    facts.lsn = Lsn{};
    facts.history.clear();
    facts.progress_percent = -1;
    facts.upstream_port = PortState::unknown;
    facts.trouble.clear();
    return protocol::encode(facts);
  };
  return essence(now) != essence(before);
}

NodeId id_of(const std::string& application_name, const std::vector<protocol::Peer>& peers) {
  for (const auto& peer : peers)
    if (application_name == standby_name(peer.id)) return peer.id;
  return {};
}

}  // namespace

Observed Worker::look() {
  if (postgres_.servers_seen() != server_) {  // its data may be another's: rewound, or a copy
    server_ = postgres_.servers_seen();
    house_is_kept_ = disk_was_read_ = false;
    facts_.prepared_peers.clear();
  }
  facts_.state = saved_.state;
  facts_.term = saved_.term;
  facts_.upstream = saved_.goal.upstream;
  Observed seen;
  if (postgres_.running()) {
    disk_was_read_ = false;
    if (auto answer = postgres_.observe(observe_timeout)) {
      last_answer_ = Clock::now();
      seen = *answer;
      fill_from(seen);
    } else if (Clock::now() - last_answer_ > silence_limit) {
      facts_.postgres_running = false;
      facts_.receiving = false;
      facts_.streaming.clear();
    }
  } else if (!disk_was_read_ || !facts_.system_id) {
    fill_from_disk();
  }
  facts_.forked = is_marked(files_, Marker::forked);
  if (is_marked(files_, Marker::rewinding)) {  // what is there is nobody's history
    facts_.timeline = {};
    facts_.lsn = {};
    facts_.history.clear();
  }
  look_at_disk();
  if (board_.take_upstream_question()) ask_upstream();
  return seen;
}

void Worker::fill_from(const Observed& seen) {
  facts_.postgres_running = true;
  facts_.cannot_run = false;  // whatever else may fail
  facts_.in_recovery = seen.in_recovery;
  facts_.system_id = seen.system_id;
  // Also of a timeline that we know: a rewind or a copy may have brought another one of the same number.
  facts_.history = read_history(files_.pgdata, seen.timeline);
  facts_.timeline = seen.timeline;
  facts_.lsn = seen.lsn;
  facts_.receiving = seen.in_recovery && seen.receiving;
  facts_.sync_in_force = parse_sync_names(seen.sync_names).value_or(SyncQuorum{});
  facts_.streaming.clear();
  for (const auto& sender : seen.walsenders)
    if (const NodeId id = id_of(sender.application_name, saved_.peers); id && sender.streaming)
      facts_.streaming.push_back(id);
  std::ranges::sort(facts_.streaming);
}

void Worker::fill_from_disk() {
  disk_was_read_ = true;
  facts_.postgres_running = false;
  facts_.in_recovery = false;
  facts_.receiving = false;
  facts_.streaming.clear();
  facts_.sync_in_force = {};
  facts_.prepared_peers.clear();
  facts_.lsn = Lsn{};
  const auto found = postgres_.inspect();
  if (!found || !found->is_postgres || found->control_missing) return;
  facts_.system_id = found->system_id;
  facts_.timeline = found->timeline;
  if (found->clean_shutdown) facts_.lsn = found->lsn;  // after a crash there may be more than pg_control tells
  facts_.history = found->history;
}

/// Of PGDATA and, where it is elsewhere, of the WAL.
void Worker::look_at_disk() {
  std::uint64_t left = std::numeric_limits<std::uint64_t>::max();
  for (const char* part : {"", "/pg_wal"}) {
    struct statvfs disk {};
    if (::statvfs((files_.pgdata + part).c_str(), &disk) == 0)
      left = std::min<std::uint64_t>(left, std::uint64_t{disk.f_bavail} * disk.f_frsize);
  }
  // One threshold to be full and a higher one to be well again, so that a few bytes do not move the primary to and fro.
  const bool full = left < (facts_.cannot_write ? disk_left_again : disk_left_min);
  if (full && !facts_.cannot_write) spdlog::error("The disk of {} is full", files_.pgdata);
  facts_.cannot_write = full;
  if (full) facts_.trouble = "the disk of " + files_.pgdata + " is full";
}

void Worker::ask_upstream() {
  const protocol::Peer* upstream = find_peer(saved_.peers, saved_.goal.upstream);
  facts_.upstream_port =
      upstream == nullptr ? PortState::unknown : probe_postgres(upstream->host, upstream->port, probe_timeout);
}

void Worker::publish() {
  const bool urgent = matters(facts_, published_);
  published_ = facts_;
  board_.publish(facts_, urgent);
  board_.tell(postgres_.take_news());
}

}  // namespace autoctl::keeper
