#include "formatting.h"

#include <regex>

#include "tool.h"

namespace autoctl::tidy {

int installed_formatter() {
  static const std::regex version(R"(.*version (\d+)\..*)");
  for (const auto& line : lines_of("clang-format --version 2>/dev/null")) {
    if (std::smatch match; std::regex_match(line, match, version)) return std::stoi(match[1]);
  }
  return 0;
}

std::vector<Finding> badly_formatted(const std::filesystem::path& root, const std::vector<std::string>& paths) {
  static const std::regex complaint(R"((.+?):(\d+):\d+: (?:error|warning): (code should be clang-formatted.*))");
  std::string command = "cd " + quoted(root.string()) + " && printf '%s\\0'";
  for (const auto& path : paths) command += " " + quoted(path);
  // A few files for each process: they run side by side.
  command += " | xargs -0 -n 16 -P \"$(nproc)\" clang-format --style=file --dry-run 2>&1";
  std::vector<Finding> findings;
  for (const auto& line : lines_of(command)) {
    std::smatch match;
    if (std::regex_match(line, match, complaint)) findings.push_back({match[1], std::stoi(match[2]), match[3]});
  }
  return findings;
}

}  // namespace autoctl::tidy
