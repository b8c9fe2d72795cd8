// set node metadata: another name, host name or port for the node in PGDATA; the others follow it there.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/monitor_connection.h"
#include "common/config/checks.h"
#include "common/util/pid_file.h"

namespace autoctl::cli {

namespace {

constexpr Millis arrival_timeout{60'000};
constexpr Millis poll_interval{100};

struct MetadataOptions {
  Target target;
  std::string name;      // empty, 0: as it is
  std::string hostname;
  int pgport = 0;
};

/// Nobody else is there, and the service does not need this node just now.
Result<> check_move(const protocol::StateDocument& state, const config::Config& from, const config::Config& to) {
  for (const auto& node : state.nodes) {
    if (node.id != to.node && node.host == to.hostname && node.port == to.pgport)
      return fail(Errc::conflict, fmt::format("node {} \"{}\" is at {}:{}", node.id.value, node.name, node.host, node.port));
    const bool has_standbys = std::ranges::count_if(state.nodes, [&](const auto& other) {
                                return other.formation == node.formation && other.group == node.group;
                              }) > 1;
    if (node.id == to.node && is_leader_state(node.assigned) && from.pgport != to.pgport && has_standbys)
      return fail(Errc::conflict, "it is the primary, and another port needs a restart of Postgres",
                  fmt::format("`autoctl perform switchover --formation {} --group {}` first", node.formation, node.group));
  }
  return {};
}

/// Until the monitor has the new address from the node itself, and the node is where it should be again.
Result<> await_move(client::MonitorApi& api, const config::Config& config) {
  const auto deadline = std::chrono::steady_clock::now() + arrival_timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto state = api.state(config.formation, config.group, call_timeout);
    if (!state) return fail(state.error());
    const auto node = std::ranges::find(state->nodes, config.node, &protocol::NodeDocument::id);
    if (node != state->nodes.end() && node->host == config.hostname && node->port == config.pgport &&
        node->health == "healthy" && node->reported == node->assigned)
      return {};
    std::this_thread::sleep_for(poll_interval);
  }
  return fail(Errc::timeout, fmt::format("the node has not come to {}:{} yet", config.hostname, config.pgport),
              "`autoctl show state` tells how far it is, and its log why");
}

/// The monitor's word on the name first: it knows which are taken.
Result<ExitCode> set_metadata(const MetadataOptions& options) {
  auto config = load_config(options.target.pgdata);
  if (!config) return fail(config.error());
  if (config->is_monitor()) return fail(Errc::bad_usage, "--pgdata is the data directory of a node, not the monitor's");
  config::Config changed = *config;
  if (!options.name.empty()) changed.name = options.name;
  if (!options.hostname.empty()) changed.hostname = options.hostname;
  if (options.pgport != 0) changed.pgport = options.pgport;
  const bool moves = changed.hostname != config->hostname || changed.pgport != config->pgport;
  if (!moves && changed.name == config->name && options.name.empty())
    return fail(Errc::bad_usage, "nothing to change", "say --name, --hostname or --pgport");

  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state("", std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  AUTOCTL_TRY(check_move(*state, *config, changed));
  if (!options.name.empty()) {
    const auto renamed = api->change_node(config->node, {config->formation, {{"name", options.name}}}, call_timeout);
    if (!renamed) return fail(renamed.error());
  }
  const config::Files files(options.target.pgdata);
  AUTOCTL_TRY(config::save(files, changed));
  spdlog::info("Node {} is \"{}\" at {}:{} now", changed.node.value, changed.name, changed.hostname, changed.pgport);

  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  if (!*pid) {
    spdlog::info("Next: autoctl run --pgdata {}", files.pgdata);
    return ExitCode::ok;
  }
  AUTOCTL_TRY(signal_daemon(**pid, SIGHUP));
  if (moves) AUTOCTL_TRY(await_move(*api, changed));
  return ExitCode::ok;
}

void declare(CLI::App& command, MetadataOptions& options) {
  add_target(command, options.target);
  command.add_option("--name", options.name, "the node's new name")->type_name("NODE");
  command.add_option("--hostname", options.hostname, "its new host name or address, for clients and the other nodes")
      ->check(checked(config::check_hostname))
      ->type_name("HOST");
  command.add_option("--pgport", options.pgport, "its new port; Postgres restarts there")
      ->check(CLI::Range(1, 65535))
      ->type_name("PORT");
}

}  // namespace

void add_set_node_metadata(CLI::App& node, Invocation& invocation) {
  add_command<MetadataOptions>(node, invocation, "metadata",
                               "another name, host name or port of the node in PGDATA; the others follow it there",
                               "autoctl set node metadata --name node_a --hostname db1.example --pgdata /srv/pg", declare,
                               set_metadata);
}

}  // namespace autoctl::cli
