// Another way of encryption for a monitor or a node that runs: what must be so before, the change itself, and back where
// Postgres does not take it.
#pragma once

#include <vector>

#include "cli/ssl_step.h"
#include "common/config/config.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// The other nodes of its formation. Asks each of their ports, 1 s for each. `state`: the monitor's.
std::vector<SslNeighbour> ssl_neighbours(const config::Config& node, const protocol::StateDocument& state);

/// The files of `to` can be used, and whoever checks certificates in the formation of `from` will believe this one.
/// Errors: bad_usage (a file), conflict (who would not believe it, and what to do).
Result<> check_shown(const config::Config& from, const config::Config& to, const std::vector<SslNeighbour>& others);

/// Every node that serves TLS lets this one in as `to` asks for it. `state`: the monitor's. Errors: conflict.
Result<> check_logins(const config::Config& to, const protocol::StateDocument& state);

/// Writes `to`, makes the daemon take it in, where it runs, and waits until Postgres shows what it is to show. Otherwise
/// `from` is in force again. True: a daemon runs. Errors: those of a reload; conflict (Postgres does not follow).
Result<bool> put_ssl_in_force(const config::Config& from, const config::Config& to);

}  // namespace autoctl::cli
