// Who may become primary, and who will: quorum arithmetic for the rules (design, rules 1 and 2).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// True if every commit that was acknowledged under the confirmed or the assigned quorum is on at least one of `nodes`,
/// and the old primary cannot complete another one once all of `nodes` have stopped receiving. False whenever either is
/// asynchronous.
bool covers_every_commit(const GroupSnapshot& group, const std::vector<NodeId>& nodes);

/// A standby that can take part in an election now: alive, a standby by its own report, with Postgres running.
bool can_take_part(const NodeView& node);

/// Standbys that count in an election: they take part and are in both quorums.
std::vector<NodeId> voters_present(const GroupSnapshot& group);

/// Standbys that the primary may be told to wait for: they stream now, and are meant to be in the quorum.
std::vector<NodeId> eligible_voters(const GroupSnapshot& group, const NodeView& leader);

/// The most advanced of `nodes` (timeline, then LSN), the highest priority among equals, then the lowest id; nullptr if
/// none may be promoted (all have priority 0). The most advanced overall must win: nothing fetches missing WAL yet.
const NodeView* most_advanced(const GroupSnapshot& group, const std::vector<NodeId>& nodes);

/// How many acknowledgements to ask of `voters`.
SyncQuorum quorum_of(std::vector<NodeId> voters, const Settings& settings);

/// What a freshly promoted `candidate` demands of its commits: nothing while it is alone and may be, else its fellow
/// voters.
SyncQuorum quorum_after_promotion(const GroupSnapshot& group, const NodeView& candidate, const Settings& settings);

}  // namespace autoctl::monitor
