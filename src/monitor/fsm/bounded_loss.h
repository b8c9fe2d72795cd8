// Where an operator allows an automatic failover to lose commits, within bounds: which standby may take over from a
// primary whose commits wait for none, and what keeps that primary from acknowledging beside it.
#pragma once

#include <string>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// Its commits wait for no standby, one could be promoted all the same, and so it serves by a strict lease
/// (protocol::Assignment::strict_lease).
bool primary_serves_by_lease(const GroupSnapshot& group, const Settings& settings);

/// Chosen although it may lack commits, within the bounds: no quorum fences the old primary, its lease has to run out.
/// What it needs to have is in its goal, so that nothing has to be known of the old primary any more.
bool is_fenced_by_lease(const GroupSnapshot& group, const NodeView& candidate);

/// Why no standby can take over from a lost primary within the bounds, a clause for each; empty where no failover may
/// lose anything, or no primary is lost that way.
std::string why_loss_is_not_bounded(const GroupSnapshot& group, const Settings& settings);

}  // namespace autoctl::monitor
