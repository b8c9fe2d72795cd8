// A group whose monitor was lost, or whose nodes come back to it: what they were last told, taken together.
#pragma once

#include <optional>

#include "monitor/fsm/decide.h"

namespace autoctl::monitor {

/// All nodes that may have a say are here, with the goals that they last obeyed; decisions that none of them heard
/// never happened. Who was last told to lead or to promote goes on; where nobody was, the last primary does. Nullopt
/// when there is no such node: then nobody can say what was acknowledged.
std::optional<Decision> resume(const GroupSnapshot& group);

}  // namespace autoctl::monitor
