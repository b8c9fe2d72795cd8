// How a rule is written. rules.cpp has the table; joining.cpp, quorum_rules.cpp, switchover.cpp, maintenance.cpp,
// failover.cpp, bounded_loss.cpp, forced.cpp and accepted.cpp the rules.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "monitor/fsm/decide.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

/// What every rule gets: the snapshot and the nodes with a role in it. Any of the three nodes may be null.
struct Context {
  const GroupSnapshot& group;
  const Settings& settings;
  TimePoint now;
  const NodeView* leader;
  const NodeView* candidate;
  const NodeView* draining;
};

/// Builds a decision; rule id and name are filled in by decide().
class Effect {
 public:
  Effect(const Context& context, std::string reason) : group_(context.group) {
    decision_.term = Term{context.group.term.value + 1};
    decision_.reason = std::move(reason);
  }
  Effect& assign(const NodeView& node, NodeState state, Goal details = {}) {
    details.state = state;
    details.term = decision_.term;
    decision_.goals.emplace_back(node.id, std::move(details));
    return *this;
  }
  /// A standby of `upstream`.
  Effect& follow(const NodeView& node, NodeState state, NodeId upstream) {
    return assign(node, state, Goal{.upstream = upstream});
  }
  /// From now on the primary may acknowledge alone: no standby is electable any more.
  Effect& asynchronous() {
    decision_.quorum_assigned = SyncQuorum{};
    decision_.quorum_confirmed = SyncQuorum{};
    return *this;
  }
  /// An earlier quorum that was assigned but not proved may be in force as well: when another replaces it, no standby
  /// is electable until the new one is proved.
  Effect& assign_quorum(SyncQuorum quorum) {
    if (quorum.asynchronous()) return asynchronous();
    const bool third = group_.quorum_confirmed != group_.quorum_assigned && quorum != group_.quorum_assigned;
    if (third) decision_.quorum_confirmed = SyncQuorum{};
    decision_.quorum_assigned = std::move(quorum);
    return *this;
  }
  Effect& confirm_quorum(SyncQuorum quorum) {
    decision_.quorum_confirmed = std::move(quorum);
    return *this;
  }
  Effect& operation_goes_to(const NodeView& node) {
    decision_.operation_target = node.id;
    return *this;
  }
  Effect& end_operation(bool succeeded, std::string message) {
    decision_.operation = OperationOutcome{succeeded, std::move(message)};
    return *this;
  }
  operator std::optional<Decision>() const { return decision_; }

 private:
  const GroupSnapshot& group_;
  Decision decision_;
};

using Outcome = std::optional<Decision>;

/// No failover begins by itself, and no operator has asked for one, or for another primary.
inline bool waits_for_an_operator(const Context& c) {
  return c.settings.manual_failover.contains(c.group.group) && !c.group.operation;
}

/// The standbys that are present, other than `but`, and could go on acknowledging for an old primary that is silent.
std::vector<const NodeView*> standbys_to_fence(const GroupSnapshot& group, const NodeView& but);
/// Makes `node` the candidate because an operator says so: the old primary is deposed, and those standbys are fenced.
void promote_by_force(const Context&, Effect&, const NodeView& node);

/// An old primary stays the primary: with its quorum where that can or must be, else alone until standbys have
/// rejoined. `leaving` are the members of the quorum that rejoin.
void serve_again(const Context&, Effect&, const NodeView& old_primary, const std::vector<NodeId>& leaving);

// Joining: from an empty group to a standby that streams (joining.cpp).
Outcome first_node_becomes_single(const Context&);
Outcome newcomer_waits_for_primary(const Context&);
Outcome primary_opens_to_newcomer(const Context&);
Outcome newcomer_starts_copy(const Context&);
Outcome standby_caught_up(const Context&);
Outcome standby_follows_primary(const Context&);
Outcome primary_is_alone(const Context&);

// The synchronous quorum (quorum_rules.cpp).
Outcome quorum_turned_on(const Context&);
Outcome quorum_disproved(const Context&);
Outcome quorum_confirmed(const Context&);
Outcome quorum_grows(const Context&);
Outcome standby_lost(const Context&);
Outcome standby_forked_off(const Context&);
Outcome standby_stalled(const Context&);

// Planned hand-over (switchover.cpp).
Outcome switchover_done(const Context&);
Outcome switchover_not_held(const Context&);
Outcome switchover_prepares(const Context&);
Outcome switchover_starts(const Context&);
Outcome switchover_refused(const Context&);
Outcome old_primary_drained(const Context&);
Outcome switchover_called_off(const Context&);
Outcome switchover_overdue(const Context&);

// Maintenance (maintenance.cpp).
Outcome maintenance_reached(const Context&);
Outcome maintenance_refused(const Context&);
Outcome maintenance_starts(const Context&);
Outcome maintenance_ends(const Context&);
Outcome maintenance_end_refused(const Context&);

// Failure of the primary (failover.cpp).
Outcome primary_is_dead(const Context&);
Outcome primary_cannot_write(const Context&);
Outcome primary_is_cut_off(const Context&);
Outcome failover_with_bounded_loss(const Context&);  // bounded_loss.cpp
Outcome primary_was_dropped(const Context&);
Outcome primary_lost_while_draining(const Context&);
Outcome failover_forced(const Context&);    // forced.cpp
Outcome timeline_accepted(const Context&);  // accepted.cpp
Outcome voter_returns(const Context&);
Outcome standbys_elect(const Context&);
Outcome fast_forward_failed(const Context&);
Outcome election_called_off(const Context&);
Outcome candidate_lost(const Context&);
Outcome handover_fell_short(const Context&);
Outcome candidate_is_fenced(const Context&);
Outcome candidate_promoted(const Context&);
Outcome old_primary_rejoins(const Context&);

}  // namespace autoctl::monitor
