// A worker group of a Citus formation: when its statements have to wait on the coordinator, and for which node.
#pragma once

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// The node for which the coordinator is to hold the statements of this group now; 0 = hold nothing. Computed from
/// goals and verdicts alone: whatever ends a switchover also ends the hold, and no hold outlasts drain_timeout in any
/// phase.
NodeId hold_target(const GroupSnapshot& group, const Settings& settings, TimePoint now);

/// How long sessions that block a move may go on before they are ended.
Millis move_cooldown(const GroupSnapshot& group, const Settings& settings, TimePoint now);

/// Statements for this group come through a coordinator, or may, as far as the monitor knows: a switchover has to hold
/// them first.
bool must_hold(const GroupSnapshot& group);

/// The coordinator reports that it sends the statements to `primary`, or no coordinator sends any.
bool statements_arrived(const GroupSnapshot& group, const NodeView& primary);

/// Why the coordinator cannot hold now the statements that go to `primary`; empty when it can.
std::string why_not_holdable(const GroupSnapshot& group, const NodeView& primary);

}  // namespace autoctl::monitor
