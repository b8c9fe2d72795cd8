// May an operator take a node out of service, and who is to leave for it?
#pragma once

#include <string>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// Why the group's commits would have to wait if this node, a standby or the primary after it has handed over, were out
/// of service; empty if they would not.
std::string why_indispensable(const GroupSnapshot& group, const Settings& settings, const NodeView& node);

/// An operator wants this node for maintenance, and it can be spared: nobody is to wait for it any more.
bool leaves_for_maintenance(const GroupSnapshot& group, const Settings& settings, NodeId id);

}  // namespace autoctl::monitor
