#pragma once

#include <string>

#include "common/config/config.h"
#include "common/config/files.h"
#include "common/protocol/membership.h"

namespace autoctl::keeper {

/// The role that standbys stream with and pg_rewind reads with, the same in every formation.
inline constexpr const char* replicator = "pgautofailover_replicator";

/// How it reaches another node; no secret in it, and no database.
std::string conninfo_of_replicator(const config::Config& config, const config::Files& files,
                                   const protocol::Peer& upstream);

}  // namespace autoctl::keeper
