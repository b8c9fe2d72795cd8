// `autoctl create monitor`, and `autoctl run` on a monitor.
#pragma once

#include "common/config/config.h"
#include "common/util/result.h"

namespace autoctl::monitor {

/// Checks the machine and the directory, creates the monitor's own Postgres (role autoctl_node, database
/// pg_auto_failover, schema autoctl), its certificate and the operator's credential, and writes autoctl.toml. Leaves
/// nothing running. Fills in what was left open (pg_ctl, api_port, certificate files). On any error, this call removes
/// what it made. Errors: conflict (not empty, port in use), bad_config, incompatible (Postgres' major), not_found
/// (no Postgres), system (root, disk full).
Result<config::Config> create_monitor(config::Config config);

/// `autoctl drop monitor`: stops what runs and removes autoctl's files; `destroy` removes PGDATA too.
Result<> drop_monitor(const config::Files& files, bool destroy);

/// Runs the monitor until SIGTERM or SIGINT (its Postgres is stopped, too) and returns the process' exit code. Logs to
/// stderr.
int run_monitor(const config::Files& files);

}  // namespace autoctl::monitor
