// A node's monitor is changed while its Postgres goes on.
#pragma once

#include <string>

#include "common/config/config.h"
#include "common/monitor_client/join_token.h"
#include "common/util/result.h"

namespace autoctl::keeper {

/// Takes the node from its monitor, which decides nothing in the node's formation until the node is back or dropped.
/// `force`: also when that monitor does not answer. `by`: an operator's credential and reason, which a primary needs
/// unless its formation is paused. The files are changed; a running keeper has to be told (SIGHUP).
/// Errors: unavailable, timeout (hint: force), conflict (it is in the middle of something, or needs an operator),
/// not_found (the credential's file), system.
struct Leave {
  bool force = false;
  std::string token_file;  // empty: the node's own credential
  std::string reason;
};
Result<> leave_monitor(config::Config config, const config::Files& files, const Leave& by);

struct NewMonitor {
  std::string address;     // as given to --monitor
  std::string ca_file;     // for https://
  std::string token_file;  // credential to register with
  client::JoinToken join;  // instead of that
};

/// Registers the node, as it is, with another monitor, and changes the files; a running keeper has to be told (SIGHUP).
/// Errors: conflict (its present monitor answers; the new one has other nodes of these names, addresses or ids), those
/// of client::discover and register_node. Nothing is changed then.
Result<config::Config> join_monitor(config::Config config, const config::Files& files, const NewMonitor& monitor);

}  // namespace autoctl::keeper
