// The request target: path and query, percent-encoded on the wire.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace autoctl::http {

struct Target {
  std::string path;                          // decoded, begins with a slash
  std::map<std::string, std::string> query;  // decoded; of a repeated name the last
};

/// nullopt: no origin-form target, a broken escape, or an escaped NUL.
std::optional<Target> parse_target(std::string_view text);
/// The inverse.
std::string format_target(const std::string& path, const std::map<std::string, std::string>& query);

}  // namespace autoctl::http
