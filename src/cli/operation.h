// An operation from request to end, with the table of notifications that the field is used to.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cli/options.h"
#include "common/protocol/protocol.h"
#include "common/util/result.h"

namespace autoctl::cli {

struct OperationOptions {
  MonitorTarget target;
  Scope scope;
  std::string name;  // promotion, maintenance: the node; accept_timeline: the node, where two have that timeline
  bool allow_failover = false;  // maintenance: of the primary, too
  int wait_seconds = 60;
  bool allow_data_loss = false;  // failover: even if commits may be lost
  std::uint32_t timeline = 0;    // accept_timeline: which
  bool no_wait = false;          // a new primary is enough; do not wait until the others follow it
};

/// Fills in the group of the node that is named, unless one is given. Errors: not_found, those of MonitorApi.
Result<> find_group_of_node(OperationOptions& options);

/// Requests `kind` ("switchover", "promotion", "forced_failover", "accept_timeline", "maintenance", "end_maintenance",
/// "reinit") and returns when it has happened: the operation is done, and is_fulfilled(). Prints each change as it is announced.
/// Errors: conflict (it failed, with the monitor's reason), timeout, and those of MonitorApi.
Result<> run_operation(const std::string& kind, const OperationOptions& options);

// Pure, for run_operation() and its tests; `state` is of one group.

/// The node that is assigned to be the group's primary; 0 = none.
NodeId primary_of(const protocol::StateDocument& state);
/// A primary other than `before` has reported that it is one.
bool is_announced(const protocol::StateDocument& state, NodeId before);
/// One primary, and every node has reached its assigned state.
bool is_settled(const protocol::StateDocument& state);
/// What the operator waits for has happened, now that the operation is done: another node than `before` is the primary
/// and, unless no_wait, every node has reached its assigned state; a node that comes back from maintenance is a
/// secondary.
bool is_fulfilled(const std::string& kind, const OperationOptions& options, const protocol::StateDocument& state,
                  NodeId before);

}  // namespace autoctl::cli
