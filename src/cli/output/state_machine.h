// The state machine's two tables as text: for `inspect fsm` and docs/states.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "keeper/core/transitions.h"

namespace autoctl::cli {

std::vector<std::string_view> names_of(const keeper::StateSet& states);
std::vector<std::string_view> names_of(std::span<const keeper::Step> steps);

/// Rules, then transitions, for a terminal. `from`: those only that a node in this state can take, and no rules.
std::string list_state_machine(std::optional<NodeState> from = std::nullopt);
/// A part of the life of a group.
enum class Phase : unsigned char { init, steady_state, failover, maintenance, removal };
/// "init", "steady-state", …
std::optional<Phase> parse_phase(std::string_view name);

/// The transitions as a Mermaid diagram, all or those that begin or end in a state of the phase. Where a node can be
/// sent from everywhere (to stop) there are no arrows, unless the phase is about that.
std::string draw_state_machine(std::optional<Phase> phase = std::nullopt);
/// The same as a graph for Graphviz.
std::string graph_state_machine();
/// The page docs/states.md.
std::string describe_state_machine();

}  // namespace autoctl::cli
