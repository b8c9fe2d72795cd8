#include "cli/create_node.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>

#include "cli/create_checks.h"
#include "cli/local_address.h"
#include "common/monitor_client/monitor_api.h"
#include "common/monitor_client/monitor_url.h"
#include "common/util/logging.h"
#include "common/util/loopback.h"
#include "keeper/agent/create_node.h"
#include "keeper/agent/daemon.h"

namespace autoctl::cli {

namespace {

constexpr std::chrono::seconds start_patience{60};
constexpr std::chrono::seconds creation_patience{10};
constexpr Millis entry_timeout{5000};
constexpr Millis entry_pause{250};

Result<std::string> monitor_host(const std::string& monitor) {
  if (client::is_https(monitor)) {
    const auto hosts = client::parse_https(monitor);
    if (!hosts) return fail(hosts.error());
    return hosts->front().host;
  }
  const auto servers = client::parse_libpq(monitor);
  if (!servers) return fail(servers.error());
  return servers->front().address.host;
}

Result<> ask_monitor(const config::Config& config, const client::JoinToken& join) {
  const auto endpoint = client::discover(config.monitor, {config.monitor_ca_file, entry_timeout, join.fingerprint});
  if (!endpoint) return fail(endpoint.error());
  auto api = client::MonitorApi::create(*endpoint);
  if (!api) return fail(api.error());
  if (const auto version = api->version(entry_timeout); !version) return fail(version.error());
  return {};
}

/// With --run the node is a service that may well be started at the same time as its monitor: give that one time to
/// come up. One that is still being created may for a moment look like a server that knows nothing of us.
Result<> await_monitor(const config::Config& config, const client::JoinToken& join) {
  const auto start = std::chrono::steady_clock::now();
  auto patience = creation_patience;
  for (bool said = false;; said = true) {
    const auto answer = ask_monitor(config, join);
    if (answer || answer.error().code == Errc::bad_usage) return answer;
    const bool absent = answer.error().code == Errc::unavailable || answer.error().code == Errc::timeout;
    if (absent) patience = start_patience;
    if (std::chrono::steady_clock::now() - start >= patience) return answer;
    if (!said)
      spdlog::warn("Waiting up to {} s for the monitor: {}", patience.count(),
                   logging::one_line(answer.error().message));
    std::this_thread::sleep_for(entry_pause);
  }
}

/// Debian's /etc/hosts gives a machine's own name the address 127.0.1.1: other machines may know it by a better one.
Result<> check_hostname(const std::string& hostname) {
  const auto found = resolve_hostname(hostname);
  if (!found) return fail(found.error());
  if (!is_loopback_host(hostname) && std::ranges::all_of(*found, &SocketAddress::is_loopback))
    spdlog::warn("\"{}\" is {} on this machine: the other nodes must know it by another address", hostname,
                 found->front().text());
  return {};
}

Result<> create(config::Config config, const std::string& config_file, const client::JoinToken& join) {
  if (config.hostname.empty()) {
    const auto host = monitor_host(config.monitor);
    if (!host) return fail(host.error());
    auto own = default_hostname(*host);
    if (!own) return fail(std::move(own.error()));
    config.hostname = *own;
    spdlog::info("Using --hostname \"{}\", which other nodes and clients must be able to connect to", config.hostname);
  }
  AUTOCTL_TRY(check_hostname(config.hostname));
  const auto created = keeper::create_node(std::move(config), config_file, join);
  if (!created) return fail(created.error());
  spdlog::info("Node {} \"{}\" has been created in \"{}\"", created->node.value, created->name, created->pgdata);
  return {};
}

}  // namespace

Result<ExitCode> create_node(const std::string& role, const CreateOptions& options) {
  AUTOCTL_TRY(refuse_root());
  auto config = to_config(options, role);
  if (!config) return fail(std::move(config.error()));
  const auto join = read_join_token(options.join);
  if (!join) return fail(join.error());
  if (const auto host = monitor_host(config->monitor); !host) return fail(host.error());
  const auto config_file = follow_data_directory(config->pgdata);
  if (!config_file) return fail(config_file.error());
  AUTOCTL_TRY(check_ownership(config->pgdata));

  const config::Files files(config->pgdata);
  const auto existing = find_created(files);
  if (!existing) return fail(existing.error());
  if (*existing) {
    AUTOCTL_TRY(check_same(**existing, *config));
    spdlog::info("Node {} \"{}\" has been created in \"{}\" before: nothing to do", (*existing)->node.value,
                 (*existing)->name, config->pgdata);
  } else {
    if (options.run) AUTOCTL_TRY(await_monitor(*config, *join));
    AUTOCTL_TRY(create(std::move(*config), *config_file, *join));
  }
  if (options.run) return ExitCode{keeper::run_keeper(files)};
  if (!*existing) spdlog::info("Next: autoctl run --pgdata {}", files.pgdata);
  return ExitCode::ok;
}

}  // namespace autoctl::cli
