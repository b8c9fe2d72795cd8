// What a Citus node's configuration has beyond any other's.
#pragma once

#include "keeper/postgres/computed_settings.h"

namespace autoctl::keeper {

/// Adds to the result of computed_settings(). `standby`: nodes of a read-replica cluster read from secondaries only
/// while they are standbys; a primary that reads from secondaries could not write.
void add_citus_settings(ServerSettings& ours, const config::Config& config, const UserSettings& user, bool standby);

/// "citus" first, as the extension requires, then the user's other libraries.
std::string with_citus_first(const std::string& libraries);

}  // namespace autoctl::keeper
