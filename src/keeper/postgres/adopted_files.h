// Where the configuration of a cluster is that somebody made before autoctl came. Found once, when the node is created.
#pragma once

#include "common/config/config.h"
#include "common/util/result.h"
#include "keeper/postgres/instance.h"
#include "keeper/postgres/layout.h"

namespace autoctl::keeper {

/// Those that are not in PGDATA: as the running server says, else as `config_file` (may be empty), its last start or
/// Debian's /etc/postgresql tells. Errors: not_found (nothing tells), denied (this user cannot write there).
Result<GivenFiles> find_configuration(const config::Config& config, const DataDirectory& found,
                                      const std::string& config_file);

}  // namespace autoctl::keeper
