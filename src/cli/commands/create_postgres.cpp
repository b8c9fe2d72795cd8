#include "cli/commands/commands.h"
#include "cli/create_node.h"

namespace autoctl::cli {

namespace {

Result<ExitCode> create_postgres(const CreateOptions& options) {
  return create_node("postgres", options);
}

}  // namespace

void add_create_postgres(Verb create, Invocation& invocation) {
  add_command<CreateOptions>(create, invocation, "postgres", "create a Postgres node and register it with the monitor",
                             "autoctl create postgres --pgdata /srv/pg --monitor https://monitor:7432 \\\n"
                             "    --join-token-file /srv/join-token --run",
                             declare_create_node, create_postgres);
}

}  // namespace autoctl::cli
