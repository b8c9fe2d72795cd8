// The keeper's own small HTTPS port: health for load balancers, status for people.
#pragma once

#include <memory>

#include "common/config/config.h"
#include "common/http/server.h"
#include "keeper/agent/board.h"

namespace autoctl::keeper {

/// GET /healthz (200 while the keeper lives), /primary and /replica (200 if Postgres is that now, else 503), /v1/status
/// (the last report and the assignment). Where clients need a credential, only the node's own opens /v1/status, and
/// without it the others say yes or no and nothing else. Starts listening where Postgres does, with the certificate
/// that was given; the server must not outlive `board`. Errors: as http::Server::start(); system (the credential).
Result<std::unique_ptr<http::Server>> open_status_port(const config::Config& config, const config::Files& files,
                                                       const Board& board);

}  // namespace autoctl::keeper
