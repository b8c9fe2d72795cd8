// How a node becomes a standby of its upstream: by the cheapest way that works, and the next one only when the last has
// proved that it cannot: follow, rewind, copy.
#pragma once

#include "keeper/agent/steps.h"

namespace autoctl::keeper {

/// Returns when the node streams from the goal's upstream. Errors as run_step.
Result<> join_upstream(const StepContext& context);

/// The same without rewinding or copying: the data stays what it is. Errors as run_step; unavailable if it cannot
/// stream.
Result<> follow_upstream(const StepContext& context);

}  // namespace autoctl::keeper
