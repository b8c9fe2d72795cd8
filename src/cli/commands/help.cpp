#include "cli/commands/commands.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct HelpOptions {
  std::vector<std::string> command;
  bool markdown = false;
};

Result<ExitCode> help(const HelpOptions& options) {
  if (options.markdown) {
    print(manual());
    return ExitCode::ok;
  }
  std::vector<std::string> arguments = options.command;
  arguments.emplace_back("--help");
  const auto invocation = parse(arguments);
  if (!invocation) return fail(invocation.error());
  return invocation->run();
}

void declare(Verb command, HelpOptions& options) {
  command.add_option("command", options.command, "the command to explain; default: all");
  command.add_flag("--markdown", options.markdown, "the whole manual, as in docs/cli.md");
}

}  // namespace

void add_help(Verb root, Invocation& invocation) {
  add_command<HelpOptions>(root, invocation, "help", "explain a command", "autoctl help create postgres", declare,
                           help);
}

}  // namespace autoctl::cli
