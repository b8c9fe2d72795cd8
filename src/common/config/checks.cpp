#include "common/config/checks.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include "common/util/loopback.h"

namespace autoctl::config {

namespace {

constexpr std::size_t name_length_max = 63;       // Postgres' identifier length
constexpr std::size_t hostname_length_max = 253;  // of DNS

std::string quoted(const std::string& text) {
  return "'" + text + "'";
}

std::string too_long(std::size_t limit) {
  return " is longer than " + std::to_string(limit) + " characters";
}

std::optional<long> parse_number(std::string_view text) {
  long value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string check_range(const std::string& text, long low, long high, std::string_view what) {
  const auto number = parse_number(text);
  if (number && *number >= low && *number <= high) return {};
  return quoted(text) + " is not " + std::string(what) + " (" + std::to_string(low) + " to " + std::to_string(high) +
         ")";
}

std::string check_one_of(const std::string& text, const std::vector<std::string>& choices) {
  if (std::ranges::find(choices, text) != choices.end()) return {};
  std::string all;
  for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
  return quoted(text) + " is not one of " + all;
}

/// In the place of an address: a keyword, or the end of many names (".example.com").
bool is_hba_pattern(const std::string& host) {
  std::string lower = host;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return lower == "all" || lower == "samehost" || lower == "samenet" || lower.starts_with('.');
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' || c == '.';
}

}  // namespace

const std::vector<std::string>& auth_methods() {
  static const std::vector<std::string> methods = {"trust", "md5",  "scram-sha-256", "cert", "peer",   "ident",
                                                   "gss",   "sspi", "ldap",          "pam",  "radius", "password"};
  return methods;
}

const std::vector<std::string>& ssl_modes() {
  static const std::vector<std::string> modes = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
  return modes;
}

std::optional<bool> parse_bool(const std::string& text) {
  std::string lower = text;
  std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower == "true" || lower == "on" || lower == "yes" || lower == "1") return true;
  if (lower == "false" || lower == "off" || lower == "no" || lower == "0") return false;
  return std::nullopt;
}

std::string check_role(const std::string& text) {
  return check_one_of(text, {"monitor", "postgres", "coordinator", "worker"});
}

std::string check_name(const std::string& text) {
  if (text.size() > name_length_max) return quoted(text) + too_long(name_length_max);
  if (!std::ranges::all_of(text, is_word)) return quoted(text) + " has characters other than A-Z a-z 0-9 _ - .";
  return {};
}

std::string check_node_name(const std::string& text) {
  if (text.size() > name_length_max) return quoted(text) + too_long(name_length_max);
  if (!std::ranges::all_of(text, [](char c) { return is_word(c) || c == ' '; }))
    return quoted(text) + " has characters other than A-Z a-z 0-9 _ - . and spaces";
  if (text.starts_with(' ') || text.ends_with(' ')) return quoted(text) + " begins or ends with a space";
  return {};
}

std::string check_hostname(const std::string& text) {
  if (text.size() > hostname_length_max) return "it" + too_long(hostname_length_max);
  const bool spelled = std::ranges::all_of(text, [](char c) { return is_word(c) || c == ':' || c == '%'; });
  if (!spelled || text.starts_with('-')) return quoted(text) + " is neither a host name nor an IP address";
  if (is_hba_pattern(text)) return quoted(text) + " means many machines in pg_hba.conf, and is no machine's name";
  if (is_wildcard_host(text)) return quoted(text) + " is an address to listen on, no machine's";
  return {};
}

std::string check_port(const std::string& text) {
  return check_range(text, 1, 65535, "a port");
}
std::string check_port_or_default(const std::string& text) {
  return check_range(text, 0, 65535, "a port, or 0 for the default");
}
std::string check_certificate_lifetime(const std::string& text) {
  return check_range(text, 60, 3'650 * 24 * 3'600, "a lifetime in seconds");
}
std::string check_priority(const std::string& text) {
  return check_range(text, 0, 100, "a candidate priority");
}

std::string check_monitor(const std::string& text) {
  for (const std::string_view scheme : {"https://", "postgres://", "postgresql://"})
    if (text.starts_with(scheme) && text.size() > scheme.size()) return {};
  if (text.empty()) return {};
  // Quoted no further than its scheme: what follows may have a password.
  const auto scheme = text.find("://");
  const std::string what = scheme == std::string::npos || scheme > text.find_first_of("@= ")
                               ? "it"
                               : quoted(text.substr(0, scheme) + "://…");
  return what + " is neither https://host:port nor postgres://autoctl_node@host:port/pg_auto_failover";
}

std::string check_not_empty(const std::string& text) {
  return text.empty() ? "it is empty" : "";
}

std::string check_absolute_path(const std::string& text) {
  return text.starts_with('/') ? "" : quoted(text) + " is not an absolute path";
}
std::string check_absolute_path_or_empty(const std::string& text) {
  return text.empty() ? "" : check_absolute_path(text);
}

std::string check_auth(const std::string& text) {
  return check_one_of(text, auth_methods());
}
std::string check_ssl_mode(const std::string& text) {
  return check_one_of(text, ssl_modes());
}

std::string check_tablespace_mapping(const std::string& text) {
  for (std::string_view rest = text; !rest.empty();) {
    const auto comma = rest.find(',');
    const std::string_view pair = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view{} : rest.substr(comma + 1);
    const auto equals = pair.find('=');
    if (equals == std::string_view::npos || !pair.starts_with('/') || !pair.substr(equals + 1).starts_with('/'))
      return quoted(std::string(pair)) + " is not OLD=NEW, with two absolute paths";
  }
  return {};
}

std::string check_rate(const std::string& text) {
  constexpr long kilobytes_min = 32;
  constexpr long kilobytes_max = 1024L * 1024;
  const bool suffixed = text.ends_with('k') || text.ends_with('M');
  const auto number = parse_number(std::string_view(text).substr(0, text.size() - (suffixed ? 1 : 0)));
  if (number && *number > 0 && *number <= kilobytes_max) {
    const long kilobytes = *number * (text.ends_with('M') ? 1024 : 1);
    if (kilobytes >= kilobytes_min && kilobytes <= kilobytes_max) return {};
  }
  return quoted(text) + " is not a transfer rate (32k to 1024M, per second)";
}

}  // namespace autoctl::config
