// The name or address under which the other machines know this one, found without a network request.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/util/resolve.h"
#include "common/util/result.h"

namespace autoctl::cli {

/// This machine's own name if it resolves to one of its non-loopback addresses; else the source address of the local
/// route to `peer_host` (no packet is sent); else, where the peer is on this machine, 127.0.0.1. An empty peer: any
/// routable address of this machine, else 127.0.0.1. Errors: bad_usage (say --hostname).
Result<std::string> default_hostname(const std::string& peer_host);

/// What this machine takes a --hostname for. Errors: conflict (it does not resolve).
Result<std::vector<SocketAddress>> resolve_hostname(const std::string& hostname);

/// The network of one of this machine's addresses, "192.168.1.0/24"; nullopt: no interface has it.
std::optional<std::string> network_of(const std::string& address);

}  // namespace autoctl::cli
