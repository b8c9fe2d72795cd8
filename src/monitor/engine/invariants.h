// What must hold of the stored rows whatever happens. The engine checks it (AUTOCTL_ASSERT) after each load, after each
// decision and before each commit: going on from rows of which it does not hold would lose data.
#pragma once

#include <optional>
#include <string>

#include "monitor/engine/model.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor {

// Each says what is broken, with what was seen; nullopt: nothing is. All are pure.
//
// - A group has one primary by its nodes' goals. Awaited nodes do not count, nor do formations that wait for some: there
//   each node keeps the goal that it had elsewhere.
// - The term of a group only grows, and so does that of each node's goal. No goal is of a later term than its group.
// - A quorum's voters are sorted and unique node ids, and it waits for no more acknowledgements than it has voters.
// - A decision is of a later term than its group, as are its goals; those are for nodes of the group. It names no voter
//   that is neither a node of the group nor a voter already. (A voter may have been dropped before its primary has heard
//   of it, on this monitor or on another: that an id is no node's proves nothing of a stored quorum.)

std::optional<std::string> broken_invariant(const Model& model);
/// Of the model as it would be once `change` is committed.
std::optional<std::string> broken_invariant(const Model& model, const Change& change);
std::optional<std::string> broken_invariant(const Group& group, const Decision& decision);

}  // namespace autoctl::monitor
