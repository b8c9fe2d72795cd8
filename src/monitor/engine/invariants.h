// What must hold of the stored rows whatever happens. The engine checks it (AUTOCTL_ASSERT) after each load, after each
// decision and before each commit: to go on from rows that break it could lose data.
#pragma once

#include <optional>
#include <string>

#include "monitor/engine/model.h"
#include "monitor/engine/store.h"

namespace autoctl::monitor {

// Each says what is broken, with what was seen; nullopt: nothing is. All are pure.
//
// - A group has one primary by its nodes' goals. Awaited nodes do not count. Nor does a formation that waits for nodes:
//   there each node keeps the goal that it had under its last monitor.
// - The term of a group only grows, and so does that of each node's goal. No goal is of a later term than its group.
// - A quorum's voters are sorted and unique node ids, and it waits for no more acknowledgements than it has voters.
// - A decision and its goals are of a later term than the group. Its goals are for nodes of the group. Each voter that
//   it names is a node of the group, or a voter already. (A voter may have been dropped before its primary has heard of
//   it, on this monitor or on another: an id that is no node's proves nothing about a stored quorum.)

std::optional<std::string> broken_invariant(const Model& model);
/// Of the model as it would be once `change` is committed.
std::optional<std::string> broken_invariant(const Model& model, const Change& change);
std::optional<std::string> broken_invariant(const Group& group, const Decision& decision);

}  // namespace autoctl::monitor
