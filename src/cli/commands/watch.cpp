#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <ctime>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/events.h"
#include "cli/output/print.h"
#include "cli/output/state_document.h"

namespace autoctl::cli {

namespace {

constexpr Millis refresh_timeout{3000};
constexpr const char* clear_screen = "\x1b[H\x1b[2J\x1b[3J";

struct WatchOptions {
  MonitorTarget target;
  Scope scope;
  int count = 10;
  double interval_seconds = 0.5;
};

std::string now() {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm local{};
  ::localtime_r(&seconds, &local);
  return fmt::format("{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
}

/// One screen. An error is part of it: the monitor may be back at the next look.
std::string draw(client::MonitorApi& api, const WatchOptions& options) {
  std::string screen = fmt::format("autoctl watch, formation \"{}\", {}\n\n", options.scope.formation, now());
  const auto state = api.state(options.scope.formation, options.scope.group, refresh_timeout);
  if (!state) return screen + state.error().message + '\n' + state.error().hint + '\n';
  screen += state_table(*state) + '\n';
  const auto events = api.events(
      {.formation = options.scope.formation, .group = options.scope.group, .count = options.count}, refresh_timeout);
  if (!events) return screen + events.error().message + '\n';
  Table table = events_table();
  for (const auto& event : events->events) table.add(event_row(event));
  return screen + table.text();
}

Result<ExitCode> watch(const WatchOptions& options) {
  auto api = connect_monitor(options.target, Millis{0});  // whether it answers is part of the picture
  if (!api) return fail(api.error());
  if (::isatty(STDOUT_FILENO) == 0) {
    print(draw(*api, options));
    return ExitCode::ok;
  }
  while (true) {
    // Composed first and written in one piece, so that the screen does not flicker.
    const std::string screen = draw(*api, options);
    print(clear_screen + screen);
    std::this_thread::sleep_for(std::chrono::duration<double>(options.interval_seconds));
  }
}

void declare(Verb command, WatchOptions& options) {
  add_target(command, options.target);
  add_scope(command, options.scope);
  command.add_option("--count", options.count, "number of events to show; default: 10").range(1, 100).type_name("N");
  command.add_option("--interval", options.interval_seconds, "seconds between two refreshes; default: 0.5")
      .range(0.1, 3600.0)
      .type_name("SECONDS");
}

}  // namespace

void add_watch(Verb root, Invocation& invocation) {
  add_command<WatchOptions>(root, invocation, "watch", "state and events, redrawn until Ctrl-C",
                            "autoctl watch --pgdata /srv/pg", declare, watch);
}

}  // namespace autoctl::cli
