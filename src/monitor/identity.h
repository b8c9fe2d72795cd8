// How clients know the monitor: certificate, address, operator's credential.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/util/result.h"
#include "monitor/store/postgres_store.h"

namespace autoctl::monitor {

/// Makes what is missing: certificate and key, operator's credential. Errors: system, bad_usage (host name).
Result<> ensure_identity(const config::Config& config, const config::Files& files);

/// Errors: not_found, system.
Result<std::string> operator_token(const config::Files& files);

/// What autoctl.api_endpoint() is to tell.
Result<ApiEndpoint> api_endpoint(const config::Config& config, const config::Files& files);

}  // namespace autoctl::monitor
