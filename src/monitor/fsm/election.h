// Which standby may become the primary, and which one will: quorum arithmetic for the rules
// (docs/safety-rules.md, rules 1 and 2).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// True if every commit that was acknowledged under the confirmed or the assigned quorum is on at least one of `nodes`,
/// and the old primary cannot complete another one once all of `nodes` have stopped receiving. False whenever either is
/// asynchronous.
bool covers_every_commit(const GroupSnapshot& group, const std::vector<NodeId>& nodes);

/// The node can take part in an election now: it is alive, a standby by its own report, and its Postgres runs.
bool can_take_part(const NodeView& node);

/// The same, or the node is joining and its Postgres already runs as a standby.
bool runs_as_standby(const NodeView& node);
/// An operator can force this node to become the candidate.
bool could_serve(const NodeView& node);

/// The standbys that count in an election: they can take part, they are in the confirmed or the assigned quorum, and
/// their history is the primary's.
std::vector<NodeId> voters_present(const GroupSnapshot& group);

/// Why no standby can be elected now: which members of the quorum are missing, and what may be lost without them; empty
/// if enough of them are present.
std::string why_nobody_is_electable(const GroupSnapshot& group);

/// The primary is dead or gone, no standby is about to be promoted, and none can be elected.
struct BlockedElection {
  std::vector<NodeId> missing;  // members of the quorum that cannot take part now
  std::string why;
};
std::optional<BlockedElection> blocked_election(const GroupSnapshot& group);

/// Why a primary that stops in an orderly way could not hand over to `node` now, or nullopt if it could: a standby of the
/// quorum, or any other one that streams from it. Whether that has received everything shows when the primary has stopped.
std::optional<std::string> why_no_successor(const GroupSnapshot& group, const NodeView& node);

/// True if this node's history is known to differ from the last primary's: then its LSN proves nothing.
bool has_forked_off(const GroupSnapshot& group, const NodeView& node);

/// A standby with a history of its own: by its keeper's last report it accepts or accepted writes, as after a promotion
/// by hand, or its history has forked off from that of a primary that serves.
bool went_its_own_way(const GroupSnapshot& group, const NodeView& node);

/// How a node's history relates to that of the (last) primary: "primary", "follows", "forked" or "unknown".
std::string_view lineage_of(const GroupSnapshot& group, const NodeView& node);

/// Has `a` received less than `b`: by timeline, then by LSN?
bool is_behind(const NodeView& a, const NodeView& b);

/// The standbys that the primary may be told to wait for: they stream now, replication_quorum is set, and they do not
/// leave for maintenance.
std::vector<NodeId> eligible_voters(const GroupSnapshot& group, const NodeView& leader, const Settings& settings);

/// The most advanced of `nodes` (timeline, then LSN), the highest priority among equals, then the lowest id; nullptr if
/// there is none.
const NodeView* most_advanced(const GroupSnapshot& group, const std::vector<NodeId>& nodes);

/// The winner of an election among `nodes`: the highest candidate priority, then the most advanced, then the lowest id;
/// nullptr if none may be promoted (all have priority 0).
const NodeView* preferred(const GroupSnapshot& group, const std::vector<NodeId>& nodes);

/// How many acknowledgements a commit should wait for, given enough voters.
int wanted_acks(const Settings& settings);

/// The quorum of these voters, with the number of acknowledgements to ask of them.
SyncQuorum quorum_of(std::vector<NodeId> voters, const Settings& settings);

/// The quorum of a `candidate` that is being promoted: empty where number_sync_standbys is 0 or no other voter exists,
/// else all other voters.
SyncQuorum quorum_after_promotion(const GroupSnapshot& group, const NodeView& candidate, const Settings& settings);

}  // namespace autoctl::monitor
