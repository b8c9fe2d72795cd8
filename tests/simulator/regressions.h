// Seeds that found a mistake once, with what it was. The world that a seed makes changes with the simulator: keep the
// mistake's own unit test beside it.
#pragma once

#include "simulation.h"

namespace autoctl::simulator {

inline const WorldPlan seeds_that_once_failed[] = {
    // A keeper with a full disk obeyed a goal that it could not save, and after a crash an older one.
    {.seed = 1},
    // A primary crashed while it handed over; the LSN that it told then was an old one, and a standby without the last
    // acknowledged commits was promoted.
    {.seed = 7, .nodes = 4, .number_sync_standbys = 1, .varied = true},
    // A standby was told to join again while an election still needed it.
    {.seed = 2, .nodes = 3, .number_sync_standbys = 1},
    // A candidate tried for ever to fetch WAL that was gone, while the old primary waited with all of it.
    {.seed = 4, .nodes = 3, .number_sync_standbys = 3, .varied = true},
    // A primary was told to go on alone because of a standby that streamed again by then, and was cut off itself.
    {.seed = 27, .nodes = 2, .varied = true},
    // A candidate did not hear that it should get ready, and the old primary, which had stopped for it, waited.
    {.seed = 54, .nodes = 3},
    // A Postgres that ran again was reported as one that cannot run, and its node never told to join again.
    {.seed = 251, .nodes = 3, .number_sync_standbys = 1, .varied = true},
    // An election was called off, in favour of a primary with a full disk, because a voter was silent for a moment.
    {.seed = 739, .nodes = 3},
    // A standby was promoted by hand while it answered nobody, and made the candidate of a switchover.
    {.seed = 648, .groups = 5, .nodes = 3, .promotions_by_hand = true, .citus_workers = 1, .hangs = true},
    // A keeper's first report came after a second one that the monitor could not take in, and was taken for a copy's.
    {.seed = 104, .groups = 2, .nodes = 2, .varied = true, .promotions_by_hand = true, .hangs = true},
    {.seed = 303, .nodes = 2, .varied = true, .hangs = true},
};

// Worlds whose shape the seed chooses as well (random_plan). In all of them disks were moved, machines copied, or the
// monitor restored from a backup:
inline constexpr std::uint64_t worlds_that_once_failed[] = {
    // a disk was moved while the monitor was restored; it elected by what it remembered, as it refused the moved node;
    23,
    238,
    255,
    // a node that had been away for more than a failover came back as the primary of an incomplete formation;
    47,
    142,
    // a restored monitor told the coordinator a primary before the newer one had reported;
    98,
    168,
    172,
    // a late report of a keeper that the restarted monitor did not know yet was taken for a copy's;
    68,
    330,
    // somebody promoted a standby in the moment in which its keeper told it whom to follow, and nobody noticed;
    210,
    // an operator started Postgres again where another keeper was the node: its port looked like the node's.
    223,
};

}  // namespace autoctl::simulator
