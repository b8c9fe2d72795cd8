#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/protocol/membership.h"

namespace autoctl::keeper {

/// The role whose rights the nodes' own roles have. Nodes that have none log in as this one: those of an earlier version,
/// and those with --auth cert, where it is the name in their certificates.
inline constexpr const char* replicator = "pgautofailover_replicator";

/// The role that streams, copies, rewinds and asks, of node `client` here or of this node, `client`, at another one: its
/// own, named like its application name, where both sides have such roles.
std::string replication_role(const config::Config& here, NodeId client, const protocol::Peer& other);

/// Does Postgres take who calls itself that for a standby of autoctl's? It does not look at upper and lower case.
bool claims_to_be_standby(std::string_view application_name);
/// The node whose WAL sender it is here; nullopt for one of another role's, whatever it calls itself.
std::optional<NodeId> rightful_standby(const config::Config& here, const std::vector<protocol::Peer>& peers,
                                       const std::string& application_name, const std::string& role);

/// How this node reaches another one; no secret in it, and no database.
std::string conninfo_of_replicator(const config::Config& config, const config::Files& files,
                                   const protocol::Peer& upstream);

}  // namespace autoctl::keeper
