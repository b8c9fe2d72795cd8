// The shipped keeper core, revived over a pretended node. A keeper's memory is no part of a world: a kill at any moment
// must be as good as none. So every action revives the core from what is on the keeper's disk, shows it the node, and
// ends with the first thing that changes the world. What it does depends on a small View only: worlds by the million
// share some ten thousand runs of the core, which are remembered. Thread: one.
#pragma once

#include "view.h"

namespace autoctl::explorer {

/// One atomic piece of a keeper's work; what a kill could interrupt is two pieces.
struct Reaction {
  bool acts = false;                // false: it waits, or has nothing to do
  SimNode after;                    // as in the view, positions apart
  const char* violation = nullptr;  // it did what must never be done
};
const Reaction& reaction_to(const View& view);

/// What its next report says. `length` and `timeline` are not 0 where it tells its own.
const SimFacts& report_of(const View& view);

/// It stops its Postgres once the monitor has not answered for long.
bool fences_itself(const View& view);

}  // namespace autoctl::explorer
