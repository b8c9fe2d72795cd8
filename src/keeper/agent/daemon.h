// `autoctl run` on a node.
#pragma once

#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// Runs the keeper until SIGTERM (a primary hands over first, if it can), SIGINT or SIGQUIT (immediately); then stops
/// Postgres, too. Returns the exit code of the process. Logs to stderr.
int run_keeper(const config::Files& files);

}  // namespace autoctl::keeper
