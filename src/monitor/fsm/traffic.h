// When the coordinator of a Citus formation has to hold the statements for a worker group, and for which node.
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

/// As far as the monitor knows, statements for this group may come through a coordinator: a switchover has to hold them
/// first.
bool must_hold(const GroupSnapshot& group);

/// The coordinator reports that it sends the statements to `primary`, or no coordinator sends any.
bool statements_arrived(const GroupSnapshot& group, const NodeView& primary);

/// Why the coordinator cannot hold the statements that go to `primary` now; empty when it can.
std::string why_not_holdable(const GroupSnapshot& group, const NodeView& primary);

}  // namespace autoctl::monitor
