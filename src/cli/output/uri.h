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
/// while it has no node. `authority_file`, on the machine where it is to be used: whose certificates are believed, where
/// they are checked at all; empty: none is named.
std::string formation_uri(const protocol::StateDocument& state, const std::string& formation, SessionAttrs access,
                          const std::string& authority_file = {});
/// What nodes give as --monitor. Where the monitor's authority has issued its certificate, it names the file of that
/// authority on the monitor's machine: on another one it has to be copied, or https:// and a join token be used.
std::string monitor_uri(const config::Config& monitor);

}  // namespace autoctl::cli
