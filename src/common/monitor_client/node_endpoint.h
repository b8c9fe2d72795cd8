// How a node that was registered reaches its monitor: by what is in its own files.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/monitor_client/monitor_api.h"

namespace autoctl::client {

/// The first line of a credential's file. Errors: not_found, system.
Result<std::string> read_token(const std::string& path);
/// The credential beside PGDATA; "" where none was ever made. One that may not be read must not pass for that. Errors:
/// system.
Result<std::string> own_token(const config::Files& files);
/// Of a registered node. Errors: system.
Result<MonitorEndpoint> node_endpoint(const config::Config& config, const config::Files& files);

}  // namespace autoctl::client
