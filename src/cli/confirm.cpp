#include "cli/confirm.h"

#include <iostream>

namespace autoctl::cli {

Result<> confirm(const std::string& question, bool force) {
  if (force) return {};
  std::cerr << question << " [y/N]: " << std::flush;
  std::string answer;
  if (!std::getline(std::cin, answer)) std::cerr << '\n';
  if (answer == "y" || answer == "Y" || answer == "yes") return {};
  return fail(Errc::bad_usage, "not confirmed: nothing has been changed", "answer \"y\", or give --force");
}

}  // namespace autoctl::cli
