// Which of this machine's addresses leads to another machine. Only the routing table is asked: no packet is sent.
#pragma once

#include <optional>
#include <string>

#include "common/util/resolve.h"

namespace autoctl {

/// The address from which a connection to `there` (with a port) comes now. nullopt: there is no route.
std::optional<SocketAddress> source_address_to(const SocketAddress& there);

/// Every address of the host is one of this machine's. Blocks as resolve() does; false for a name without any.
bool is_this_machine(const std::string& host);

}  // namespace autoctl
