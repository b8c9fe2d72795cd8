// How clients know the monitor: certificate, address, operator's credential.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/util/result.h"
#include "monitor/store/postgres_store.h"

namespace autoctl::monitor {

/// Files of the API's TLS: those of Postgres if an operator gave them, else self-signed ones.
std::string api_certificate_file(const config::Config& config, const config::Files& files);
std::string api_key_file(const config::Config& config, const config::Files& files);

/// Where the API listens: the address of Postgres if that is a single one, else all addresses.
std::string api_listen_address(const config::Config& config);

/// Makes what is missing: certificate and key, operator's credential. Errors: system, bad_usage (host name).
Result<> ensure_identity(const config::Config& config, const config::Files& files);

/// Errors: not_found, system.
Result<std::string> operator_token(const config::Files& files);

/// What autoctl.api_endpoint() is to tell.
Result<ApiEndpoint> api_endpoint(const config::Config& config, const config::Files& files);

}  // namespace autoctl::monitor
