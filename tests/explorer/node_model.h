// What can happen on the nodes: the keeper's next piece of work (the shipped core), replication, clients, and what goes
// wrong. Each function changes the world and returns true, or returns false and
// changes nothing.
#pragma once

#include "world.h"

namespace autoctl::explorer {

/// A keeper or a Postgres did what must never be done; the explorer stops there.
struct Violation {
  std::string what;  // empty = none
  explicit operator bool() const { return !what.empty(); }
};

/// One atomic piece of the keeper's work (keeper_model.h). False when it waits or has nothing to do. Unless it
/// `hears_the_monitor` it has no lease.
bool keeper_works(World& world, int node, Violation& violation, bool hears_the_monitor = true);
/// The keeper gets the goal that the monitor holds for it, and saves it.
bool keeper_hears(World& world, int node, Violation& violation);
/// What a report would say.
SimFacts facts_now(const World& world, int node);
/// The monitor gets what is true on the node now.
bool keeper_reports(World& world, int node);
/// The same in two moments: what was true when the report left may be so no longer when it arrives.
bool keeper_sends_report(World& world, int node);
bool report_arrives(World& world, int node);
/// The keeper stops a primary that another node could replace and that no standby streams from
/// (docs/safety-rules.md, rule 3). Whether its lease has run out is left open.
bool keeper_fences_itself(World& world, int node);

bool wal_arrives(World& world, int standby);
bool client_commits(World& world, int node);
bool client_is_acknowledged(World& world, std::uint8_t token);

/// The primary no longer has the WAL that a standby, which does not stream, would need next.
bool wal_is_recycled(World& world, int standby);
/// In maintenance, with pg_ctl.
bool operator_starts_or_stops(World& world, int node);
bool server_crashes(World& world, int node);

}  // namespace autoctl::explorer
