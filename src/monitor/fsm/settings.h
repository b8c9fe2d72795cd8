// What an operator can tune per formation. Defaults are what the safety rules and the promised failover times were
// measured with; docs/settings.md explains each.
#pragma once

#include <algorithm>
#include <vector>

#include "common/fsm/password_age.h"
#include "common/fsm/types.h"

namespace autoctl::monitor {

/// Some of a formation's groups.
struct GroupSet {
  bool all = false;
  std::vector<GroupId> groups;  // ascending; empty if all

  bool contains(GroupId group) const { return all || std::ranges::binary_search(groups, group); }
  friend bool operator==(const GroupSet&, const GroupSet&) = default;
};

struct Settings {
  /// Acknowledgements that must stay available; 0 lets a primary that lost its standbys go on alone (asynchronously).
  int number_sync_standbys = 0;
  /// A keeper reports at least this often, and a report is held open no longer.
  Millis heartbeat{1000};
  /// Plain silence (no report, and no port that refuses) becomes a verdict after this long.
  Millis silence_timeout{4000};
  /// How long a primary may go on without an answer from the monitor when no standby streams from it.
  Millis lease{4000};
  /// For this long after a monitor start, no node is judged silent.
  Millis startup_grace{8000};
  /// A node whose keeper is alive but has not brought Postgres back for this long loses its role.
  Millis postgres_restart_timeout{15000};
  /// A quorum standby that is alive but streams nothing for this long leaves the quorum.
  Millis standby_stall_timeout{5000};
  /// A primary whose commits wait for standbys that cannot reach it is deposed after this long, if they can elect. From
  /// when on a standby that is alive counts as one that does not stream, as above.
  Millis primary_cut_timeout{1000};
  /// A switchover that has not stopped the old primary after this long is called off or becomes a failover.
  Millis drain_timeout{30000};
  /// Citus: sessions that block a planned move of a worker's statements are ended after this long.
  Millis citus_switchover_cooldown{5000};
  /// The same after the loss of a worker's primary.
  Millis citus_failover_cooldown{500};
  /// What an automatic failover may lose where commits wait for no standby: what was acknowledged in so much time before
  /// the old primary's end; 0 = nothing, so that none begins. And so much of the WAL that the old primary had reported.
  Millis failover_max_lost_time{0};
  std::uint64_t failover_max_lost_bytes = 1024 * 1024;
  /// Wait for the old primary's lease before promoting, so that not even a stale read is possible.
  bool promotion_waits_for_lease = false;
  /// A primary whose Postgres was started again lets no client in before its quorum has what was there.
  bool restart_holds_clients = false;
  /// A group may have more than one node.
  bool secondaries = true;
  /// Nothing begins by itself: an operator works on the formation.
  bool paused = false;
  /// Who operates it says why, each time.
  bool require_reason = false;
  /// Groups in which no failover begins by itself: an operator asks for it.
  GroupSet manual_failover;
  /// A standby becomes secondary when it is at most this far behind.
  std::uint64_t catchup_lag_bytes = 16 * 1024 * 1024;

  /// Each node makes a new replication password when its present one is so old; 0: never by itself.
  Millis password_max_age = password_max_age_default;
  /// Each node makes one whenever this has grown.
  std::uint64_t password_round = 0;

  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace autoctl::monitor
