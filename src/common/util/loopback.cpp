#include "common/util/loopback.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace autoctl {

namespace {

constexpr std::array<std::string_view, 6> names = {"localhost",  "localhost.localdomain", "localhost4",
                                                   "localhost6", "ip6-localhost",         "ip6-loopback"};

std::string lower(const std::string& text) {
  std::string result = text;
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

/// All of it is zeros, colons and dots.
bool is_zero(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0:.") == std::string_view::npos;
}

}  // namespace

bool is_loopback_host(const std::string& host) {
  const std::string name = lower(host.ends_with('.') ? host.substr(0, host.size() - 1) : host);
  if (std::ranges::find(names, name) != names.end() || name.ends_with(".localhost")) return true;
  const bool ipv4 = name.starts_with("127.") && name.find_first_not_of("0123456789.") == std::string::npos;
  const bool ipv6 = name.ends_with(":1") && is_zero(std::string_view(name).substr(0, name.size() - 1));
  return ipv4 || ipv6;
}

bool is_wildcard_host(const std::string& host) {
  return is_zero(host);
}

}  // namespace autoctl
