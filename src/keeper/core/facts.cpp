#include "keeper/core/facts.h"

#include <algorithm>
#include <tuple>

namespace autoctl::keeper {

namespace {

constexpr std::uint64_t disk_left_min = 64 * 1024;  // bytes
/// To be well again: a few bytes do not move the primary to and fro.
constexpr std::uint64_t disk_left_again = 32 * 1024 * 1024;

void take_answer(NodeFacts& facts, const ServerView& server, const std::vector<protocol::Peer>& peers) {
  facts.postgres_running = true;
  facts.cannot_run = false;  // whatever else may fail
  facts.in_recovery = server.in_recovery;
  facts.system_id = server.system_id;
  facts.timeline = server.timeline;
  // Also of a timeline that we know: a rewind or a copy may have brought another one of the same number.
  facts.history = server.history;
  facts.lsn = server.lsn;
  facts.receiving = server.in_recovery && server.receiving;
  facts.sync_in_force = server.sync;
  facts.streaming.clear();
  for (const auto& sender : server.senders)
    if (sender.streaming && find_peer(peers, sender.standby) != nullptr) facts.streaming.push_back(sender.standby);
  std::ranges::sort(facts.streaming);
}

void take_disk(NodeFacts& facts, const DiskView& disk) {
  if (!disk.is_postgres || disk.control_missing) return;
  facts.system_id = disk.system_id;
  facts.timeline = disk.timeline;
  facts.lsn = disk.end;
  facts.history = disk.history;
}

void no_server(NodeFacts& facts) {
  facts.postgres_running = false;
  facts.in_recovery = false;
  facts.receiving = false;
  facts.streaming.clear();
  facts.sync_in_force = {};
  facts.lsn = {};
}

}  // namespace

void update(NodeFacts& facts, const Observation& seen, const std::vector<protocol::Peer>& peers, bool silent) {
  if (seen.answer) {
    take_answer(facts, *seen.answer, peers);
  } else if (!seen.running) {
    no_server(facts);
    if (seen.disk) take_disk(facts, *seen.disk);
  } else if (seen.crowded || silent) {
    // One that has no connection left serves others, and what it is shows on disk.
    facts.postgres_running = seen.crowded;
    if (seen.crowded) facts.in_recovery = seen.standby_signal;
    if (silent) facts.receiving = false;
    if (silent) facts.streaming.clear();
  }
  facts.forked = seen.forked;
  if (seen.rewinding) {  // the data are between two histories
    facts.timeline = {};
    facts.lsn = {};
    facts.history.clear();
  }
  facts.cannot_write = seen.disk_left < (facts.cannot_write ? disk_left_again : disk_left_min);
  if (seen.upstream_port) facts.upstream_port = *seen.upstream_port;
}

bool matters(const NodeFacts& now, const NodeFacts& before) {
  const auto essence = [](const NodeFacts& f) {
    return std::tie(f.state, f.term, f.postgres_running, f.in_recovery, f.cannot_run, f.cannot_write, f.forked,
                    f.system_id, f.timeline, f.sync_in_force, f.prepared_peers, f.streaming, f.upstream, f.receiving);
  };
  return essence(now) != essence(before);
}

}  // namespace autoctl::keeper
