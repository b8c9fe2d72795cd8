// inspect monitor get: single answers out of the monitor's state, for scripts.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"

namespace autoctl::cli {

namespace {

using protocol::NodeDocument;

struct InspectMonitorOptions {
  MonitorTarget target;
  Scope scope;
  bool json = false;
};

struct Asked {
  Scope scope;
  NodeId here;                      // the node in PGDATA; 0: none
  std::vector<NodeDocument> nodes;  // of the group
};

/// Formation and group are those of the node in PGDATA where none is given; else group 0.
Result<Asked> ask(const InspectMonitorOptions& options) {
  Asked asked{options.scope, {}, {}};
  if (!options.target.pgdata.empty()) {
    const auto config = load_config(options.target.pgdata);
    if (config && !config->is_monitor()) {
      if (!asked.scope.group) asked.scope = {config->formation, config->group};
      asked.here = config->node;
    }
  }
  if (!asked.scope.group) asked.scope.group = 0;
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  auto state = api->state(asked.scope.formation, asked.scope.group, call_timeout);
  if (!state) return fail(state.error());
  for (const NodeDocument& node : state->nodes)
    if (node.formation == asked.scope.formation && node.group == *asked.scope.group) asked.nodes.push_back(node);
  return asked;
}

nlohmann::json where(const Asked& asked) {
  return {{"formation", asked.scope.formation}, {"groupId", *asked.scope.group}};
}

bool is_primary(const NodeDocument& node) {
  return is_leader_state(node.assigned) || node.connection == "read-write";
}

Result<NodeDocument> find_primary(const Asked& asked) {
  const auto found = std::ranges::find_if(asked.nodes, is_primary);
  if (found != asked.nodes.end()) return *found;
  return fail(Errc::not_found,
              fmt::format("formation \"{}\" has no primary in group {} now", asked.scope.formation, *asked.scope.group),
              "`autoctl explain` says what it waits for");
}

Result<ExitCode> primary(const InspectMonitorOptions& options) {
  const auto asked = ask(options);
  if (!asked) return fail(asked.error());
  const auto node = find_primary(*asked);
  if (!node) return fail(node.error());
  nlohmann::json document = where(*asked);
  document.update({{"nodeId", node->id.value}, {"name", node->name}, {"host", node->host}, {"port", node->port}});
  print(options.json ? pretty(document)
                     : fmt::format("{}/{} {}\n", asked->scope.formation, *asked->scope.group,
                                   host_port(node->host, node->port)));
  return ExitCode::ok;
}

Result<ExitCode> others(const InspectMonitorOptions& options) {
  const auto asked = ask(options);
  if (!asked) return fail(asked.error());
  nlohmann::json array = nlohmann::json::array();
  std::string text;
  for (const NodeDocument& node : asked->nodes) {
    if (node.id == asked->here) continue;
    array.push_back({{"node_id", node.id.value},
                     {"node_name", node.name},
                     {"node_host", node.host},
                     {"node_port", node.port},
                     {"node_lsn", to_string(node.lsn)},
                     {"node_is_primary", is_primary(node)}});
    text += fmt::format("{} {} {}\n", node.id.value, node.name, host_port(node.host, node.port));
  }
  print(options.json ? pretty(array) : text);
  return ExitCode::ok;
}

Result<ExitCode> candidate_count(const InspectMonitorOptions& options) {
  const auto asked = ask(options);
  if (!asked) return fail(asked.error());
  const auto count = std::ranges::count_if(asked->nodes, [](const NodeDocument& node) {
    return node.candidate_priority > 0 && node.assigned != NodeState::dropped;
  });
  nlohmann::json document = where(*asked);
  document["failoverCandidateCount"] = count;
  print(options.json ? pretty(document) : fmt::format("{}\n", count));
  return ExitCode::ok;
}

Result<ExitCode> coordinator(const InspectMonitorOptions& options) {
  InspectMonitorOptions first = options;
  first.scope.group = 0;
  const auto asked = ask(first);
  if (!asked) return fail(asked.error());
  const auto node = find_primary(*asked);
  if (!node) return fail(node.error());
  if (node->role != "coordinator")
    return fail(Errc::not_found, fmt::format("formation \"{}\" has no coordinator", asked->scope.formation),
                "`autoctl show state` lists its nodes");
  nlohmann::json document = where(*asked);
  document.update({{"host", node->host}, {"port", node->port}});
  print(options.json ? pretty(document) : host_port(node->host, node->port) + '\n');
  return ExitCode::ok;
}

void declare(Verb command, InspectMonitorOptions& options) {
  add_target(command, options.target);
  add_group_scope(command, options.scope);
  add_json(command, options.json);
}

}  // namespace

Verb add_inspect_monitor(Verb inspect, Invocation& invocation) {
  Verb monitor = inspect.add_group("monitor", "single answers of the monitor, for scripts");
  Verb get = monitor.add_group("get", "single answers of the monitor, for scripts");
  add_command<InspectMonitorOptions>(get, invocation, "primary", "the primary of a group",
                                     "autoctl inspect monitor get primary --pgdata /srv/pg --json", declare, primary);
  add_command<InspectMonitorOptions>(get, invocation, "others", "the group's nodes but for the one in PGDATA",
                                     "autoctl inspect monitor get others --pgdata /srv/pg --json", declare, others);
  add_command<InspectMonitorOptions>(get, invocation, "candidate-count",
                                     "how many nodes of a group may become its primary (candidate priority above 0)",
                                     "autoctl inspect monitor get candidate-count --pgdata /srv/pg", declare,
                                     candidate_count);
  add_command<InspectMonitorOptions>(get, invocation, "coordinator", "the coordinator's primary of a Citus formation",
                                     "autoctl inspect monitor get coordinator --pgdata /srv/pg", declare, coordinator);
  return monitor;
}

}  // namespace autoctl::cli
