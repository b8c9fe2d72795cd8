// set node metadata: the node in PGDATA gets another name, host name or port, and the others follow it there.
#include "cli/node_metadata.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/local_address.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"
#include "common/config/checks.h"
#include "common/monitor_client/monitor_url.h"
#include "common/postgres/port_check.h"
#include "common/postgres/port_probe.h"
#include "common/util/loopback.h"
#include "common/util/pid_file.h"
#include "common/util/route.h"

namespace autoctl::cli {

namespace {

using config::Config;
using protocol::NodeDocument;
using protocol::StateDocument;

constexpr Millis address_timeout{60'000};
constexpr Millis address_poll_interval{100};
constexpr Millis address_probe_timeout{2000};
constexpr int port_max = 65'535;

/// The API's port follows, where it was not chosen for itself.
Config with_metadata(Config config, const MetadataOptions& options) {
  if (!options.name.empty()) config.name = options.name;
  if (!options.hostname.empty()) config.hostname = options.hostname;
  if (options.pgport == 0 || options.pgport == config.pgport) return config;
  if (config.api_port == config.pgport + config::api_port_offset)
    config.api_port = options.pgport + config::api_port_offset;
  config.pgport = options.pgport;
  return config;
}

/// Where all of the formation and its monitor are on this machine, 127.0.0.1 will do.
Result<> check_others_are_here(const StateDocument& state, const Config& to) {
  if (!is_loopback_host(to.hostname)) return {};
  const auto elsewhere = [&](const std::string& what) {
    return fail(Errc::conflict,
                fmt::format("{} leads every machine to itself, and {} is on another machine", to.hostname, what),
                "choose an address or a name of this machine that leads here from there");
  };
  const auto monitor = client::parse_https(to.monitor_url);
  if (monitor && !is_this_machine(monitor->front().host)) return elsewhere("the monitor");
  for (const auto& other : state.nodes)
    if (other.formation == to.formation && other.id != to.node && !is_this_machine(other.host))
      return elsewhere(fmt::format("{} ({})", other.name, other.host));
  return {};
}

/// A name that leads elsewhere would part the node from all others.
Result<> check_host(const StateDocument& state, const NodeDocument& node, const Config& from, const Config& to) {
  if (to.hostname == from.hostname) return {};
  if (const auto found = resolve_hostname(to.hostname); !found) return fail(found.error());
  AUTOCTL_TRY(check_others_are_here(state, to));
  const bool serves = node.connection != "none" && to.pgport == from.pgport;
  if (!serves || postgres::probe_postgres(to.hostname, to.pgport, address_probe_timeout) == PortState::open) return {};
  return fail(Errc::conflict,
              fmt::format("this node's Postgres does not answer at {}", host_port(to.hostname, to.pgport)),
              "the name must lead to this machine, and Postgres listen there (`autoctl config get postgresql.listen`)");
}

/// Postgres restarts there: that is not the moment to miss it.
Result<> check_port(const StateDocument& state, const NodeDocument& node, const Config& from, const Config& to,
                    bool runs) {
  if (to.pgport == from.pgport) return {};
  if (to.api_port > port_max)
    return fail(Errc::bad_usage, fmt::format("--pgport {} leaves no room for the API's port", to.pgport),
                "give the API a port of its own first: `autoctl config set autoctl.api_port`");
  if (to.api_port == to.pgport)
    return fail(Errc::bad_usage, fmt::format("{} is the port of autoctl's own API on this node", to.pgport));
  if (node.assigned == NodeState::maintenance)
    return fail(Errc::conflict, node.name + " is in maintenance: autoctl must not restart its Postgres",
                "`autoctl disable maintenance` first");
  const auto others = std::ranges::count_if(state.nodes, [&](const auto& other) {
    return other.formation == node.formation && other.group == node.group && other.id != node.id;
  });
  if (runs && is_leader_state(node.assigned) && others > 0)
    return fail(
        Errc::conflict, node.name + " is the primary, and another port needs a restart of Postgres",
        fmt::format("`autoctl perform switchover --formation {} --group {}` first", node.formation, node.group));
  if (runs && node.reported != node.assigned)
    return fail(
        Errc::conflict,
        fmt::format("{} is {} and on its way to {}", node.name, to_string(node.reported), to_string(node.assigned)),
        "wait until it has reached that state");
  AUTOCTL_TRY(postgres::check_port_free(to.listen, to.pgport));
  return to.api_port == from.api_port ? Result<>{} : postgres::check_port_free(to.listen, to.api_port, "--pgport");
}

Result<> check(const StateDocument& state, const Config& from, const Config& to, bool runs) {
  const auto node = std::ranges::find(state.nodes, to.node, &NodeDocument::id);
  if (node == state.nodes.end())
    return fail(Errc::not_found, fmt::format("the monitor does not know node {}", to.node.value),
                "it was dropped there");
  for (const auto& other : state.nodes)
    if (other.id != to.node && other.host == to.hostname && other.port == to.pgport)
      return fail(Errc::conflict, fmt::format("node {} \"{}\" is at {}", other.id.value, other.name,
                                              host_port(other.host, other.port)));
  AUTOCTL_TRY(check_port(state, *node, from, to, runs));
  return check_host(state, *node, from, to);
}

/// Until the monitor has heard from the node at its new address that it is what it was.
Result<> await_arrival(client::MonitorApi& api, const Config& config) {
  const auto deadline = std::chrono::steady_clock::now() + address_timeout;
  do {
    std::this_thread::sleep_for(address_poll_interval);
    const auto state = api.state(config.formation, config.group, call_timeout);
    if (!state) continue;
    const auto node = std::ranges::find(state->nodes, config.node, &NodeDocument::id);
    if (node == state->nodes.end()) return fail(Errc::not_found, config.name + " was dropped meanwhile");
    const bool is_there = node->host == config.hostname && node->port == config.pgport;
    const bool serves = node->connection != "none" || node->assigned == NodeState::maintenance;
    if (is_there && serves && node->health == "healthy" && node->reported == node->assigned) return {};
  } while (std::chrono::steady_clock::now() < deadline);
  return fail(Errc::timeout,
              fmt::format("{} does not serve at {} yet", config.name, host_port(config.hostname, config.pgport)),
              "see `autoctl show state` and its log");
}

/// The running keeper begins anew with the configuration that was just written.
Result<> tell_keeper(client::MonitorApi& api, const Config& from, const Config& to, std::optional<pid_t> pid) {
  if (!pid) {
    spdlog::info("autoctl is not running here; the other nodes follow once it runs: autoctl run --pgdata {}",
                 to.pgdata);
    return {};
  }
  AUTOCTL_TRY(signal_daemon(*pid, SIGHUP));
  return to.hostname != from.hostname || to.pgport != from.pgport ? await_arrival(api, to) : Result<>{};
}

/// The monitor's word on the name first: it knows which are taken.
Result<> change(client::MonitorApi& api, const config::Files& files, const Config& from, const Config& to,
                std::optional<pid_t> pid) {
  if (to.name != from.name) {
    const auto renamed = api.change_node(to.node, {to.formation, {{"name", to.name}}}, call_timeout);
    if (!renamed) return fail(renamed.error());
  }
  AUTOCTL_TRY(config::save(files, to));
  spdlog::info("Node {} is \"{}\" at {}", to.node.value, to.name, host_port(to.hostname, to.pgport));
  return tell_keeper(api, from, to, pid);
}

Result<ExitCode> set_metadata(const MetadataOptions& options) {
  const auto now = change_metadata(options);
  if (!now) return fail(now.error());
  if (options.json)
    print(pretty(
        {{"node_id", now->node.value}, {"name", now->name}, {"hostname", now->hostname}, {"pgport", now->pgport}}));
  return ExitCode::ok;
}

void declare(Verb command, MetadataOptions& options) {
  add_changing_target(command, options.target);
  declare_metadata(command, options);
  add_json(command, options.json);
}

}  // namespace

void declare_metadata(Verb command, MetadataOptions& options) {
  command.add_option("--name", options.name, "its new name").check(config::check_name).type_name("NODE");
  command
      .add_option("--hostname,--nodename", options.hostname,
                  "its new host name or address, for clients and all other nodes")
      .check(config::check_hostname)
      .type_name("HOST");
  command
      .add_option("--pgport", options.pgport,
                  "its new port; Postgres restarts there (of a primary: `perform switchover` first)")
      .range(1, port_max)
      .type_name("PORT");
}

Result<config::Config> change_metadata(const MetadataOptions& options) {
  const auto before = load_config(options.target.pgdata);
  if (!before) return fail(before.error());
  if (before->is_monitor())
    return fail(Errc::bad_usage, before->pgdata + " is the monitor's, not a node's",
                "run this on the node, with its --pgdata");
  if (options.name.empty() && options.hostname.empty() && options.pgport == 0)
    return fail(Errc::bad_usage, "nothing to change", "give --name, --hostname or --pgport");
  const Config now = with_metadata(*before, options);
  const config::Files files(options.target.pgdata);
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto state = api->state("", std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  AUTOCTL_TRY(check(*state, *before, now, pid->has_value()));
  AUTOCTL_TRY(change(*api, files, *before, now, *pid));
  return now;
}

void add_set_node_metadata(Verb node, Invocation& invocation) {
  add_command<MetadataOptions>(
      node, invocation, "metadata",
      "give the node in PGDATA another name, host name or port; the other nodes follow it there",
      "autoctl set node metadata --hostname db1.example --pgport 5433 --pgdata /srv/pg", declare, set_metadata);
}

}  // namespace autoctl::cli
