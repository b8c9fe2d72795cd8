#include "cli/demo/demo.h"

#include "cli/commands/commands.h"

namespace autoctl::cli {

void add_demo(Verb root, Invocation& invocation) {
  add_command<demo::DemoOptions>(
      root, invocation, "demo", "a service on this machine, a writer, a switchover and a crash; then what they cost",
      "autoctl demo --keep",
      [](Verb command, demo::DemoOptions& options) {
        command.add_flag("--keep", options.keep, "leave everything running at the end");
        auto citus =
            command.add_flag("--citus", options.citus, "a Citus formation: a coordinator pair and pairs of workers");
        command.add_option("--workers", options.workers, "pairs of workers; default: 2")
            .range(1, 16)
            .needs(citus)
            .type_name("NUMBER");
      },
      demo::run_demo);
}

}  // namespace autoctl::cli
