// May an operator take a node out of service, and does a node leave the quorum for that?
#pragma once

#include <string>

#include "monitor/fsm/group_snapshot.h"
#include "monitor/fsm/settings.h"

namespace autoctl::monitor {

/// Why the group's commits would have to wait if this node were out of service; empty if they would not. A primary is
/// judged as if it had handed over.
std::string why_indispensable(const GroupSnapshot& group, const Settings& settings, const NodeView& node);

/// An operator wants this node for maintenance, and the group can spare it: the primary stops waiting for it.
bool leaves_for_maintenance(const GroupSnapshot& group, const Settings& settings, NodeId id);

}  // namespace autoctl::monitor
