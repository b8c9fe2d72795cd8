#include "cli/commands/commands.h"
#include "cli/create_node.h"

namespace autoctl::cli {

namespace {

Result<ExitCode> create_coordinator(const CreateOptions& options) {
  return create_node("coordinator", options);
}

}  // namespace

void add_create_coordinator(Verb create, Invocation& invocation) {
  add_command<CreateOptions>(create, invocation, "coordinator",
                             "create a coordinator of a Citus cluster: a node of group 0",
                             "autoctl create coordinator --pgdata /srv/coord --monitor https://monitor:7432 \\\n"
                             "    --join-token-file /srv/join-token --run",
                             declare_create_coordinator, create_coordinator);
}

}  // namespace autoctl::cli
