// Can a node simply follow another, or has its history forked off? Timelines and switch positions only, no I/O.
#pragma once

#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"

namespace autoctl {

struct Lineage {
  Timeline timeline;
  Lsn lsn;                            // how far it got on `timeline`; 0 when not needed or not known
  std::vector<HistoryEntry> history;  // ancestors of `timeline`, oldest first
  bool lsn_exact = true;              // false: it may have more WAL (crashed, and recovery has not told yet)
};

enum class Ancestry {
  follows,   // own data is a part of upstream's history: streaming can go on
  diverged,  // own data has something that upstream never had: rewind or copy
  unknown,   // a timeline is unknown, or own end of WAL is and matters
};

Ancestry compare_ancestry(const Lineage& own, const Lineage& upstream);

/// Up to where both have the same WAL, as far as their histories tell; 0 when they have nothing in common. An upstream
/// of no known position is taken to be ahead.
Lsn last_common(const Lineage& own, const Lineage& upstream);

}  // namespace autoctl
