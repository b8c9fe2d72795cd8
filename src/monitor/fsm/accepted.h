// Which history an operator may make the group's.
#pragma once

#include <string>

#include "monitor/fsm/group_snapshot.h"

namespace autoctl::monitor {

/// Why the history of `node` cannot become the group's, as long as nothing else changes; empty if it can.
std::string why_not_acceptable(const GroupSnapshot& group, const NodeView& node);

/// What the group loses when it continues with the history of `node`, in words: which nodes have more, or may have.
std::string what_is_given_up(const GroupSnapshot& group, const NodeView& node);

}  // namespace autoctl::monitor
