// Connection strings. Pure.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/protocol/protocol.h"

namespace autoctl::cli {

/// Where applications connect: every node of the formation's group 0, read-write only. Empty while it has no node.
std::string formation_uri(const protocol::StateDocument& state, const std::string& formation);
/// What nodes give as --monitor.
std::string monitor_uri(const config::Config& monitor);

}  // namespace autoctl::cli
