// `autoctl run` on a node.
#pragma once

#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// Runs the keeper until SIGTERM or SIGINT (Postgres is stopped, too) and returns the process' exit code. Logs to
/// stderr.
int run_keeper(const config::Files& files);

}  // namespace autoctl::keeper
