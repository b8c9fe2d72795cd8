#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"

namespace autoctl::cli {

namespace {

constexpr Millis look_interval{200};

struct ActivateOptions {
  std::string pgdata;
  int wait_seconds = 60;
};

/// What pg_dist_node has for the node's group; empty when it is the one that takes the writes.
std::string missing(const protocol::StateDocument& state, GroupId group) {
  if (state.citus.empty() || !state.citus.front().coordinator)
    return "there is no coordinator yet: `autoctl create coordinator` creates one";
  const auto& citus = state.citus.front();
  const auto route = std::ranges::find(citus.plan.routes, group, &protocol::CitusRoute::group);
  const auto facts = std::ranges::find(citus.facts.routes, group, &protocol::CitusRouteFacts::group);
  if (route == citus.plan.routes.end() || !route->primary) return "no node of the group takes writes yet";
  if (facts == citus.facts.routes.end() || facts->routed_to != route->primary)
    return facts != citus.facts.routes.end() && !facts->trouble.empty() ? facts->trouble
                                                                        : "the coordinator has not added it yet";
  return facts->trouble;
}

Result<ExitCode> activate(const ActivateOptions& options) {
  const auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  if (!config->is_citus())
    return fail(Errc::conflict, options.pgdata + " is not a node of a Citus formation",
                "`autoctl create worker` creates one");
  auto api = connect_monitor({.pgdata = options.pgdata});
  if (!api) return fail(api.error());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_seconds);
  for (std::string said;;) {
    const auto state = api->state(config->formation, std::nullopt, call_timeout);
    if (!state) return fail(state.error());
    const std::string waits = missing(*state, config->group.value_or(0));
    if (waits.empty()) break;
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(Errc::timeout, fmt::format("group {} is not active: {}", config->group.value_or(0), waits));
    if (waits != said) spdlog::info("Waiting: {}", waits);
    said = waits;
    std::this_thread::sleep_for(look_interval);
  }
  spdlog::info("Group {} of formation \"{}\" is active in pg_dist_node", config->group.value_or(0), config->formation);
  return ExitCode::ok;
}

void declare(Verb command, ActivateOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_option("--wait", options.wait_seconds, "how long to wait for it")
      .range(0, 86'400)
      .type_name("SECONDS")
      .capture_default_str();
}

}  // namespace

void add_activate(Verb root, Invocation& invocation) {
  add_command<ActivateOptions>(root, invocation, "activate",
                               "wait until the coordinator sends statements to this worker's group, which it does by "
                               "itself",
                               "autoctl activate --pgdata /srv/worker", declare, activate);
}

}  // namespace autoctl::cli
