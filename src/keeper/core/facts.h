// What the keeper tells the monitor about its node, from what it sees.
#pragma once

#include "common/fsm/goal.h"
#include "keeper/core/observation.h"
#include "keeper/core/saved_state.h"

namespace autoctl::keeper {

/// A server that has not answered a query for this long counts as not running for all other nodes.
inline constexpr Millis silence_limit{3000};

/// Takes over what was seen; what was not seen stays as it was. Standbys that are none of `peers` do not count.
/// `silent`: the server has not answered for longer than silence_limit.
void update(NodeFacts& facts, const Observation& seen, const std::vector<protocol::Peer>& peers, bool silent);

/// Should the monitor hear of the difference at once? Positions move all the time and go with the heartbeat.
bool matters(const NodeFacts& now, const NodeFacts& before);

}  // namespace autoctl::keeper
