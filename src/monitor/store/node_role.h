// The role autoctl_node: every node has its credential, so it must never be in the monitor's way (docs/security.md).
#pragma once

#include <chrono>

#include "common/pg/connection.h"
#include "common/util/result.h"

namespace autoctl::monitor {

/// A joining node asks one question, and the next one waits for it: there is one session at a time.
inline constexpr std::chrono::seconds node_session_max{30};

/// From now until tend_node_role() it cannot connect, and its sessions, with the locks that they hold, are ended. A
/// session that does not end in time is left: then what waits for it fails, and is tried again.
Result<> shut_out_node_role(pg::Connection& connection);

/// Ends sessions that are older than `oldest` or have begun to write, puts back what the role has changed of itself
/// (and logs that), and lets it connect. Needs the schema of this binary.
Result<> tend_node_role(pg::Connection& connection, std::chrono::milliseconds oldest = node_session_max);

}  // namespace autoctl::monitor
