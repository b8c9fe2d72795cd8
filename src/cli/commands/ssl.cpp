// enable ssl, disable ssl.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/create_options.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/uri.h"
#include "cli/ssl_change.h"
#include "common/tls/certificate.h"

namespace autoctl::cli {

namespace {

constexpr Millis report_patience{10'000};
constexpr Millis report_poll_interval{100};

struct SslCommand {
  std::string pgdata;
  SslOptions ssl;
  bool ca = false;
  bool json = false;
};

Result<> make_self_signed(config::Config& config) {
  const config::Files files(config.pgdata);
  config.ssl.server_cert = files.certificate();
  config.ssl.server_key = files.key();
  if (::access(files.certificate().c_str(), F_OK) == 0 && ::access(files.key().c_str(), F_OK) == 0) return {};
  return tls::write_self_signed(files.certificate(), files.key(), {config.hostname});
}

/// A node's credential counts only together with the certificate of the monitor's authority, and nodes know the monitor by
/// that: it can be put out of use in Postgres, and back, and not be replaced by another kind.
Result<> use_issued(const config::Config& from, config::Config& to) {
  if (!from.ssl.issued && !to.ssl.issued) return {};
  if (!from.ssl.issued)
    return fail(Errc::conflict, from.pgdata + " has no certificate of the monitor's authority",
                "it gets one when it is created without an option about encryption; for now choose one of "
                "--ssl-self-signed, or --server-cert with --server-key");
  if (!to.ssl.issued)
    return fail(Errc::conflict,
                from.pgdata + " is known by its certificate of the monitor's authority, and cannot be given another",
                "`autoctl disable ssl`, and `autoctl enable ssl --ca` to use it again");
  const std::string mode = to.ssl.mode;
  to.ssl = from.ssl;
  to.ssl.enabled = true;
  to.ssl.mode = mode;
  return {};
}

/// Without TLS the daemon's own port goes on with the certificate that its clients know.
Result<config::Config> wanted(const config::Config& from, const SslOptions& options) {
  auto ssl = to_ssl(options);
  if (!ssl) return fail(std::move(ssl.error()));
  config::Config to = from;
  to.ssl = *std::move(ssl);
  if (!to.ssl.enabled) {
    const std::string mode = to.ssl.mode;
    to.ssl = from.ssl;
    to.ssl.enabled = false;
    to.ssl.mode = mode;
  } else {
    AUTOCTL_TRY(use_issued(from, to));
    if (to.ssl.self_signed) AUTOCTL_TRY(make_self_signed(to));
  }
  AUTOCTL_TRY(config::validate(to));
  return to;
}

void say(const config::Config& now, const SslStep& step, bool enables, bool running, bool json) {
  const std::string others = fmt::format("{}", fmt::join(step.waits_for, ", "));
  if (step.complete())
    spdlog::info("Postgres in {} serves {} and connects with sslmode {}", now.pgdata,
                 now.ssl.enabled ? "TLS" : "no TLS", now.ssl.mode);
  else if (enables)
    spdlog::info(
        "Postgres serves TLS now, and asks the others for it when they serve it, too: {}. Do this there, "
        "then give this command again here",
        others);
  else
    spdlog::info(
        "This node no longer asks for TLS. It goes on serving it, because others ask for it: {}. Do this "
        "there, then give this command again here",
        others);
  if (!running) spdlog::info("autoctl is not running here: it takes effect with `autoctl run`");
  if (now.is_monitor()) spdlog::info("Nodes that join find the monitor at '{}'", monitor_uri(now));
  if (!json) return;
  print(pretty({{"enabled", now.ssl.enabled},
                {"sslmode", now.ssl.mode},
                {"complete", step.complete()},
                {"waits_for", step.waits_for},
                {"running", running}}));
}

/// The next node's command has to know.
Result<> await_known(client::MonitorApi& api, const config::Config& now) {
  const auto deadline = std::chrono::steady_clock::now() + report_patience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto state = api.state(now.formation, std::nullopt, call_timeout);
    if (!state) return fail(state.error());
    const auto node = std::ranges::find(state->nodes, now.node, &protocol::NodeDocument::id);
    if (node == state->nodes.end() || node->ssl_mode == now.ssl.mode) return {};
    std::this_thread::sleep_for(report_poll_interval);
  }
  return fail(Errc::timeout, "it is changed, and the monitor has not heard of it yet",
              "wait until `autoctl show state --json` says \"sslmode\": \"" + now.ssl.mode +
                  "\" of this node before you go on with the next one");
}

Result<ExitCode> change_monitor(const config::Config& from, const config::Config& to, bool json) {
  AUTOCTL_TRY(check_shown(from, to, {}));
  const auto running = put_ssl_in_force(from, to);
  if (!running) return fail(running.error());
  say(to, {.ssl = to.ssl, .waits_for = {}}, to.ssl.enabled, *running, json);
  return ExitCode::ok;
}

Result<ExitCode> change_node(const config::Config& from, config::Config to, bool json) {
  if (from.monitor_url.empty())
    return fail(Errc::conflict, "this node has no monitor, and does not know what the other nodes ask for",
                "give it one first: `autoctl enable monitor`");
  const bool enables = to.ssl.enabled;
  auto api = connect_monitor({.pgdata = from.pgdata});
  if (!api) return fail(api.error());
  const auto state = api->state(from.formation, std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  const auto others = ssl_neighbours(from, *state);
  const SslStep step = next_ssl_step(from.ssl, to.ssl, others);
  to.ssl = step.ssl;
  AUTOCTL_TRY(config::validate(to));
  AUTOCTL_TRY(check_shown(from, to, others));
  AUTOCTL_TRY(check_logins(to, *state));
  const auto running = put_ssl_in_force(from, to);
  if (!running) return fail(running.error());
  if (*running) AUTOCTL_TRY(await_known(*api, to));
  say(to, step, enables, *running, json);
  return ExitCode::ok;
}

Result<ExitCode> change(const SslCommand& command) {
  const auto from = load_config(command.pgdata);
  if (!from) return fail(from.error());
  const SslOptions& ssl = command.ssl;
  if (command.ca && (ssl.self_signed || ssl.no_ssl || ssl.server_cert || ssl.server_key || ssl.ca_file || ssl.crl_file))
    return fail(Errc::bad_usage, "more than one way to encrypt is given", "leave --ca out, or the others");
  auto to = wanted(*from, ssl);
  if (!to) return fail(std::move(to.error()));
  return from->is_monitor() ? change_monitor(*from, *to, command.json)
                            : change_node(*from, *std::move(to), command.json);
}

Result<ExitCode> disable(const SslCommand& command) {
  SslCommand without = command;
  without.ssl.no_ssl = true;
  return change(without);
}

void declare_enable(Verb command, SslCommand& options) {
  add_pgdata(command, options.pgdata);
  command.add_flag("--ca", options.ca, "with the certificate of the monitor's authority; the default");
  declare_ssl(command, options.ssl);
  add_json(command, options.json);
}

void declare_disable(Verb command, SslCommand& options) {
  add_pgdata(command, options.pgdata);
  add_json(command, options.json);
}

}  // namespace

void add_enable_ssl(Verb parent, Invocation& invocation) {
  add_command<SslCommand>(parent, invocation, "ssl",
                          "encrypt from now on, or with another certificate; nothing restarts, no connection is lost. "
                          "On all nodes of a formation, one after the other; where it says so, a second time",
                          "autoctl enable ssl --ssl-self-signed --pgdata /srv/pg", declare_enable, change);
}

void add_disable_ssl(Verb parent, Invocation& invocation) {
  add_command<SslCommand>(parent, invocation, "ssl",
                          "stop to encrypt Postgres' connections; nothing restarts, no connection is lost. On all "
                          "nodes of a formation, one after the other; where it says so, a second time",
                          "autoctl disable ssl --pgdata /srv/pg", declare_disable, disable);
}

}  // namespace autoctl::cli
