// A function fits a screen, a file holds one idea.
#pragma once

#include <vector>

#include "source_tree.h"

namespace autoctl::tidy {

inline constexpr int longest_function = 60;  // lines, from the line of its name to the one of its last brace
inline constexpr int longest_file = 500;     // lines

std::vector<Finding> too_long(const std::vector<SourceFile>& files);

}  // namespace autoctl::tidy
