// get|set node candidate-priority|replication-quorum|region: pg_autoctl's words.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct NodeOptions {
  MonitorTarget target;
  std::string formation = "default";
  std::string name;   // empty: the one in PGDATA
  std::string value;  // set
  bool json = false;
};

Result<NodeId> own_node(const std::string& pgdata) {
  const auto config = pgdata.empty() ? Result<config::Config>(config::Config{}) : load_config(pgdata);
  if (!config) return fail(config.error());
  if (pgdata.empty() || config->is_monitor())
    return fail(Errc::bad_usage, "which node?", "give --name, or --pgdata with the directory of a node");
  return config->node;
}

Result<protocol::NodeDocument> find_node(client::MonitorApi& api, const NodeOptions& options) {
  NodeId own;
  if (options.name.empty()) {
    const auto id = own_node(options.target.pgdata);
    if (!id) return fail(id.error());
    own = *id;
  }
  const auto state = api.state(own ? "" : options.formation, std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  for (const auto& node : state->nodes)
    if (own ? node.id == own : node.name == options.name) return node;
  if (own) return fail(Errc::not_found, fmt::format("the monitor does not know node {}", own.value));
  return fail(Errc::not_found, fmt::format("formation \"{}\" has no node \"{}\"", options.formation, options.name),
              "`autoctl show state` lists them");
}

struct CandidatePriority {
  static constexpr const char* name = "candidate-priority";
  static constexpr const char* sentence = "0 to 100: the highest wins an election, 0 is never promoted";
  static constexpr const char* value = "60";
  static nlohmann::json of(const protocol::NodeDocument& node) { return node.candidate_priority; }
};
struct ReplicationQuorum {
  static constexpr const char* name = "replication-quorum";
  static constexpr const char* sentence = "true: commits may wait for this node; false: never";
  static constexpr const char* value = "false";
  static nlohmann::json of(const protocol::NodeDocument& node) { return node.replication_quorum; }
};
struct Region {
  static constexpr const char* name = "region";
  static constexpr const char* sentence = "label for where the node is";
  static constexpr const char* value = "west";
  static nlohmann::json of(const protocol::NodeDocument& node) { return node.region; }
};

template <class Property>
void show(const protocol::NodeDocument& node, bool json) {
  const nlohmann::json value = Property::of(node);
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  print(json ? pretty({{"name", node.name}, {Property::name, value}}) : text + "\n");
}

template <class Property>
Result<ExitCode> get_node(const NodeOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto node = find_node(*api, options);
  if (!node) return fail(node.error());
  show<Property>(*node, options.json);
  return ExitCode::ok;
}

template <class Property>
Result<ExitCode> set_node(const NodeOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto node = find_node(*api, options);
  if (!node) return fail(node.error());
  std::string name = Property::name;
  std::ranges::replace(name, '-', '_');
  const auto changed = api->change_node(node->id, {node->formation, {{name, options.value}}}, call_timeout);
  if (!changed) return fail(changed.error());
  const auto now = find_node(*api, options);
  if (!now) return fail(now.error());
  show<Property>(*now, options.json);
  return ExitCode::ok;
}

void declare_node(Verb command, NodeOptions& options) {
  add_formation(command, options.formation);
  command.add_option("--name", options.name, "the node; default: the node in PGDATA").type_name("NODE");
  add_json(command, options.json);
}

void declare_get(Verb command, NodeOptions& options) {
  add_target(command, options.target);
  declare_node(command, options);
}

void declare_set(Verb command, NodeOptions& options) {
  add_changing_target(command, options.target);
  declare_node(command, options);
  command.add_option("value", options.value, "its new value").required().type_name("");
}

template <class Property>
void add_property_getter(Verb parent, Invocation& invocation) {
  add_command<NodeOptions>(parent, invocation, Property::name, Property::sentence,
                           std::string("autoctl get node ") + Property::name + " --pgdata /srv/pg", declare_get,
                           get_node<Property>);
}

template <class Property>
void add_property_setter(Verb parent, Invocation& invocation) {
  add_command<NodeOptions>(
      parent, invocation, Property::name, Property::sentence,
      std::string("autoctl set node ") + Property::name + " " + Property::value + " --name node_2 --pgdata /srv/pg",
      declare_set, set_node<Property>);
}

}  // namespace

void add_get_node(Verb get, Invocation& invocation) {
  Verb node = get.add_group("node", "print a setting of a node");
  add_property_getter<CandidatePriority>(node, invocation);
  add_property_getter<ReplicationQuorum>(node, invocation);
  add_property_getter<Region>(node, invocation);
}

void add_set_node(Verb set, Invocation& invocation) {
  Verb node = set.add_group("node", "change a setting of a node");
  add_property_setter<CandidatePriority>(node, invocation);
  add_property_setter<ReplicationQuorum>(node, invocation);
  add_property_setter<Region>(node, invocation);
  add_set_node_metadata(node, invocation);
}

}  // namespace autoctl::cli
