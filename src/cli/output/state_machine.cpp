#include "cli/output/state_machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "monitor/fsm/decide.h"

namespace autoctl::cli {

std::vector<std::string_view> names_of(const keeper::StateSet& states) {
  std::vector<std::string_view> names;
  for (const NodeState state : all_node_states)
    if (states.contains(state)) names.push_back(to_string(state));
  return names;
}

std::vector<std::string_view> names_of(std::span<const keeper::Step> steps) {
  std::vector<std::string_view> names;
  for (const keeper::Step step : steps) names.push_back(to_string(step));
  return names;
}

std::string list_state_machine() {
  std::string text = "The monitor's rules: the first that fires decides.\n\n";
  for (const auto& rule : monitor::rules())
    text += fmt::format("{:4} {}\n     {}\n", rule.id, rule.name, rule.sentence);
  text += "\nThe keeper's transitions: how a node gets from the state it has reached to the one it is assigned.\n\n";
  for (const auto& transition : keeper::transitions())
    text += fmt::format("{} -> {}\n     {}\n     steps: {}\n", fmt::join(names_of(transition.from), ", "),
                        to_string(transition.to), transition.sentence, fmt::join(names_of(transition.steps), ", "));
  return text;
}

namespace {

bool from_everywhere(const keeper::Transition& transition) {
  return std::ranges::all_of(all_node_states, [&](NodeState state) { return transition.from.contains(state); });
}

std::string cell_of_origins(const keeper::Transition& transition) {
  return from_everywhere(transition) ? "any state" : fmt::format("{}", fmt::join(names_of(transition.from), ", "));
}

}  // namespace

std::string draw_state_machine() {
  std::string text = "stateDiagram-v2\n    [*] --> init\n";
  for (const auto& transition : keeper::transitions())
    for (const std::string_view from : names_of(transition.from))
      if (from != to_string(transition.to) && !from_everywhere(transition))
        text += fmt::format("    {} --> {}\n", from, to_string(transition.to));
  return text + "    dropped --> [*]\n";
}

std::string describe_state_machine() {
  std::string text =
      "# The state machine\n\n"
      "Written by `autoctl inspect fsm markdown` from the tables that the program runs on; a test compares them.\n\n"
      "## The keeper's transitions\n\n"
      "How a node gets from the state it has reached to the one that the monitor assigns. A transition that was cut\n"
      "short is begun again: every step is safe to repeat.\n\n"
      "| From | To | The node … | Steps |\n|---|---|---|---|\n";
  for (const auto& transition : keeper::transitions())
    text += fmt::format("| {} | {} | {} | {} |\n", cell_of_origins(transition), to_string(transition.to),
                        transition.sentence, fmt::join(names_of(transition.steps), ", "));
  text += "\nWithout those that can be entered from any state:\n\n```mermaid\n" + draw_state_machine() +
          "```\n\n"
          "## The monitor's rules\n\n"
          "Tried in this order whenever a report of the group arrives or a deadline passes. The first rule that fires\n"
          "decides. Its name and the facts go into `autoctl show events`.\n\n"
          "| Number | Rule | When and what |\n|---|---|---|\n";
  for (const auto& rule : monitor::rules())
    text += fmt::format("| {} | `{}` | {} |\n", rule.id, rule.name, rule.sentence);
  return text;
}

}  // namespace autoctl::cli
