#include "common/monitor_client/monitor_url.h"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <charconv>
#include <map>
#include <memory>
#include <string_view>

#include "common/pg/connection.h"
#include "common/util/redact.h"

namespace autoctl::client {

namespace {

constexpr std::string_view https_scheme = "https://";
constexpr std::string_view spelling =
    "write it https://host:port or postgres://autoctl_node@host:port/pg_auto_failover";

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const auto at = text.find(separator);
    parts.emplace_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

Result<int> parse_port(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || port < 1 || port > 65535)
    return fail(Errc::bad_usage, fmt::format("'{}' is not a port (1 to 65535)", text));
  return port;
}

Result<HostPort> parse_host_port(std::string_view text) {
  std::string_view host = text;
  std::string_view port;
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return fail(Errc::bad_usage, fmt::format("'{}' has no closing bracket", text));
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    if (!rest.empty() && !rest.starts_with(':'))
      return fail(Errc::bad_usage, fmt::format("'{}' is not a host and port", text));
    port = rest.empty() ? rest : rest.substr(1);
    if (rest == ":") return fail(Errc::bad_usage, fmt::format("'{}' has no port after the colon", text));
  } else if (const auto colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.empty()) return fail(Errc::bad_usage, fmt::format("'{}' has no port after the colon", text));
    if (host.find(':') != std::string_view::npos)
      return fail(Errc::bad_usage, fmt::format("'{}' is an IPv6 address without brackets", text));
  }
  if (host.empty() || host.find_first_of("@?# \t") != std::string_view::npos)
    return fail(Errc::bad_usage, fmt::format("'{}' has no valid host", text));
  if (port.empty()) return HostPort{std::string(host), default_api_port};
  const auto number = parse_port(port);
  if (!number) return fail(number.error());
  return HostPort{std::string(host), *number};
}

using Keywords = std::map<std::string, std::string>;

Result<Keywords> parse_conninfo(const std::string& uri) {
  char* message = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfoParse(uri.c_str(), &message),
                                                                             &PQconninfoFree);
  if (!options) {
    std::string why = message == nullptr ? "out of memory" : message;
    PQfreemem(message);
    while (why.ends_with('\n')) why.pop_back();
    // libpq quotes what it could not read.
    return fail(Errc::bad_usage, fmt::format("--monitor: {}", redact_in(why, uri)), std::string(spelling));
  }
  Keywords keywords;
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option)
    if (option->val != nullptr && *option->val != '\0') keywords[option->keyword] = option->val;
  return keywords;
}

}  // namespace

bool is_https(const std::string& monitor) {
  return monitor.starts_with(https_scheme);
}

Result<std::vector<HostPort>> parse_https(const std::string& url) {
  std::string_view rest = std::string_view(url).substr(https_scheme.size());
  if (const auto slash = rest.find('/'); slash != std::string_view::npos) {
    if (slash + 1 != rest.size())
      return fail(Errc::bad_usage, fmt::format("--monitor: '{}' has a path", redact(url)), std::string(spelling));
    rest = rest.substr(0, slash);
  }
  std::vector<HostPort> hosts;
  for (const std::string& part : split(rest, ',')) {
    auto host = parse_host_port(part);
    if (!host) {
      host.error().hint = spelling;
      return fail(std::move(host.error()).with_context("--monitor"));
    }
    hosts.push_back(*host);
  }
  return hosts;
}

std::string to_https(const std::vector<HostPort>& hosts) {
  std::string url(https_scheme);
  for (const HostPort& host : hosts) {
    if (&host != &hosts.front()) url += ',';
    const bool ipv6 = host.host.find(':') != std::string::npos;
    url += fmt::format(fmt::runtime(ipv6 ? "[{}]:{}" : "{}:{}"), host.host, host.port);
  }
  return url;
}

Result<std::vector<MonitorPostgres>> parse_libpq(const std::string& uri) {
  auto keywords = parse_conninfo(uri);
  if (!keywords) return fail(keywords.error());
  if (!keywords->contains("host") && !keywords->contains("hostaddr"))
    return fail(Errc::bad_usage, "--monitor: the URI names no host", std::string(spelling));
  const std::string which = keywords->contains("host") ? "host" : "hostaddr";
  const std::vector<std::string> hosts = split((*keywords)[which], ',');
  const std::vector<std::string> addresses = split((*keywords)["hostaddr"], ',');
  const std::vector<std::string> ports = split((*keywords)["port"], ',');
  keywords->try_emplace("user", "autoctl_node");
  keywords->try_emplace("dbname", "pg_auto_failover");
  keywords->insert_or_assign("application_name", "autoctl");

  std::vector<MonitorPostgres> servers;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::string& port = ports[ports.size() == hosts.size() ? i : 0];
    const auto number = parse_port(port.empty() ? "5432" : port);
    if (!number) return fail(Error(number.error()).with_context("--monitor"));
    Keywords one = *keywords;
    one[which] = hosts[i];
    one["port"] = std::to_string(*number);
    if (which == "host" && addresses.size() == hosts.size()) one["hostaddr"] = addresses[i];
    MonitorPostgres server{{hosts[i], *number}, {}};
    for (const auto& [keyword, value] : one)
      if (!value.empty()) server.conninfo += fmt::format("{}={} ", keyword, pg::quote_conninfo(value));
    servers.push_back(std::move(server));
  }
  return servers;
}

}  // namespace autoctl::client
