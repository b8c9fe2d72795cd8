// accept timeline: an operator settles whose history is a group's.
#include <cstdint>
#include <limits>

#include "cli/commands/commands.h"
#include "cli/perform.h"

namespace autoctl::cli {

namespace {

Result<ExitCode> accept_timeline(const PerformOptions& options) {
  AUTOCTL_TRY(perform("accept_timeline", options));
  return ExitCode::ok;
}

void declare(CLI::App& command, PerformOptions& options) {
  options.no_wait = true;  // the others may never come
  add_target(command, options.target);
  add_scope(command, options.scope);
  command.add_option("--tli", options.timeline, "the timeline to go on with, as `autoctl show timeline` lists it")
      ->required()
      ->check(CLI::Range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max()))
      ->type_name("NUMBER");
  command.add_option("--name", options.name, "whose, where several nodes have one of that number")->type_name("NODE");
  command
      .add_option("--reason", options.reason,
                  "why, for the event log; without it nothing is done but to say what would be given up")
      ->type_name("TEXT");
  command.add_option("--wait", options.wait_seconds, "give up watching after so many seconds, 60 unless given")
      ->check(CLI::PositiveNumber)
      ->type_name("SECONDS");
}

}  // namespace

void add_accept_timeline(CLI::App& accept, Invocation& invocation) {
  add_command<PerformOptions>(
      accept, invocation, "timeline",
      "the primary is gone and nodes disagree: go on with what one of them has, although others may have what it lacks",
      "autoctl accept timeline --pgdata /srv/pg --tli 3 --reason 'node2 was promoted by hand and took writes'", declare,
      accept_timeline);
}

}  // namespace autoctl::cli
