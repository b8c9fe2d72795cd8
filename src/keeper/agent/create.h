// `autoctl create postgres`: from checked options to a registered node with a configuration on disk.
#pragma once

#include "common/config/config.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {

/// Checks the machine and the data directory, registers with the monitor (`config.monitor`), writes the node's own
/// files, and, if the node opens its group, creates the database cluster. Fills in what the monitor decided (node,
/// group, name). On any error whatever this call made is gone again, at the monitor too, and existing data is
/// untouched. Errors: conflict (foreign data, name, port, system identifier), unavailable (monitor), denied,
/// incompatible, system.
Result<config::Config> create_node(config::Config config);

/// What a node of this configuration and these data registers with.
protocol::RegisterRequest request_for(const config::Config& config, const DataDirectory& found);

/// `autoctl drop node` on the node itself: forgets the registration, removes our files; `destroy` removes PGDATA too.
Result<> drop_node(const config::Files& files, bool destroy);

}  // namespace autoctl::keeper
