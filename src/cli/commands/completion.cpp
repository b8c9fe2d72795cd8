#include "cli/commands/commands.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct CompletionOptions {
  std::string shell = "bash";
};

Result<ExitCode> completion(const CompletionOptions&) {
  print(bash_completion());
  return ExitCode::ok;
}

}  // namespace

void add_completion(Verb root, Invocation& invocation) {
  add_command<CompletionOptions>(
      root, invocation, "completion", "print a completion script for a shell",
      "autoctl completion bash > /etc/bash_completion.d/autoctl",
      [](Verb command, CompletionOptions& options) {
        command.add_option("shell", options.shell, "bash").one_of({"bash"}).type_name("");
      },
      completion);
}

}  // namespace autoctl::cli
