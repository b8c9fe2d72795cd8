// What a Citus node's configuration has beyond any other's.
#pragma once

#include "keeper/postgres/include_file.h"

namespace autoctl::keeper {

/// Adds to what computed_settings() made. `standby`: a read-replica cluster's nodes read from secondaries only while
/// they are standbys; a primary that did could not write.
void add_citus_settings(Settings& ours, const config::Config& config, const UserSettings& user, bool standby);

/// "citus" first, as it demands, then what the user loads besides.
std::string with_citus_first(const std::string& libraries);

}  // namespace autoctl::keeper
