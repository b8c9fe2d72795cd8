// What another program writes.
#pragma once

#include <string>
#include <vector>

namespace autoctl::tidy {

/// The lines that `command`, for a shell, writes to standard output. Throws std::runtime_error when no shell can be
/// started; how the command ends is not looked at.
std::vector<std::string> lines_of(const std::string& command);

/// `word` as one word for a shell.
std::string quoted(const std::string& word);

}  // namespace autoctl::tidy
