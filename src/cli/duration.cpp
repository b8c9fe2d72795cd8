#include "cli/duration.h"

#include <charconv>
#include <cstdint>

namespace autoctl::cli {

namespace {

constexpr std::int64_t number_max = 1'000'000'000;

std::optional<std::chrono::seconds> unit_of(char letter) {
  switch (letter) {
    case 's': return std::chrono::seconds(1);
    case 'm': return std::chrono::minutes(1);
    case 'h': return std::chrono::hours(1);
    case 'd': return std::chrono::hours(24);
    default: return std::nullopt;
  }
}

}  // namespace

std::optional<std::chrono::seconds> parse_duration(const std::string& text) {
  if (text.size() < 2) return std::nullopt;
  const auto unit = unit_of(text.back());
  std::int64_t number = 0;
  const char* const end = text.data() + text.size() - 1;
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (!unit || error != std::errc{} || stop != end || number < 0 || number > number_max) return std::nullopt;
  return number * *unit;
}

std::string check_duration(const std::string& text) {
  return parse_duration(text) ? "" : "'" + text + "' is no duration, such as 90s, 30m, 1h or 7d";
}

}  // namespace autoctl::cli
