// accept timeline: an operator settles whose history is a group's.
#include <cstdint>
#include <limits>

#include "cli/commands/commands.h"
#include "cli/operation.h"

namespace autoctl::cli {

namespace {

Result<ExitCode> accept_timeline(const OperationOptions& asked) {
  OperationOptions options = asked;
  if (!options.name.empty()) AUTOCTL_TRY(find_group_of_node(options));
  AUTOCTL_TRY(run_operation("accept_timeline", options));
  return ExitCode::ok;
}

void declare_accept_timeline(Verb command, OperationOptions& options) {
  options.no_wait = true;  // the others may never come
  add_changing_target(command, options.target);
  add_group_scope(command, options.scope);
  command.add_option("--tli", options.timeline, "the timeline to continue with, as `autoctl show timeline` lists it")
      .required()
      .range(std::uint32_t{1}, std::numeric_limits<std::uint32_t>::max())
      .type_name("NUMBER");
  command.add_option("--name", options.name, "the node, where several nodes have a timeline of that number")
      .type_name("NODE");
  command.add_option("--wait", options.wait_seconds, "stop waiting after this many seconds; default: 60")
      .positive()
      .type_name("SECONDS");
}

}  // namespace

void add_accept_timeline(Verb accept, Invocation& invocation) {
  add_command<OperationOptions>(
      accept, invocation, "timeline",
      "the primary is gone and nodes disagree: continue with one node's timeline, and give up what only others have; "
      "without --reason it only says what would be given up",
      "autoctl accept timeline --pgdata /srv/pg --tli 3 --reason 'node2 was promoted by hand and took writes'",
      declare_accept_timeline, accept_timeline);
}

}  // namespace autoctl::cli
