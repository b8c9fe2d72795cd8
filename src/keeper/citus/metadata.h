// pg_dist_node and the Citus functions that change it, on a session of the coordinator's own Postgres. What is called
// here exists from Citus 10 to 14.
#pragma once

#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/pg/connection.h"
#include "keeper/citus/planner.h"

namespace autoctl::keeper::citus {

/// Of our sessions, so that a keeper finds those that a former one left.
inline constexpr const char* router_name = "autoctl_router";
inline constexpr const char* auditor_name = "autoctl_auditor";
std::string hold_name(GroupId group);
/// A coordinator that read from secondaries while it was a standby must change the primaries' rows now. And a node that is
/// gone is not waited for as long as an application may want to.
inline constexpr const char* session_options =
    "-c citus.use_secondary_nodes=never -c citus.node_connection_timeout=2000";

/// Ends the other sessions of ours that change the table: one that was given up may still wait for a worker, and keep
/// its locks. A statement is cancelled first, so that Citus can take back what it prepared on the workers.
Result<> end_former_router(pg::Connection& sql);
/// Finishes what this coordinator prepared on `worker`, a node that is not in the table: Citus' own recovery asks only
/// nodes that are. Such a transaction is left when the coordinator or its session died while it added the node, and its
/// locks keep the node from being added for ever. Returns how many there were.
Result<int> finish_prepared(pg::Connection& coordinator, pg::Connection& worker);
/// Ends sessions that hold statements for a keeper that is gone. True if there were any.
Result<bool> end_former_holds(pg::Connection& sql);

/// `shards`: look whether they hold any, too; costs a look at all placements.
Result<std::vector<Row>> read_rows(pg::Connection& sql, bool shards);

Result<> do_step(pg::Connection& sql, const TableStep& step);

/// The statements of a move, for a transaction that the caller begins and ends.
Result<> move_row(pg::Connection& sql, const TableStep& step);

/// "3 1 10.0.0.7 5432 primary active default": what has to be the same on each node that has a copy.
std::vector<std::string> comparable(const std::vector<Row>& rows);

}  // namespace autoctl::keeper::citus
