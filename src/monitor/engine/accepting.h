// An operator wants one of several histories as the group's: which node has it, and what that costs.
#pragma once

#include <string>

#include "common/protocol/protocol.h"
#include "common/util/result.h"
#include "monitor/fsm/group_snapshot.h"

namespace autoctl::monitor {

struct AcceptedTimeline {
  NodeId node;
  std::string event;  // what is accepted, why, and what is given up: for the event log
};

/// Which node `request`.timeline is the history of (`request`.name where several have one of that number). Pure.
/// Errors: bad_usage (no timeline; no reason: the message then says what would be given up), not_found (no node that
/// is present has it), conflict (there is a primary, or the node that has it cannot go on with it).
Result<AcceptedTimeline> plan_acceptance(const GroupSnapshot& group, const protocol::OperationRequest& request);

}  // namespace autoctl::monitor
