#pragma once

namespace autoctl::keeper {

/// The role that standbys stream with and pg_rewind reads with, the same in every formation.
inline constexpr const char* replicator = "pgautofailover_replicator";

}  // namespace autoctl::keeper
