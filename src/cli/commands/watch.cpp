#include "cli/watch.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/events.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"
#include "common/util/logging.h"

namespace autoctl::cli {

namespace {

constexpr Millis refresh_timeout{3000};
constexpr const char* clear_screen = "\x1b[H\x1b[2J\x1b[3J";

std::string now() {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

std::string json_line(const nlohmann::json& document) {
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
}

/// One screen. An error is part of it: the monitor may be back at the next look.
std::string draw(client::MonitorApi& api, const WatchOptions& options) {
  std::string screen = fmt::format("autoctl watch, formation \"{}\", {}\n\n", options.scope.formation, now());
  const auto state = api.state(options.scope.formation, options.scope.group, refresh_timeout);
  if (!state) return screen + state.error().message + '\n' + state.error().hint + '\n';
  screen += state_table(*state, terminal_width()) + '\n';
  const auto events = api.events(
      {.formation = options.scope.formation, .group = options.scope.group, .count = options.count}, refresh_timeout);
  if (!events) return screen + events.error().message + '\n';
  Table table = events_table();
  for (const auto& event : events->events) table.add(event_row(event));
  return screen + table.text();
}

/// The same as one line of JSON.
std::string line(client::MonitorApi& api, const WatchOptions& options) {
  const auto state = api.state(options.scope.formation, options.scope.group, refresh_timeout);
  if (!state) return json_line({{"error", {{"message", state.error().message}, {"hint", state.error().hint}}}});
  nlohmann::json document = {{"state", state_json(*state)}, {"events", nlohmann::json::array()}};
  const auto events = api.events(
      {.formation = options.scope.formation, .group = options.scope.group, .count = options.count}, refresh_timeout);
  if (events)
    for (const auto& event : events->events) document["events"].push_back(event_json(event));
  return json_line(document);
}

void pause(const WatchOptions& options) {
  std::this_thread::sleep_for(std::chrono::duration<double>(options.interval_seconds));
}

bool is_away(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout;
}

Result<client::MonitorApi> connect(const WatchOptions& options) {
  auto api = connect_monitor(options.target, Millis{0});
  for (bool said = false; !api && options.wait && is_away(api.error()); said = true) {
    if (!said) spdlog::info("Waiting for the monitor: {}", logging::one_line(api.error().message));
    pause(options);
    api = connect_monitor(options.target, Millis{0});
  }
  return api;
}

void declare(Verb command, WatchOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  command.add_option("--count", options.count, "number of events to show; default: 10").range(1, 100).type_name("N");
  command.add_option("--interval", options.interval_seconds, "seconds between two refreshes; default: 0.5")
      .range(0.1, 3600.0)
      .type_name("SECONDS");
  command.add_flag("--wait", options.wait, "wait for a monitor that cannot be reached yet");
  add_json(command, options.json).description("print one line of JSON in place of each screen");
}

}  // namespace

Result<ExitCode> watch(const WatchOptions& options) {
  auto api = connect(options);
  if (!api) return fail(api.error());
  const bool once = ::isatty(STDOUT_FILENO) == 0;
  if (once && !options.json) {
    print(draw(*api, options));
    return ExitCode::ok;
  }
  while (true) {
    // Composed first and written in one piece, so that the screen does not flicker.
    const std::string screen = options.json ? line(*api, options) : clear_screen + draw(*api, options);
    print(screen);
    if (once) return ExitCode::ok;
    pause(options);
  }
}

void add_watch(Verb root, Invocation& invocation) {
  add_command<WatchOptions>(root, invocation, "watch", "state and events, redrawn until Ctrl-C",
                            "autoctl watch --pgdata /srv/pg", declare, watch);
}

}  // namespace autoctl::cli
