// A node's replication passwords, kept in a libpq password file that standbys and pg_rewind refer to; never in argv or a
// log.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "common/config/files.h"
#include "common/fsm/types.h"

namespace autoctl::keeper {

struct Passwords {
  std::string formation;    // what all nodes share: of role `replicator`, and what Citus' are derived from
  std::string own;          // of role standby_name(node); empty: none was made yet
  std::uint64_t round = 0;  // the formation's setting password_round that it was made for
};

/// In `path`, at once or not at all.
Result<> save_passwords(const std::string& path, NodeId node, const Passwords& passwords);
/// Errors: not_found, bad_config.
Result<Passwords> load_passwords(const std::string& path, NodeId node);
/// Makes the node's own where it has none yet, as an earlier version left it.
Result<> ensure_own_password(const config::Files& files, NodeId node);
/// Since the present ones were made. Errors: system.
Result<std::chrono::seconds> age_of_passwords(const config::Files& files);

/// Passwords::formation in files.pgpass().
Result<std::string> replication_password(const config::Files& files);

}  // namespace autoctl::keeper
