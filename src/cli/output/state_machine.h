// The state machine's two tables as text: for `inspect fsm` and docs/states.md.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "keeper/core/transitions.h"

namespace autoctl::cli {

std::vector<std::string_view> names_of(const keeper::StateSet& states);
std::vector<std::string_view> names_of(std::span<const keeper::Step> steps);

/// Rules, then transitions, for a terminal.
std::string list_state_machine();
/// The transitions as a Mermaid diagram. Where a node can be sent from nearly everywhere (to stop) there are no arrows.
std::string draw_state_machine();
/// The page docs/states.md.
std::string describe_state_machine();

}  // namespace autoctl::cli
