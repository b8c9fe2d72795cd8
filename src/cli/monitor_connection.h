// From --monitor, or from the configuration beside PGDATA, to the monitor's API.
#pragma once

#include "cli/options.h"
#include "common/config/config.h"
#include "common/monitor_client/monitor_api.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// The timeout of one request to the monitor.
inline constexpr Millis call_timeout{10'000};

/// Where the monitor is, what to trust there, and the credential to send: --token-file, else the one beside PGDATA if
/// that is of this monitor, else what a postgres:// URI hands out. Errors: bad_usage (neither option is there), those of
/// config::load and client::discover.
Result<client::MonitorEndpoint> find_monitor(const MonitorTarget& target);
/// Errors: those of find_monitor().
Result<client::MonitorApi> connect_monitor(const MonitorTarget& target);

/// The configuration of what was created in PGDATA. Errors: bad_usage (no --pgdata), not_found, bad_config.
Result<config::Config> load_config(const std::string& pgdata);

/// Errors: bad_usage when --pgdata is neither given nor in the environment.
Result<config::Files> files_of(const std::string& pgdata);

}  // namespace autoctl::cli
