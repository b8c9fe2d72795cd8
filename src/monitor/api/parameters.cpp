#include "monitor/api/parameters.h"

#include <charconv>

namespace autoctl::monitor {

Result<std::int64_t> parse_number(const std::string& text, const std::string& what, std::int64_t low,
                                  std::int64_t high) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
    return fail(Errc::bad_usage,
                what + " must be a number from " + std::to_string(low) + " to " + std::to_string(high));
  return value;
}

Result<std::optional<std::int64_t>> query_number(const std::map<std::string, std::string>& query,
                                                 const std::string& name, std::int64_t low, std::int64_t high) {
  const auto found = query.find(name);
  if (found == query.end() || found->second.empty()) return std::nullopt;
  const auto value = parse_number(found->second, name, low, high);
  if (!value) return fail(value.error());
  return *value;
}

std::string query_text(const std::map<std::string, std::string>& query, const std::string& name,
                       const std::string& otherwise) {
  const auto found = query.find(name);
  return found == query.end() || found->second.empty() ? otherwise : found->second;
}

}  // namespace autoctl::monitor
