// What a node knows of itself, from its own disk: nothing is asked of the monitor, nothing is changed.
#pragma once

#include <optional>

#include "common/config/config.h"
#include "common/postgres/lock_file.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"
#include "keeper/core/saved_state.h"

namespace autoctl::cli {

struct LocalState {
  config::Config config;
  keeper::SavedState saved;
  std::optional<postgres::LockFile> postmaster;  // of a process that lives
  bool standby = false;                          // it has a standby.signal
  Timeline timeline;
  Lsn lsn;  // the last checkpoint's, as pg_control has it
};

/// Errors: bad_usage (a monitor's directory, or none is given), not_found (never set up), bad_config, and those of the
/// Postgres tools.
Result<LocalState> read_local_state(const std::string& pgdata);

/// As the monitor would list the node, as far as the node itself knows.
protocol::NodeDocument node_document(const LocalState& local);

/// The postmaster of PGDATA, if its process lives.
std::optional<postgres::LockFile> find_postmaster(const std::string& pgdata);

}  // namespace autoctl::cli
