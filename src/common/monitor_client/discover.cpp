#include <fmt/format.h>

#include <thread>

#include "common/config/files.h"
#include "common/http/client.h"
#include "common/monitor_client/join_token.h"
#include "common/monitor_client/monitor_api.h"
#include "common/monitor_client/monitor_url.h"
#include "common/pg/connection.h"
#include "common/util/loopback.h"
#include "common/util/route.h"

namespace autoctl::client {

namespace {

using Clock = std::chrono::steady_clock;
constexpr Millis turn_interval{50};

/// Of a join token that another monitor made, or of this one before it was given another certificate.
Result<> check_fingerprint(const std::string& where, const std::string& ca_pem, const std::string& wanted) {
  if (wanted.empty() || fingerprint(ca_pem) == wanted) return {};
  return fail(Errc::denied,
              fmt::format("{} is not the monitor that made the join token: it shows another certificate", where),
              "if the monitor's certificate was replaced, make a new token there (`autoctl token create`); else check "
              "--monitor, and who answers there in its place");
}

/// Whoever answers may say what he likes: only the certificates that the token was made for are believed.
Result<std::string> ask_what_to_trust(const HostPort& host, const std::string& wanted, Millis timeout) {
  const std::string where = fmt::format("{}:{}", host.host, host.port);
  http::Client client({.host = host.host, .port = host.port, .verify = false});
  const auto answer = client.send({.method = "GET", .path = "/v1/ca"}, timeout);
  if (!answer) return fail(Error(answer.error()).with_context(fmt::format("monitor {}", where)));
  if (answer->status / 100 != 2) return fail(protocol::decode_error(answer->status, answer->body).with_context(where));
  const auto trust = protocol::decode<protocol::TrustDocument>(answer->body);
  if (!trust) return fail(Errc::incompatible, fmt::format("what answers at {} is no autoctl monitor", where));
  AUTOCTL_TRY(check_fingerprint(where, trust->ca_pem, wanted));
  return trust->ca_pem;
}

Result<MonitorEndpoint> from_https(const std::string& url, const DiscoverOptions& options) {
  const auto hosts = parse_https(url);
  if (!hosts) return fail(hosts.error());
  MonitorEndpoint endpoint{to_https(*hosts), {}, {}, {}};
  if (!options.ca_file.empty()) {
    const auto pem = config::read_file(options.ca_file);
    if (!pem) return fail(Error(pem.error()).with_context("--monitor-ca-file"));
    endpoint.ca_pem = *pem;
    return endpoint;
  }
  if (options.fingerprint.empty()) return endpoint;
  Error last;
  for (const HostPort& host : *hosts) {
    auto pem = ask_what_to_trust(host, options.fingerprint, options.timeout / static_cast<int>(hosts->size()));
    if (!pem) {
      last = std::move(pem.error());
      continue;
    }
    endpoint.ca_pem = *std::move(pem);
    return endpoint;
  }
  return fail(std::move(last));
}

/// The monitor calls itself 127.0.0.1, say, and is on another machine.
Result<> check_leads_there(const std::string& url, const std::string& asked) {
  const auto api = parse_https(url);
  if (!api || !is_loopback_host(api->front().host) || asked.starts_with('/') || is_this_machine(asked)) return {};
  return fail(Errc::bad_config,
              fmt::format("the monitor says that its API is at {}, which leads every machine to itself, and it is on "
                          "another machine ({})",
                          url, asked),
              "on the monitor: `autoctl config set autoctl.hostname` with how nodes reach it, and restart it");
}

/// The monitor lets in one node at a time, for a moment each.
Result<pg::Connection> open_in_turn(const std::string& conninfo, Millis timeout) {
  const auto deadline = Clock::now() + timeout;
  for (;;) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
    auto connection = pg::Connection::open(conninfo, std::max(left, Millis{100}));
    if (connection || !pg::is_crowded(connection.error()) || left <= turn_interval) return connection;
    std::this_thread::sleep_for(turn_interval);
  }
}

Result<MonitorEndpoint> ask(const MonitorPostgres& server, Millis timeout) {
  const auto start = Clock::now();
  auto connection = open_in_turn(server.conninfo, timeout);
  if (!connection) return fail(connection.error());
  const auto left = timeout - std::chrono::duration_cast<Millis>(Clock::now() - start);
  const auto rows = connection->query("select url, ca_pem, monitor_id, registration_token from autoctl.api_endpoint()",
                                      std::max(left, Millis{100}));
  if (!rows) {
    // 3F000: no such schema, 42883: no such function. Some other Postgres, or a pg_auto_failover monitor.
    const std::string state = connection->sqlstate();
    if (state == "3F000" || state == "42883")
      return fail(Errc::incompatible, "this Postgres is not an autoctl monitor's",
                  "--monitor must be what `autoctl show uri --monitor` prints on the monitor");
    return fail(rows.error());
  }
  if (rows->empty() || rows->text(0, 0).empty())
    return fail(Errc::unavailable, "the monitor has not written down its address yet",
                "is `autoctl run` active there?");
  AUTOCTL_TRY(check_leads_there(rows->text(0, 0), server.address.host));
  return MonitorEndpoint{rows->text(0, 0), rows->text(0, 1), rows->text(0, 2), rows->text(0, 3)};
}

}  // namespace

Result<MonitorEndpoint> discover(const std::string& monitor, const DiscoverOptions& options) {
  if (is_https(monitor)) return from_https(monitor, options);
  const auto servers = parse_libpq(monitor);
  if (!servers) return fail(servers.error());
  const auto deadline = Clock::now() + options.timeout;
  Error last;
  for (std::size_t i = 0; i < servers->size(); ++i) {
    const MonitorPostgres& server = (*servers)[i];
    const auto left = std::chrono::duration_cast<Millis>(deadline - Clock::now());
    if (i > 0 && left <= Millis{0}) break;
    // A silent host must leave time for the others.
    auto endpoint = ask(server, left / static_cast<int>(servers->size() - i));
    if (endpoint) {
      AUTOCTL_TRY(check_fingerprint(endpoint->url, endpoint->ca_pem, options.fingerprint));
      return endpoint;
    }
    last = std::move(endpoint.error())
               .with_context(fmt::format("monitor's Postgres {}:{}", server.address.host, server.address.port));
  }
  if (last.hint.empty() && last.code == Errc::denied)
    last.hint = "--monitor must be what `autoctl show uri --monitor` prints on the monitor";
  if (last.hint.empty() && (last.code == Errc::unavailable || last.code == Errc::timeout))
    last.hint = "is `autoctl run` active for the monitor, and is its Postgres port open from here?";
  return fail(std::move(last));
}

}  // namespace autoctl::client
