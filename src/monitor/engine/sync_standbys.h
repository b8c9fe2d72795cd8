// number_sync_standbys, where nodes come and go.
#pragma once

#include "monitor/engine/ledger.h"
#include "monitor/engine/node_settings.h"

namespace autoctl::monitor {

/// Puts into `change` what follows for the formation's number_sync_standbys, and tells why. False: nothing follows.
/// Otherwise the formation's other groups have to be settled, too, once that is committed.
bool fit_sync_standbys(const Model& model, const Ledger& ledger, const Group& group, QuorumChange what, Change& change);

}  // namespace autoctl::monitor
