// Which history an operator may make the group's.
#pragma once

#include <string>

#include "monitor/fsm/group_snapshot.h"

namespace autoctl::monitor {

/// Why what `node` has cannot become the group's history as long as nothing else changes; empty if it can.
std::string why_not_acceptable(const GroupSnapshot& group, const NodeView& node);

/// What is lost to the group when it goes on with what `node` has, in words: which nodes have more, or may have.
std::string what_is_given_up(const GroupSnapshot& group, const NodeView& node);

}  // namespace autoctl::monitor
