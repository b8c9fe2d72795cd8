// How a node reaches its monitor: when it joins, and afterwards by what is in its own files.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/monitor_client/join_token.h"
#include "common/monitor_client/monitor_api.h"

namespace autoctl::client {

/// The first line of a credential's file. Errors: not_found, system.
Result<std::string> read_token(const std::string& path);
/// The credential beside PGDATA; "" where none was ever made. One that may not be read must not pass for that. Errors:
/// system.
Result<std::string> own_token(const config::Files& files);
/// Of a node that is about to register: `address` and `ca_file` as given, and the credential: the join token, else the one
/// in `token_file`, else what a postgres:// monitor hands out. Waits up to 10 s. Errors: those of discover(), not_found,
/// system.
Result<MonitorEndpoint> endpoint_to_join(const std::string& address, const std::string& ca_file,
                                         const std::string& token_file, const JoinToken& join);
/// Of a registered node; what it shows, too, if it has a certificate of the monitor's authority. Errors: not_found,
/// system.
Result<MonitorEndpoint> node_endpoint(const config::Config& config, const config::Files& files);

}  // namespace autoctl::client
