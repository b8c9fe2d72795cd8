// Connection strings. Pure.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/protocol/protocol.h"

namespace autoctl::cli {

/// What an application wants to do: libpq chooses among the nodes by it.
enum class SessionAttrs {
  read_write,  // the primary
  read_only,   // a standby, or the primary while there is none
};

/// Where applications connect: every node of the formation's group 0, in a Citus formation the coordinators. Empty
/// while it has no node.
std::string formation_uri(const protocol::StateDocument& state, const std::string& formation, SessionAttrs access);
/// What nodes give as --monitor.
std::string monitor_uri(const config::Config& monitor);

}  // namespace autoctl::cli
