// The state of a group that comes to another monitor, or back to its own, from what its nodes were last told.
#pragma once

#include <optional>

#include "monitor/fsm/decide.h"

namespace autoctl::monitor {

/// Call it once all nodes have come, with the goals that they last obeyed. A decision that no node heard never
/// happened. The node that was last told to lead or to promote stays or becomes the primary; where there is none, the
/// last primary does. Nullopt where there is neither: no node knows then what was acknowledged, and only an operator
/// (`given_up`) lets the standbys elect. No standby is told which commits wait for which nodes, so the quorum of a lost
/// primary is unknown. Therefore every standby has to report how far it got, and the most advanced one is not proved to
/// have every acknowledged commit.
std::optional<Decision> reconstruct(const GroupSnapshot& group, bool given_up);

}  // namespace autoctl::monitor
