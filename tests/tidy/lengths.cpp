#include "lengths.h"

#include <algorithm>

#include "functions.h"

namespace autoctl::tidy {

std::vector<Finding> too_long(const std::vector<SourceFile>& files) {
  std::vector<Finding> findings;
  for (const auto& file : files) {
    if (!file.is_cpp()) continue;
    const auto lines = std::ranges::count(file.text, '\n');
    if (lines > longest_file) findings.push_back({file.path, 0, "a file of " + std::to_string(lines) + " lines"});
    for (const auto& function : functions_of(file)) {
      if (function.lines > longest_function) {
        findings.push_back({file.path, function.line, "a function of " + std::to_string(function.lines) + " lines"});
      }
    }
  }
  return findings;
}

}  // namespace autoctl::tidy
