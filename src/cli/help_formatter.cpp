#include "cli/help_formatter.h"

#include <fmt/format.h>

namespace autoctl::cli {

std::string path_of(const CLI::App& app) {
  return app.get_parent() == nullptr ? app.get_name() : path_of(*app.get_parent()) + " " + app.get_name();
}

std::string HelpFormatter::make_usage(const CLI::App* app, std::string) const {
  std::string usage = "Usage: " + path_of(*app);
  const bool has_commands = app->get_require_subcommand_min() > 0;
  usage += has_commands ? " COMMAND" : " [OPTIONS]";
  for (const CLI::Option* option : app->get_options([](const CLI::Option* o) { return o->get_positional(); }))
    usage += fmt::format(fmt::runtime(option->get_required() ? " {}" : " [{}]"), option->get_name(true));
  return usage + "\n";
}

std::string HelpFormatter::make_description(const CLI::App* app) const {
  return fmt::format("{}: {}\n\n", path_of(*app), app->get_description());
}

std::string HelpFormatter::make_option_opts(const CLI::Option* option) const {
  if (option->get_type_size() == 0) return {};
  const std::string type = option->get_type_name();
  const std::string word = type.substr(0, type.find(':'));
  return word.empty() ? "" : " " + word;
}

std::string HelpFormatter::make_option_desc(const CLI::Option* option) const {
  const std::string variable = option->get_envname();
  return option->get_description() + (variable.empty() ? "" : " [$" + variable + "]");
}

}  // namespace autoctl::cli
