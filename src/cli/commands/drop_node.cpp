#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/monitor_connection.h"
#include "common/util/pid_file.h"
#include "keeper/agent/create_node.h"

namespace autoctl::cli {

namespace {

constexpr Millis leave_poll_interval{100};

struct DropNodeOptions {
  MonitorTarget target;
  std::string formation = "default";
  std::string name;
  std::string hostname;
  int pgport = 0;
  bool destroy = false;
  bool force = false;
  bool allow_data_loss = false;
  int wait_seconds = 60;
  bool no_wait = false;

  /// Its own Postgres has to be stopped in any case.
  int patience() const { return wait_seconds == 0 ? DropNodeOptions{}.wait_seconds : wait_seconds; }
  bool names_another() const { return !name.empty() || !hostname.empty() || pgport != 0; }
};

/// On the node itself: its daemon stops, the monitor forgets it, our files go.
Result<> drop_here(const DropNodeOptions& options) {
  const auto config = load_config(options.target.pgdata);
  if (!config) return fail(config.error());
  if (config->is_monitor())
    return fail(Errc::bad_usage, config->pgdata + " is the monitor's, not a node's",
                "say with --name which node to drop; `autoctl drop monitor` drops the monitor");
  const config::Files files(options.target.pgdata);
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  if (*pid) {
    spdlog::info("Stopping autoctl (pid {}) and its Postgres", **pid);
    AUTOCTL_TRY(signal_daemon(**pid, SIGTERM));
    AUTOCTL_TRY(await_daemon_end(files, **pid, std::chrono::seconds(options.patience())));
  }
  AUTOCTL_TRY(keeper::drop_node(files, {.destroy = options.destroy, .force = options.force}));
  spdlog::info("Node {} \"{}\" has been dropped{}", config->node.value, config->name,
               options.destroy ? fmt::format(", and \"{}\" destroyed", config->pgdata) : "");
  return {};
}

bool matches(const protocol::NodeDocument& node, const DropNodeOptions& options) {
  return (options.name.empty() || node.name == options.name) &&
         (options.hostname.empty() || node.host == options.hostname) &&
         (options.pgport == 0 || node.port == options.pgport);
}

Result<protocol::NodeDocument> find_node(client::MonitorApi& api, const DropNodeOptions& options) {
  const auto state = api.state(options.formation, std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  std::vector<protocol::NodeDocument> found;
  for (const auto& node : state->nodes)
    if (matches(node, options)) found.push_back(node);
  if (found.empty())
    return fail(Errc::not_found, fmt::format("formation \"{}\" has no such node", options.formation),
                "`autoctl show state` lists them");
  if (found.size() > 1)
    return fail(Errc::bad_usage, fmt::format("{} nodes match", found.size()),
                "give --name, or both --hostname and --pgport");
  return found.front();
}

/// Until the monitor lists it no more. With `force` it is dropped again and again: the monitor then forgets a node that
/// it cannot hear as soon as that one's lease is over.
Result<> await_gone(client::MonitorApi& api, const DropNodeOptions& options, NodeId id) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_seconds);
  std::string why;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto state = api.state(options.formation, std::nullopt, call_timeout);
    if (!state) return fail(state.error());
    const auto node = std::ranges::find(state->nodes, id, &protocol::NodeDocument::id);
    if (node == state->nodes.end()) return {};
    why = fmt::format(": it is {}{}{}", node->health, node->health_reason.empty() ? "" : ", ", node->health_reason);
    if (options.force && node->health != "healthy") {
      const auto again = api.drop_node(id, call_timeout, options.allow_data_loss);
      if (!again && again.error().code != Errc::conflict && again.error().code != Errc::not_found) return again;
      if (!again) why = ": " + again.error().message;
    }
    std::this_thread::sleep_for(leave_poll_interval);
  }
  return fail(Errc::timeout, "the node has not left the formation yet" + why,
              options.force ? "the drop continues; see `autoctl show state`"
                            : "it leaves when it has stopped; if it is gone for good: autoctl drop node --force");
}

Result<> drop_elsewhere(const DropNodeOptions& options) {
  if (options.destroy)
    return fail(Errc::bad_usage, "--destroy works on the node itself only", "run `autoctl drop node --destroy` there");
  if (options.force && options.wait_seconds == 0)
    return fail(Errc::bad_usage, "--force has to wait for the end of the node's lease", "leave out --wait 0");
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto node = find_node(*api, options);
  if (!node) return fail(node.error());
  AUTOCTL_TRY(api->drop_node(node->id, call_timeout, options.allow_data_loss));
  spdlog::info("Dropping node {} \"{}\" ({}:{})", node->id.value, node->name, node->host, node->port);
  if (options.wait_seconds == 0) return {};
  AUTOCTL_TRY(await_gone(*api, options, node->id));
  spdlog::info("Node {} \"{}\" has been dropped", node->id.value, node->name);
  return {};
}

Result<ExitCode> drop_node(const DropNodeOptions& asked) {
  DropNodeOptions options = asked;
  if (options.no_wait) options.wait_seconds = 0;
  if (options.allow_data_loss && !options.names_another())
    return fail(Errc::bad_usage, "--allow-data-loss needs the name of another node", "say with --name which");
  AUTOCTL_TRY(options.names_another() ? drop_elsewhere(options) : drop_here(options));
  return ExitCode::ok;
}

void declare(Verb command, DropNodeOptions& options) {
  add_changing_target(command, options.target);
  add_formation(command, options.formation);
  command.add_option("--name", options.name, "drop this node, wherever it runs; default: the node in PGDATA")
      .type_name("NODE");
  command.add_option("--hostname,--nodename", options.hostname, "drop the node with this host name").type_name("HOST");
  command.add_option("--pgport", options.pgport, "and this Postgres port").range(1, 65535).type_name("PORT");
  command.add_flag("--destroy", options.destroy, "also remove PGDATA, with all data in it");
  command.add_flag(
      "--force", options.force,
      "also drop a node that cannot be heard and may still run: it is forgotten when its lease has run out, and "
      "stops for good if it comes back; in PGDATA: also when the monitor does not answer");
  command.add_flag(
      "--allow-data-loss", options.allow_data_loss,
      "with --name: also drop a primary that may have acknowledged what no other node has, because it waits for "
      "no standby, or because it does not come to this monitor: the others elect without it");
  command.add_option("--wait", options.wait_seconds, "how many seconds to wait; default: 60; 0: do not wait")
      .not_negative()
      .type_name("SECONDS");
  command.add_flag("--no-wait", options.no_wait, "as --wait 0");
}

}  // namespace

void add_drop_node(Verb drop, Invocation& invocation) {
  add_command<DropNodeOptions>(drop, invocation, "node", "remove the node in PGDATA, or the one that is named",
                               "autoctl drop node --pgdata /srv/pg --destroy", declare, drop_node);
}

}  // namespace autoctl::cli
