// Host names and addresses that lead every machine to itself, by their spelling alone.
#pragma once

#include <string>

namespace autoctl {

/// 127.0.0.1, 127.1, ::1, localhost and the like.
bool is_loopback_host(const std::string& host);

/// 0.0.0.0 and ::, which are for listening: no machine has them.
bool is_wildcard_host(const std::string& host);

}  // namespace autoctl
