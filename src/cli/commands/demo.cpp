#include "cli/demo/demo.h"

#include "cli/commands/commands.h"

namespace autoctl::cli {

void add_demo(CLI::App& root, Invocation& invocation) {
  add_command<demo::DemoOptions>(
      root, invocation, "demo", "a monitor and two nodes on this machine, a writer, a switchover and a crash",
      "autoctl demo --keep",
      [](CLI::App& command, demo::DemoOptions& options) {
        command.add_flag("--keep", options.keep, "leave everything running at the end");
      },
      demo::run_demo);
}

}  // namespace autoctl::cli
