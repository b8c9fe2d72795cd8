#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/local_state.h"
#include "cli/options.h"
#include "cli/output/print.h"
#include "cli/output/state_machine.h"
#include "keeper/core/transitions.h"
#include "monitor/fsm/decide.h"

namespace autoctl::cli {

namespace {

struct InspectOptions {
  bool json = false;
  std::string phase;   // mermaid
  std::string pgdata;  // list
};

nlohmann::json json_of_tables(std::optional<NodeState> from) {
  nlohmann::json document = {{"rules", nlohmann::json::array()}, {"transitions", nlohmann::json::array()}};
  for (const auto& rule : monitor::rules())
    if (!from) document["rules"].push_back({{"id", rule.id}, {"name", rule.name}, {"sentence", rule.sentence}});
  for (const auto& transition : keeper::transitions())
    if (!from || transition.from.contains(*from))
      document["transitions"].push_back({{"from", names_of(transition.from)},
                                         {"to", to_string(transition.to)},
                                         {"sentence", transition.sentence},
                                         {"steps", names_of(transition.steps)}});
  return document;
}

Result<ExitCode> list(const InspectOptions& options) {
  std::optional<NodeState> from;
  if (!options.pgdata.empty()) {
    const auto local = read_local_state(options.pgdata);
    if (!local) return fail(local.error());
    from = local->saved.state;
  }
  print(options.json ? pretty(json_of_tables(from)) : list_state_machine(from));
  return ExitCode::ok;
}

Result<ExitCode> mermaid(const InspectOptions& options) {
  print(draw_state_machine(parse_phase(options.phase)));
  return ExitCode::ok;
}

Result<ExitCode> gv(const InspectOptions&) {
  print(graph_state_machine());
  return ExitCode::ok;
}

Result<ExitCode> markdown(const InspectOptions&) {
  print(describe_state_machine());
  return ExitCode::ok;
}

/// Every pair of states has at most one transition, every assignable state can be reached, and every rule has a name of
/// its own.
std::vector<std::string> find_faults() {
  std::vector<std::string> faults;
  for (const NodeState from : all_node_states)
    for (const NodeState to : all_node_states) {
      int matches = 0;
      for (const auto& transition : keeper::transitions())
        if (transition.to == to && transition.from.contains(from)) ++matches;
      if (matches > 1)
        faults.push_back(fmt::format("{} -> {} has {} transitions", to_string(from), to_string(to), matches));
    }
  for (const auto& rule : monitor::rules())
    for (const auto& other : monitor::rules())
      if (&rule < &other && (rule.id == other.id || rule.name == other.name))
        faults.push_back(fmt::format("rules {} ({}) and {} ({}) share a number or a name", rule.id, rule.name, other.id,
                                     other.name));
  return faults;
}

Result<ExitCode> check(const InspectOptions& options) {
  const auto faults = find_faults();
  if (options.json) {
    print(pretty({{"ok", faults.empty()}, {"mismatches", faults}}));
    return faults.empty() ? ExitCode::ok : ExitCode::internal;
  }
  for (const std::string& fault : faults) print(fault + '\n');
  if (!faults.empty())
    return fail(Errc::internal, fmt::format("{} faults in the state machine's tables", faults.size()));
  print(fmt::format("{} rules and {} transitions: no fault found\n", monitor::rules().size(),
                    keeper::transitions().size()));
  return ExitCode::ok;
}

void declare_none(Verb, InspectOptions&) {}
void declare_json(Verb command, InspectOptions& options) {
  add_json(command, options.json);
}
/// Not from the environment: who asks for the whole table gets it.
void declare_list(Verb command, InspectOptions& options) {
  declare_json(command, options);
  command
      .add_option("-D,--pgdata", options.pgdata, "only what the node in this directory can do from its present state")
      .type_name("DIR");
}
void declare_check(Verb command, InspectOptions& options) {
  declare_json(command, options);
  command.add_option("-D,--pgdata", options.pgdata, "pg_autoctl's: the tables are the same everywhere").hide();
}
void declare_phase(Verb command, InspectOptions& options) {
  command.add_option("phase", options.phase, "the part to draw; default: all of it")
      .one_of({"init", "steady-state", "failover", "maintenance", "removal"})
      .type_name("");
}

}  // namespace

void add_inspect_fsm(Verb inspect, Invocation& invocation) {
  Verb fsm = inspect.add_group("fsm", "the state machine: the monitor's rules and the keeper's transitions");
  add_command<InspectOptions>(fsm, invocation, "list", "every rule and every transition", "autoctl inspect fsm list",
                              declare_list, list);
  add_command<InspectOptions>(fsm, invocation, "mermaid", "the transitions as a Mermaid diagram",
                              "autoctl inspect fsm mermaid failover > fsm.mmd", declare_phase, mermaid);
  add_command<InspectOptions>(fsm, invocation, "gv", "the transitions as a graph for Graphviz",
                              "autoctl inspect fsm gv | dot -Tsvg > fsm.svg", declare_none, gv);
  add_command<InspectOptions>(fsm, invocation, "markdown", "both tables as a page: docs/states.md",
                              "autoctl inspect fsm markdown > docs/states.md", declare_none, markdown);
  add_command<InspectOptions>(fsm, invocation, "check", "do the two tables fit together?", "autoctl inspect fsm check",
                              declare_check, check);
  add_inspect_fsm_state(fsm, invocation);
}

}  // namespace autoctl::cli
