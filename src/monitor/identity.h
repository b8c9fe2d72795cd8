// How clients know the monitor: certificate, address, operator's credential.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/config/config.h"
#include "common/util/result.h"
#include "monitor/store/postgres_store.h"

namespace autoctl::monitor {

/// Makes what is missing: certificate and key, operator's credential. Errors: system, bad_usage (host name).
Result<> ensure_identity(const config::Config& config, const config::Files& files);

/// Errors: not_found, system.
Result<std::string> operator_token(const config::Files& files);

/// What autoctl.api_endpoint() hands out at `now`: with it one registers nodes and looks. It is derived from the
/// operator's credential, tells nothing of it, and is another one every 10 minutes, so that old WAL and backups of the
/// monitor's database hold none that is good for anything.
std::string entry_credential(const std::string& operator_token, std::chrono::system_clock::time_point now);
/// Was it handed out at `now`, or within 10 minutes of it?
bool is_entry_credential(const std::string& operator_token, std::string_view text,
                         std::chrono::system_clock::time_point now);

/// What autoctl.api_endpoint() is to tell.
Result<ApiEndpoint> api_endpoint(const config::Config& config, const config::Files& files);

}  // namespace autoctl::monitor
