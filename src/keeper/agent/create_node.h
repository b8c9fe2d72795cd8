// `autoctl create postgres`: from checked options to a registered node with a configuration on disk.
#pragma once

#include "common/config/config.h"
#include "common/monitor_client/join_token.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"
#include "keeper/postgres/instance.h"

namespace autoctl::keeper {

/// Checks the machine and the data directory, registers with the monitor (`config.monitor`), writes the node's own
/// files, and, if the node opens its group, creates the database cluster. Fills in what the monitor decided (node,
/// group, name). On any error everything that this call made is removed again, at the monitor too, and existing data is
/// untouched. Errors: conflict (foreign data, name, port, system identifier), unavailable (monitor), denied,
/// incompatible, system. `config_file`: where the user says that an existing cluster's postgresql.conf is; may be empty.
/// `join`: the join token, if there is one. No credential but the node's own gets into its files.
Result<config::Config> create_node(config::Config config, const std::string& config_file,
                                   const client::JoinToken& join = {});

/// What a node of this configuration and these data registers with.
protocol::RegisterRequest request_for(const config::Config& config, const DataDirectory& found);

struct DropOptions {
  bool destroy = false;  // also remove PGDATA, with all data in it
  bool force = false;    // also when the monitor does not answer
};
/// `autoctl drop node` on the node itself: stops its Postgres, forgets the registration, removes our files. Errors:
/// conflict (its daemon runs), bad_config, unavailable, timeout (hint: force), system; may be tried again.
Result<> drop_node(const config::Files& files, const DropOptions& options);

}  // namespace autoctl::keeper
