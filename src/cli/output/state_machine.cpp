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

std::string list_state_machine(std::optional<NodeState> from) {
  std::string text;
  if (!from) {
    text = "The monitor's rules: the first that fires decides.\n\n";
    for (const auto& rule : monitor::rules())
      text += fmt::format("{:4} {}\n     {}\n", rule.id, rule.name, rule.sentence);
    text += "\nThe keeper's transitions: how a node gets from the state it has reached to the one it is assigned.\n\n";
  }
  for (const auto& transition : keeper::transitions()) {
    if (from && !transition.from.contains(*from)) continue;
    const std::string origins =
        from ? std::string(to_string(*from)) : fmt::format("{}", fmt::join(names_of(transition.from), ", "));
    text += fmt::format("{} -> {}\n     {}\n     steps: {}\n", origins, to_string(transition.to), transition.sentence,
                        fmt::join(names_of(transition.steps), ", "));
  }
  return text;
}

namespace {

bool from_everywhere(const keeper::Transition& transition) {
  return std::ranges::all_of(all_node_states, [&](NodeState state) { return transition.from.contains(state); });
}

Phase phase_of(NodeState state) {
  switch (state) {
    using enum NodeState;
    case init:
    case single:
    case wait_standby: return Phase::init;
    case wait_primary:
    case primary:
    case catchingup:
    case secondary: return Phase::steady_state;
    case prepare_promotion:
    case stop_replication:
    case draining:
    case demote_timeout:
    case demoted:
    case report_lsn:
    case fast_forward: return Phase::failover;
    case wait_maintenance:
    case maintenance: return Phase::maintenance;
    case dropped: return Phase::removal;
  }
  return Phase::init;
}

bool is_drawn(const keeper::Transition& transition, NodeState from, std::optional<Phase> phase) {
  if (from == transition.to) return false;
  if (!phase) return !from_everywhere(transition);
  const bool about_it = phase_of(transition.to) == *phase;
  return from_everywhere(transition) ? about_it && *phase == Phase::removal : about_it || phase_of(from) == *phase;
}

template <class Draw>
void for_each_arrow(std::optional<Phase> phase, Draw draw) {
  for (const auto& transition : keeper::transitions())
    for (const NodeState from : all_node_states)
      if (transition.from.contains(from) && is_drawn(transition, from, phase)) draw(from, transition.to);
}

std::string cell_of_origins(const keeper::Transition& transition) {
  return from_everywhere(transition) ? "any state" : fmt::format("{}", fmt::join(names_of(transition.from), ", "));
}

}  // namespace

std::optional<Phase> parse_phase(std::string_view name) {
  using enum Phase;
  static constexpr std::pair<std::string_view, Phase> names[] = {{"init", init},
                                                                 {"steady-state", steady_state},
                                                                 {"failover", failover},
                                                                 {"maintenance", maintenance},
                                                                 {"removal", removal}};
  for (const auto& [known, phase] : names)
    if (known == name) return phase;
  return std::nullopt;
}

std::string draw_state_machine(std::optional<Phase> phase) {
  std::string text = "stateDiagram-v2\n";
  if (!phase || *phase == Phase::init) text += "    [*] --> init\n";
  for_each_arrow(phase, [&](NodeState from, NodeState to) {
    text += fmt::format("    {} --> {}\n", to_string(from), to_string(to));
  });
  return text + (!phase || *phase == Phase::removal ? "    dropped --> [*]\n" : "");
}

std::string graph_state_machine() {
  std::string text = "digraph fsm {\n    node [shape=box];\n";
  for_each_arrow(std::nullopt, [&](NodeState from, NodeState to) {
    const auto* transition = keeper::find_transition(from, to);
    text += fmt::format("    {} -> {} [label=\"{}\"];\n", to_string(from), to_string(to),
                        transition == nullptr ? "" : transition->sentence);
  });
  return text + "}\n";
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
