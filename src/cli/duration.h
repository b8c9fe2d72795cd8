// Durations as people type them.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace autoctl::cli {

/// A number with s, m, h or d after it, such as 90m; nullopt for anything else.
std::optional<std::chrono::seconds> parse_duration(const std::string& text);

/// Why the text is not a duration, or "".
std::string check_duration(const std::string& text);

}  // namespace autoctl::cli
