#include "cli/command.h"

namespace autoctl::cli {

CLI::App* add_group(CLI::App& parent, const std::string& name, const std::string& sentence) {
  CLI::App* group = parent.add_subcommand(name, sentence);
  group->require_subcommand(1);
  return group;
}

}  // namespace autoctl::cli
