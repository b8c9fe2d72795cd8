#include "common/fsm/goal.h"

#include <algorithm>
#include <array>

namespace autoctl {

bool SyncQuorum::contains(NodeId id) const {
  return std::ranges::binary_search(voters, id);
}

namespace {
constexpr std::array<std::pair<PortState, std::string_view>, 5> port_names = {{
    {PortState::unknown, "unknown"},
    {PortState::open, "open"},
    {PortState::refused, "refused"},
    {PortState::silent, "silent"},
    {PortState::stranger, "stranger"},
}};
}  // namespace

std::string_view to_string(PortState state) {
  return port_names[static_cast<std::size_t>(state)].second;
}

std::string_view describe(PortState state) {
  return state == PortState::stranger ? "taken by another server" : to_string(state);
}

std::optional<PortState> parse_port_state(std::string_view name) {
  for (const auto& [state, text] : port_names)
    if (text == name) return state;
  return std::nullopt;
}

}  // namespace autoctl
