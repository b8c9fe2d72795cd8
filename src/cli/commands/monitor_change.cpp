// enable monitor, disable monitor.
#include "keeper/agent/monitor_change.h"

#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/join_options.h"
#include "cli/monitor_connection.h"
#include "common/config/checks.h"
#include "common/protocol/text_rule.h"
#include "common/util/pid_file.h"

namespace autoctl::cli {

namespace {

constexpr Millis monitor_arrival_timeout{30'000};
constexpr Millis arrival_poll_interval{100};

struct DisableOptions {
  std::string pgdata;
  keeper::Leave by;
};

struct EnableOptions {
  std::string pgdata;
  std::string monitor;
  std::string monitor_ca_file;
  std::string token_file;
  JoinOptions join;
  bool allow_failover = false;  // is not needed
};

Result<config::Config> load_node(const std::string& pgdata) {
  auto config = load_config(pgdata);
  if (config && config->is_monitor())
    return fail(Errc::bad_usage, config->pgdata + " is a monitor's", "--pgdata is the data directory of a node");
  return config;
}

/// True when a keeper runs, and has been told.
Result<bool> tell_keeper(const config::Files& files) {
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  if (!*pid) return false;
  AUTOCTL_TRY(signal_daemon(**pid, SIGHUP));
  return true;
}

Result<ExitCode> disable(const DisableOptions& options) {
  auto config = load_node(options.pgdata);
  if (!config) return fail(config.error());
  const config::Files files(options.pgdata);
  if (config->monitor_url.empty()) {
    spdlog::info("Node {} \"{}\" has no monitor: nothing to do", config->node.value, config->name);
    return ExitCode::ok;
  }
  AUTOCTL_TRY(keeper::leave_monitor(*config, files, options.by));
  if (const auto told = tell_keeper(files); !told) return fail(told.error());
  spdlog::info("Node {} \"{}\" has left the monitor at {}: it stays what it is, and does not fail over",
               config->node.value, config->name, config->monitor_url);
  return ExitCode::ok;
}

/// Waits until the keeper has told the new monitor what it is; then says which nodes that monitor still waits for.
Result<> await_arrival(const config::Config& config) {
  auto api = connect_monitor({.pgdata = config.pgdata});
  if (!api) return fail(api.error());
  const auto deadline = std::chrono::steady_clock::now() + monitor_arrival_timeout;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto state = api->state(config.formation, config.group, call_timeout);
    if (!state) return fail(state.error());
    const auto node = std::ranges::find(state->nodes, config.node, &protocol::NodeDocument::id);
    if (node != state->nodes.end() && node->report_age_ms >= 0) {
      spdlog::info("The monitor knows node {} \"{}\" as {}", config.node.value, config.name, to_string(node->assigned));
      for (const auto& group : state->groups)
        if (!group.waiting_for.empty()) spdlog::info("Group {}: {}", group.group, group.waiting_for);
      return {};
    }
    std::this_thread::sleep_for(arrival_poll_interval);
  }
  return fail(Errc::timeout, "the keeper has not reported to the new monitor yet",
              "it keeps trying; see `autoctl show state` and its log");
}

Result<ExitCode> enable(const EnableOptions& options) {
  if (options.monitor.empty())
    return fail(Errc::bad_usage, "which monitor? none is given", "`autoctl show uri --monitor` there prints its URI");
  const auto join = read_join_token(options.join);
  if (!join) return fail(join.error());
  if (!options.token_file.empty() && !join->secret.empty())
    return fail(Errc::bad_usage, "--token-file and a join token are both given", "leave one of them out");
  auto config = load_node(options.pgdata);
  if (!config) return fail(config.error());
  const config::Files files(options.pgdata);
  const auto absolute = [](const std::string& path) {
    return path.empty() ? path : std::filesystem::absolute(path).string();
  };
  const auto joined = keeper::join_monitor(
      *config, files, {options.monitor, absolute(options.monitor_ca_file), absolute(options.token_file), *join});
  if (!joined) return fail(joined.error());
  spdlog::info("Node {} \"{}\" is registered with the monitor at {}", joined->node.value, joined->name,
               joined->monitor_url);
  const auto told = tell_keeper(files);
  if (!told) return fail(told.error());
  if (*told)
    AUTOCTL_TRY(await_arrival(*joined));
  else
    spdlog::info("Next: autoctl run --pgdata {}", files.pgdata);
  return ExitCode::ok;
}

void declare_disable(Verb command, DisableOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_flag("--force", options.by.force, "also when the monitor does not answer");
  command
      .add_option("--token-file", options.by.token_file,
                  "file with an operator's credential, which a primary needs unless its formation is paused; default: "
                  "the node's own")
      .type_name("FILE");
  command.add_option("--reason", options.by.reason, "why, for the event log")
      .check([](const std::string& text) { return protocol::why_not(text, protocol::rules::reason); })
      .type_name("TEXT");
}

void declare_enable(Verb command, EnableOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_option("--monitor,monitor", options.monitor, "the monitor: https://host:port or postgres://…")
      .check(config::check_monitor)
      .type_name("URI");
  command
      .add_option("--monitor-ca-file", options.monitor_ca_file,
                  "certificates to trust for an https:// monitor; default: the system's")
      .existing_file()
      .type_name("FILE");
  command
      .add_option("--token-file", options.token_file,
                  "credential to register with; default: what a postgres:// monitor hands out")
      .existing_file()
      .type_name("FILE");
  add_join_options(command, options.join);
  command.add_flag("--allow-failover", options.allow_failover, "pg_autoctl's: no failover is needed for it here")
      .hide();
}

}  // namespace

void add_disable_monitor(Verb parent, Invocation& invocation) {
  add_command<DisableOptions>(parent, invocation, "monitor",
                              "detach this node from its monitor; Postgres keeps running",
                              "autoctl disable monitor --pgdata /srv/pg", declare_disable, disable);
}

void add_enable_monitor(Verb parent, Invocation& invocation) {
  add_command<EnableOptions>(parent, invocation, "monitor",
                             "register this node, as it is, with another monitor; Postgres keeps running",
                             "autoctl enable monitor --pgdata /srv/pg \\\n"
                             "    'postgres://autoctl_node@monitor:5432/pg_auto_failover?sslmode=require'",
                             declare_enable, enable);
}

}  // namespace autoctl::cli
