// A group whose monitor was lost, or whose nodes come back to it: what they were last told, taken together.
#pragma once

#include <optional>

#include "monitor/fsm/decide.h"

namespace autoctl::monitor {

/// All nodes that may have a say are here, with the goals that they last obeyed; decisions that none of them heard
/// never happened. Who was last told to lead or to promote goes on; where nobody was, the last primary does. Nullopt
/// when there is no such node: then nobody can say what was acknowledged, and only an operator's word (`given_up`) lets
/// the standbys that are here elect. What the primary waited for nobody knows then, not even whether it waited: no
/// standby hears of that. So each of them has to tell how far it got, and the one that has the most is not proved to
/// have everything.
std::optional<Decision> resume(const GroupSnapshot& group, bool given_up);

}  // namespace autoctl::monitor
