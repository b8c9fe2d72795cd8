#include "cli/monitor_connection.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/config/files.h"
#include "common/config/own_directory.h"
#include "common/config/own_port.h"
#include "common/monitor_client/monitor_url.h"
#include "common/monitor_client/node_endpoint.h"
#include "common/util/loopback.h"

namespace autoctl::cli {

namespace {

constexpr Millis discover_timeout{10'000};

/// Of the machine that the monitor itself runs on.
Result<client::MonitorEndpoint> own_endpoint(const config::Config& config, const config::Files& files) {
  const std::string host = config.hostname.empty() ? "127.0.0.1" : config.hostname;
  const bool ipv6 = host.find(':') != std::string::npos;
  return client::MonitorEndpoint{
      fmt::format(fmt::runtime(ipv6 ? "https://[{}]:{}" : "https://{}:{}"), host, config.api_port),
      config::read_file(config::api_trusted_file(config, files)).value_or(""),
      config.monitor_id,
      {}};
}

Result<client::MonitorEndpoint> endpoint_of(const config::Config& config, const config::Files& files) {
  if (!config.is_monitor() && !config.monitor_url.empty()) return client::node_endpoint(config, files);
  if (!config.is_monitor())
    return fail(Errc::conflict, config.name + " has no monitor: it was disabled",
                "`autoctl enable monitor` gives it one; or name a monitor with --monitor");
  auto endpoint = own_endpoint(config, files);
  if (!endpoint) return endpoint;
  auto token = client::own_token(files);
  if (!token) return fail(std::move(token.error()));
  if (!token->empty()) endpoint->token = *std::move(token);
  return endpoint;
}

/// A monitor's own API, called by one of the names of its own machine.
bool is_own_address(const std::string& monitor, const config::Config& config) {
  if (!config.is_monitor() || !client::is_https(monitor)) return false;
  const auto hosts = client::parse_https(monitor);
  return hosts && std::ranges::all_of(*hosts, [&](const client::HostPort& each) {
           return each.port == config.api_port && (each.host == config.hostname || is_loopback_host(each.host));
         });
}

/// What is beside PGDATA may do more than what a URI hands out. It goes to no other server than ever.
Result<client::MonitorEndpoint> named(const MonitorTarget& target) {
  const auto here = target.pgdata.empty() ? fail(Errc::not_found, "") : config::load(config::Files(target.pgdata));
  if (here && is_own_address(target.monitor, *here)) return endpoint_of(*here, config::Files(target.pgdata));
  auto endpoint = client::discover(target.monitor, {target.monitor_ca_file, discover_timeout});
  if (!endpoint || !here) return endpoint;
  const auto own = endpoint_of(*here, config::Files(target.pgdata));
  return own && own->url == endpoint->url && !own->token.empty() ? own : endpoint;
}

Result<client::MonitorEndpoint> find(const MonitorTarget& target) {
  if (!target.monitor.empty()) return named(target);
  if (target.pgdata.empty())
    return fail(Errc::bad_usage, "which monitor? neither --monitor nor --pgdata is given",
                "--monitor takes its URI, --pgdata the data directory of the monitor or of one of its nodes");
  const config::Files files(target.pgdata);
  const auto config = config::load(files);
  if (!config) return fail(config.error());
  return endpoint_of(*config, files);
}

}  // namespace

Result<client::MonitorEndpoint> find_monitor(const MonitorTarget& target) {
  auto endpoint = find(target);
  if (!endpoint || target.token_file.empty()) return endpoint;
  auto token = client::read_token(target.token_file);
  if (!token) return fail(std::move(token.error()).with_context("--token-file"));
  endpoint->token = *std::move(token);
  return endpoint;
}

Result<client::MonitorApi> connect_monitor(const MonitorTarget& target) {
  const auto endpoint = find_monitor(target);
  if (!endpoint) return fail(endpoint.error());
  auto api = client::MonitorApi::create(*endpoint);
  if (api) api->set_reason(target.reason);
  return api;
}

Result<config::Files> files_of(const std::string& pgdata) {
  if (pgdata.empty()) return fail(Errc::bad_usage, "--pgdata is missing", "give the data directory, or set PGDATA");
  config::Files files(pgdata);
  AUTOCTL_TRY(config::check_own_directory(files));
  return files;
}

Result<config::Config> load_config(const std::string& pgdata) {
  const auto files = files_of(pgdata);
  if (!files) return fail(files.error());
  return config::load(*files);
}

}  // namespace autoctl::cli
