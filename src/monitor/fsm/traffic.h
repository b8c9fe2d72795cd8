// A worker group of a Citus formation: when the statements for it have to wait on the coordinator, and for whom.
#pragma once

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// The node for which the coordinator shall hold the statements of this group now; 0 = they go on. Pure, and made of
/// goals and verdicts: whatever ends a hand-over ends the hold with it, and no hold outlasts drain_timeout in any
/// phase.
NodeId hold_target(const GroupSnapshot& group, const Settings& settings, TimePoint now);

/// How long sessions that are in the way of a move may go on before they are ended.
Millis move_cooldown(const GroupSnapshot& group, const Settings& settings, TimePoint now);

/// Statements for this group come through a coordinator, or may do so as far as is known: a planned hand-over has to
/// hold them first.
bool must_hold(const GroupSnapshot& group);

/// The coordinator sends them to `primary` by its own word, or nobody sends any.
bool statements_arrived(const GroupSnapshot& group, const NodeView& primary);

/// Why the coordinator cannot hold the statements that go to `primary` now; empty when it can.
std::string why_not_holdable(const GroupSnapshot& group, const NodeView& primary);

}  // namespace autoctl::monitor
