#include "cli/commands/commands.h"
#include "cli/create_node.h"

namespace autoctl::cli {

namespace {

Result<ExitCode> create_worker(const CreateOptions& options) {
  return create_node("worker", options);
}

}  // namespace

void add_create_worker(Verb create, Invocation& invocation) {
  add_command<CreateOptions>(
      create, invocation, "worker",
      "create a worker of a Citus cluster: in a new group, or as the standby of one that has none",
      "autoctl create worker --pgdata /srv/worker --monitor https://monitor:7432 \\\n"
      "    --join-token-file /srv/join-token --run",
      declare_create_worker, create_worker);
}

}  // namespace autoctl::cli
