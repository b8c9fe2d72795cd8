// Seeds that found a mistake once, with what it was. The world that a seed makes changes with the simulator: keep the
// mistake's own unit test beside it.
#pragma once

#include "simulation.h"

namespace autoctl::simulator {

inline const Plan seeds_that_once_failed[] = {
    // A keeper with a full disk obeyed a goal that it could not save, and after a crash an older one.
    {.seed = 1},
    // A primary crashed while it handed over; the LSN that it told then was an old one, and a standby without the last
    // acknowledged commits was promoted.
    {.seed = 7, .nodes = 4, .number_sync_standbys = 1, .varied = true},
    // A standby was told to join again while an election still needed it.
    {.seed = 2, .nodes = 3, .number_sync_standbys = 1},
    // A candidate tried for ever to fetch WAL that was gone, while the old primary waited with all of it.
    {.seed = 4, .nodes = 3, .number_sync_standbys = 3, .varied = true},
};

}  // namespace autoctl::simulator
