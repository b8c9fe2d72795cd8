// Who may become primary, and who will: quorum arithmetic for the rules (design, rules 1 and 2).
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

/// A standby that can take part in an election now: alive, a standby by its own report, with Postgres running.
bool can_take_part(const NodeView& node);

/// The same, and one that is joining but streams already.
bool runs_as_standby(const NodeView& node);
/// An operator's word can make it the candidate.
bool could_serve(const NodeView& node);

/// Standbys that count in an election: they take part, the primary waits for them by the confirmed or the assigned
/// quorum, and their history is the primary's.
std::vector<NodeId> voters_present(const GroupSnapshot& group);

/// Why nobody can be elected now: who of the quorum is missing, and what may be lost without; empty if enough are here.
std::string why_nobody_is_electable(const GroupSnapshot& group);

/// The primary is dead or gone, nobody is about to be promoted, and nobody can be.
struct BlockedElection {
  std::vector<NodeId> missing;  // members of the quorum that are not here
  std::string why;
};
std::optional<BlockedElection> blocked_election(const GroupSnapshot& group);

/// True if this node's history is known to be another than that of the last primary: what it has proves nothing.
bool has_forked_off(const GroupSnapshot& group, const NodeView& node);

/// A standby that went its own way: by its keeper's last word it accepts or accepted writes, as if somebody had
/// promoted it by hand, or its history has forked off from that of the primary, which serves.
bool went_its_own_way(const GroupSnapshot& group, const NodeView& node);

/// How a node's history stands to that of the (last) primary: primary, follows, forked, unknown.
std::string_view lineage_of(const GroupSnapshot& group, const NodeView& node);

/// Has `a` received less than `b`: by timeline, then by LSN?
bool is_behind(const NodeView& a, const NodeView& b);

/// Standbys that the primary may be told to wait for: they stream now, and are meant to be in the quorum and
/// to stay.
std::vector<NodeId> eligible_voters(const GroupSnapshot& group, const NodeView& leader, const Settings& settings);

/// The most advanced of `nodes` (timeline, then LSN), the highest priority among equals, then the lowest id; nullptr if
/// there is none.
const NodeView* most_advanced(const GroupSnapshot& group, const std::vector<NodeId>& nodes);

/// The winner of an election among `nodes`: the highest candidate priority, then the most advanced, then the lowest id;
/// nullptr if none may be promoted (all have priority 0).
const NodeView* preferred(const GroupSnapshot& group, const std::vector<NodeId>& nodes);

/// How many acknowledgements a commit should wait for where there are as many voters.
int wanted_acks(const Settings& settings);

/// How many acknowledgements to ask of `voters`.
SyncQuorum quorum_of(std::vector<NodeId> voters, const Settings& settings);

/// What a freshly promoted `candidate` demands of its commits: nothing while it is alone and may be, else its fellow
/// voters.
SyncQuorum quorum_after_promotion(const GroupSnapshot& group, const NodeView& candidate, const Settings& settings);

}  // namespace autoctl::monitor
