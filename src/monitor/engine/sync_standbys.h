// number_sync_standbys, where nodes come and go.
#pragma once

#include "monitor/engine/ledger.h"
#include "monitor/engine/node_settings.h"

namespace autoctl::monitor {

/// Puts the formation's new number_sync_standbys into `change`, with an event that says why. False: it stays as it is.
/// True: the caller settles the formation's other groups, too, once `change` is committed.
bool fit_sync_standbys(const Model& model, const Ledger& ledger, const Group& group, QuorumChange what, Change& change);

}  // namespace autoctl::monitor
