// The layout is the formatter's (.clang-format), so that nobody has to talk about it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "source_tree.h"

namespace autoctl::tidy {

/// The major version whose layout the tree has: Debian 12's. Another one lays some lines out differently.
inline constexpr int formatter_version = 14;

/// The major version of the formatter on this machine; 0 if there is none.
int installed_formatter();

/// The lines of `paths`, relative to `root`, that clang-format would write differently.
std::vector<Finding> badly_formatted(const std::filesystem::path& root, const std::vector<std::string>& paths);

}  // namespace autoctl::tidy
