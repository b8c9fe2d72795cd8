// Can a node simply follow another one, or has its history forked off? From timelines and switch points alone; no I/O.
#pragma once

#include <vector>

#include "common/fsm/goal.h"
#include "common/fsm/types.h"

namespace autoctl {

struct Lineage {
  Timeline timeline;
  Lsn lsn;                            // the position reached on `timeline`; 0 when not needed or not known
  std::vector<HistoryEntry> history;  // ancestors of `timeline`, oldest first
  bool lsn_exact = true;              // false: it may have more WAL (after a crash, before recovery has shown how much)
};

enum class Ancestry {
  follows,   // own WAL is a part of the upstream's history: it can stream
  diverged,  // own WAL has something that the upstream never had: rewind or copy
  unknown,   // a timeline is unknown, or the own end of WAL is unknown and matters
};

Ancestry compare_ancestry(const Lineage& own, const Lineage& upstream);

/// The position up to which both have the same WAL, as far as their histories tell; 0 when they have nothing in common.
/// An upstream whose position is unknown is taken to be ahead.
Lsn last_common(const Lineage& own, const Lineage& upstream);

}  // namespace autoctl
