// One step of a transition, as the orders that it takes: each is idempotent, so that a step can begin again at any
// time.
#pragma once

#include "keeper/core/step_context.h"
#include "keeper/core/transitions.h"

namespace autoctl::keeper {

/// What the step asks for next, by what is seen now. To be called again after the order was carried out (or has failed:
/// StepMemory::failure), or when the pause is over.
Next next_of(Step step, const StepContext& context, StepMemory& memory);

// ---- what several steps are made of

/// Postgres runs as a standby of `upstream` (0: of no node), its data as it is.
Next run_as_standby(const StepContext& context, StepMemory& memory, NodeId upstream);
/// Postgres wrote here although this node was to be a standby: from now on this data may only be rewound or replaced.
Next disown(const StepContext& context, StepMemory& memory);
/// The server has not answered: it may be starting, or hang.
Next not_answered(const StepContext& context);

// ---- join.cpp

/// Streams from the goal's upstream; Errc::unavailable if it cannot with the data that it has.
Next follow_upstream(const StepContext& context, StepMemory& memory);
/// The same by any means: follows, rewinds or copies.
Next join_upstream(const StepContext& context, StepMemory& memory);

}  // namespace autoctl::keeper
