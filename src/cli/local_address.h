// The name or address under which this machine is known to the others, found without asking anybody outside.
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::cli {

/// This machine's own name if it resolves to one of its non-loopback addresses; else the source address of the local
/// route to `peer_host` (no packet is sent); else, where the peer is on this machine, 127.0.0.1. An empty peer: any
/// routable address of ours, else 127.0.0.1. Errors: bad_usage (say --hostname).
Result<std::string> default_hostname(const std::string& peer_host);

}  // namespace autoctl::cli
