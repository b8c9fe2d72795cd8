// Seeds that found a mistake once, with what it was. The world that a seed makes changes with the simulator: keep the
// mistake's own unit test beside it.
#pragma once

#include "simulation.h"

namespace autoctl::simulator {

inline const Plan seeds_that_once_failed[] = {
    {.seed = 1},  // a keeper with a full disk obeyed a goal that it could not save, and after a crash an older one
};

}  // namespace autoctl::simulator
