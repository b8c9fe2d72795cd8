// May an operator take a node out of service, and is a node to leave the quorum for that?
#pragma once

#include <string>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// Why the group's commits would have to wait if this node were out of service; empty if they would not. A primary
/// counts as one that has handed over.
std::string why_indispensable(const GroupSnapshot& group, const Settings& settings, const NodeView& node);

/// An operator wants this node for maintenance, and it can be spared: the primary is to stop waiting for it.
bool leaves_for_maintenance(const GroupSnapshot& group, const Settings& settings, NodeId id);

}  // namespace autoctl::monitor
