// From --monitor, or from the configuration beside PGDATA, to the monitor's API.
#pragma once

#include <functional>
#include <string>

#include "cli/options.h"
#include "common/config/config.h"
#include "common/monitor_client/monitor_api.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// The timeout of one request to the monitor.
inline constexpr Millis call_timeout{10'000};

/// How long a command tries again where no monitor answers: it may be about to start, or to be started again.
inline constexpr Millis monitor_patience{10'000};

/// Calls `ask` until it succeeds, fails in a way that time does not mend (an answer, a certificate that is not trusted),
/// or `patience` is over; returns the last outcome. `ask` gets the time that it may take. Says once, on stderr, that it
/// tries again, and why.
Result<> try_again(const std::string& monitor, Millis patience, const std::function<Result<>(Millis timeout)>& ask);

/// A monitor that a node is to be registered with answers there: try_again() with monitor_patience. `fingerprint`: of the
/// join token, or empty. Errors: those of client::discover.
Result<> await_monitor(const std::string& monitor, const std::string& ca_file, const std::string& fingerprint);

/// Where the monitor is, what to trust there, and the credential to send: --token-file, else the one beside PGDATA if
/// that is of this monitor, else what a postgres:// URI hands out. Errors: bad_usage (neither option is there), those of
/// config::load and client::discover.
Result<client::MonitorEndpoint> find_monitor(const MonitorTarget& target);
/// It has answered by now, unless `patience` is 0: then nobody is asked yet. Errors: those of find_monitor(), unavailable,
/// timeout.
Result<client::MonitorApi> connect_monitor(const MonitorTarget& target, Millis patience = monitor_patience);

/// The configuration of what was created in PGDATA. Errors: bad_usage (no --pgdata), not_found, bad_config.
Result<config::Config> load_config(const std::string& pgdata);

/// Errors: bad_usage when --pgdata is neither given nor in the environment.
Result<config::Files> files_of(const std::string& pgdata);

}  // namespace autoctl::cli
