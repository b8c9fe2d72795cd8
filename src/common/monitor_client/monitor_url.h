// What --monitor may be: https://host:port[,host:port…], or a libpq URI with one or several hosts.
#pragma once

#include <string>
#include <vector>

#include "common/util/result.h"

namespace autoctl::client {

/// The API's port when the URL names none: the monitor's default --pgport (5432) + 2000.
inline constexpr int default_api_port = 7432;

struct HostPort {
  std::string host;  // IPv6 addresses without brackets
  int port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};

bool is_https(const std::string& monitor);

/// Errors: bad_usage.
Result<std::vector<HostPort>> parse_https(const std::string& url);
/// "https://host:port,…", IPv6 in brackets.
std::string to_https(const std::vector<HostPort>& hosts);

struct MonitorPostgres {
  HostPort address;      // for messages
  std::string conninfo;  // libpq keywords, complete
};
/// One per host of a libpq URI, in its order; role autoctl_node and database pg_auto_failover are filled in where the
/// URI names none. Errors: bad_usage (libpq's words).
Result<std::vector<MonitorPostgres>> parse_libpq(const std::string& uri);

}  // namespace autoctl::client
