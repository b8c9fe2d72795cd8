// How a command declares itself: a name, a sentence, an example, its options struct, and the function that does it.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <utility>

#include "cli/invocation.h"

namespace autoctl::cli {

/// Adds the leaf command `name`. `declare` binds options to the struct; when the line is parsed, `invocation` gets
/// `run`.
template <class Options>
CLI::App* add_command(CLI::App& parent, Invocation& invocation, const std::string& name, const std::string& sentence,
                      const std::string& example, void (*declare)(CLI::App&, Options&),
                      Result<ExitCode> (*run)(const Options&)) {
  CLI::App* command = parent.add_subcommand(name, sentence);
  command->footer("Example:\n  " + example);
  auto options = std::make_shared<Options>();
  declare(*command, *options);
  std::string path = name;
  for (const CLI::App* app = &parent; app->get_parent() != nullptr; app = app->get_parent())
    path = app->get_name() + " " + path;
  // Unlike a final callback, this keeps environment variables away from commands that are not on the line.
  command->parse_complete_callback([&invocation, options, run, command, path = std::move(path)] {
    if (!command->get_subcommands().empty()) return;  // the command below it is meant
    invocation.command = path;
    invocation.options = *options;
    invocation.run = [options, run] { return run(*options); };
  });
  return command;
}

/// A word that only has commands below it.
CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& sentence);

}  // namespace autoctl::cli
