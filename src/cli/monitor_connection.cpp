#include "cli/monitor_connection.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "common/config/files.h"
#include "common/config/own_directory.h"
#include "common/config/own_port.h"
#include "common/monitor_client/monitor_url.h"
#include "common/monitor_client/node_endpoint.h"
#include "common/util/logging.h"
#include "common/util/loopback.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

using Clock = std::chrono::steady_clock;
constexpr Millis retry_pause{250};

/// Nobody was there; an answer of whatever kind is one.
bool may_pass(const Error& error) {
  return error.code == Errc::unavailable || error.code == Errc::timeout;
}

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
Result<client::MonitorEndpoint> named(const MonitorTarget& target, Millis timeout) {
  const auto here = target.pgdata.empty() ? fail(Errc::not_found, "") : config::load(config::Files(target.pgdata));
  if (here && is_own_address(target.monitor, *here)) return endpoint_of(*here, config::Files(target.pgdata));
  auto endpoint = client::discover(target.monitor, {target.monitor_ca_file, timeout});
  if (!endpoint || !here) return endpoint;
  const auto own = endpoint_of(*here, config::Files(target.pgdata));
  return own && own->url == endpoint->url && !own->token.empty() ? own : endpoint;
}

Result<client::MonitorEndpoint> find(const MonitorTarget& target, Millis timeout) {
  if (!target.monitor.empty()) return named(target, timeout);
  if (target.pgdata.empty())
    return fail(Errc::bad_usage, "which monitor? neither --monitor nor --pgdata is given",
                "--monitor takes its URI, --pgdata the data directory of the monitor or of one of its nodes");
  const config::Files files(target.pgdata);
  const auto config = config::load(files);
  if (!config) return fail(config.error());
  return endpoint_of(*config, files);
}

Result<client::MonitorEndpoint> find_with_token(const MonitorTarget& target, Millis timeout) {
  auto endpoint = find(target, timeout);
  if (!endpoint || target.token_file.empty()) return endpoint;
  auto token = client::read_token(target.token_file);
  if (!token) return fail(std::move(token.error()).with_context("--token-file"));
  endpoint->token = *std::move(token);
  return endpoint;
}

/// For people.
std::string name_of(const MonitorTarget& target) {
  if (!target.monitor.empty()) return redact(target.monitor);
  const auto here = config::load(config::Files(target.pgdata));
  const auto endpoint = here ? endpoint_of(*here, config::Files(target.pgdata)) : fail(here.error());
  return endpoint ? endpoint->url : target.pgdata;
}

Result<> ask_version(client::MonitorApi& api, Millis timeout) {
  const auto version = api.version(timeout);
  return version ? Result<>{} : fail(version.error());
}

}  // namespace

Result<> try_again(const std::string& monitor, Millis patience, const std::function<Result<>(Millis timeout)>& ask) {
  const auto deadline = Clock::now() + patience;
  for (bool said = false;; said = true) {
    auto answer = ask(std::max(std::chrono::duration_cast<Millis>(deadline - Clock::now()), Millis{1000}));
    if (answer || !may_pass(answer.error()) || Clock::now() + retry_pause >= deadline) return answer;
    if (!said)
      spdlog::warn("The monitor at {} does not answer yet; trying for {} s: {}", monitor, patience.count() / 1000,
                   logging::one_line(answer.error().message));
    std::this_thread::sleep_for(retry_pause);
  }
}

Result<> await_monitor(const std::string& monitor, const std::string& ca_file, const std::string& fingerprint) {
  return try_again(redact(monitor), monitor_patience, [&](Millis timeout) -> Result<> {
    const auto endpoint = client::discover(monitor, {ca_file, timeout, fingerprint});
    if (!endpoint) return fail(endpoint.error());
    auto api = client::MonitorApi::create(*endpoint);
    return api ? ask_version(*api, timeout) : fail(api.error());
  });
}

Result<client::MonitorEndpoint> find_monitor(const MonitorTarget& target) {
  return find_with_token(target, monitor_patience);
}

Result<client::MonitorApi> connect_monitor(const MonitorTarget& target, Millis patience) {
  Result<client::MonitorApi> api = fail(Errc::internal, "nobody was asked");
  const auto connect = [&](Millis timeout) -> Result<> {
    const auto endpoint = find_with_token(target, timeout);
    if (!endpoint) return fail(endpoint.error());
    api = client::MonitorApi::create(*endpoint);
    if (!api) return fail(api.error());
    api->set_reason(target.reason);
    return patience == Millis{0} ? Result<>{} : ask_version(*api, timeout);
  };
  AUTOCTL_TRY(try_again(name_of(target), patience, connect));
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
