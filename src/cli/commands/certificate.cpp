// certificate renew, certificate rollover: what the monitor's authority issues, and the authority itself, replaced now.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/ssl_change.h"
#include "common/tls/describe.h"
#include "common/util/pid_file.h"
#include "keeper/agent/renewal.h"
#include "monitor/service/authority.h"
#include "monitor/service/authority_change.h"

namespace autoctl::cli {

namespace {

constexpr Millis certificate_poll_interval{200};

struct CertificateOptions {
  MonitorTarget target;
  bool all = false;
  bool json = false;
  int wait_seconds = 300;
};

Result<tls::CertificateDescription> own_certificate(const config::Config& config) {
  const auto text = config::read_file(config.ssl.server_cert);
  if (!text) return fail(text.error());
  auto found = tls::describe_certificates(*text);
  if (!found) return fail(std::move(found.error()));
  return std::move(found->front());
}

Result<> check_issued(const config::Config& config) {
  if (config.ssl.issued) return {};
  return fail(Errc::conflict, config.pgdata + " has no certificate of the monitor's authority",
              "replace the files of --server-cert and --server-key, then `autoctl reload`");
}

/// A node whose certificate has ended cannot show it: then an operator speaks for it.
Result<client::MonitorApi> connect_for(const MonitorTarget& target, const config::Config& config) {
  auto endpoint = find_monitor({.pgdata = target.pgdata, .token_file = target.token_file});
  if (!endpoint) return fail(std::move(endpoint.error()));
  if (!target.monitor_ca_file.empty()) {
    auto trusted = config::read_file(target.monitor_ca_file);
    if (!trusted) return fail(std::move(trusted.error()));
    endpoint->ca_pem = *std::move(trusted);
  }
  const auto own = own_certificate(config);
  const bool ended = !own || own->ends <= std::chrono::system_clock::now();
  if (ended && target.token_file.empty())
    return fail(
        Errc::conflict, "the node's certificate has ended: the monitor does not let it in",
        "an operator asks for it: `autoctl certificate renew --token-file FILE`, with what `autoctl token create "
        "--role operator` has made at the monitor; should its authority be another one since, --monitor-ca takes "
        "the monitor's ca.crt");
  if (ended || !target.token_file.empty()) endpoint->certificate_pem = endpoint->key_pem = "";
  return client::MonitorApi::create(*endpoint);
}

Result<> renew_files(const CertificateOptions& options, const config::Config& config) {
  const config::Files files(config.pgdata);
  if (config.is_monitor()) return monitor::Authority(files).renew_own(config.hostname);
  auto api = connect_for(options.target, config);
  if (!api) return fail(std::move(api.error()));
  return keeper::renew_certificate(config, files, *api);
}

Result<ExitCode> renew_one(const CertificateOptions& options, const config::Config& config) {
  AUTOCTL_TRY(renew_files(options, config));
  const auto running = put_ssl_in_force(config, config);
  if (!running) return fail(running.error());
  const auto now = own_certificate(config);
  if (!now) return fail(now.error());
  spdlog::info("{} has another certificate, with a new key{}", config.pgdata,
               *running ? "; who connects from now on is shown it" : "; autoctl does not run here");
  if (options.json) print(pretty({{"issued_to", now->subject}, {"serial", now->serial}, {"running", *running}}));
  return ExitCode::ok;
}

/// The monitor's daemon is to do it.
Result<> have_done(const config::Files& files) {
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  if (!*pid)
    return fail(Errc::conflict, "the monitor does not run: nobody would tell the nodes",
                "`autoctl run --pgdata " + files.pgdata + "`; it goes on from here by itself");
  const auto answer = reload_daemon(files, **pid);
  if (!answer) return fail(answer.error());
  return answer->good ? Result<>{} : fail(Errc::conflict, "the monitor did not take it in: " + answer->text);
}

using Waiting = std::function<std::string(const protocol::StateDocument&)>;

/// Until `waits_for` says "" of what the monitor tells; each new sentence is shown.
Result<ExitCode> await(const CertificateOptions& options, const Waiting& waits_for, const std::string& done) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_seconds);
  std::string last;
  while (true) {
    const auto state = api->state("", std::nullopt, call_timeout);
    if (!state) return fail(state.error());
    const std::string words = waits_for(*state);
    if (words.empty()) break;
    if (words != last) spdlog::info("{}", words);
    last = words;
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(
          Errc::timeout, "it is not over yet: " + words,
          "it goes on by itself; `autoctl show certificates` says how far it is. A node that does not come back "
          "is dropped: `autoctl drop node`");
    std::this_thread::sleep_for(certificate_poll_interval);
  }
  spdlog::info("{}", done);
  return ExitCode::ok;
}

Result<ExitCode> renew_all(const CertificateOptions& options, const config::Config& config) {
  if (!config.is_monitor())
    return fail(Errc::bad_usage, "--all is for the monitor's --pgdata", "without it this node's is renewed");
  const config::Files files(config.pgdata);
  const monitor::Authority authority(files);
  AUTOCTL_TRY(authority.renew_own(config.hostname));  // says what is wrong with the authority, if anything is
  AUTOCTL_TRY(authority.renew_all());
  const auto goal = authority.goal();
  if (!goal) return fail(goal.error());
  AUTOCTL_TRY(have_done(files));
  const auto waits_for = [wanted = goal->renew_before](const protocol::StateDocument& state) {
    std::vector<std::string> names;
    for (const auto& node : state.nodes)
      if (!node.trust.bundle.empty() && node.trust.issued < wanted) names.push_back(node.name);
    if (state.trust.renew_before < wanted) return std::string("The monitor tells the nodes");
    return names.empty() ? "" : fmt::format("Waits for {}", fmt::join(names, ", "));
  };
  return await(options, waits_for, "The monitor and all its nodes have other certificates, with new keys");
}

Result<ExitCode> renew(const CertificateOptions& options) {
  const auto config = load_config(options.target.pgdata);
  if (!config) return fail(config.error());
  AUTOCTL_TRY(check_issued(*config));
  return options.all ? renew_all(options, *config) : renew_one(options, *config);
}

Result<ExitCode> rollover(const CertificateOptions& options) {
  const auto config = load_config(options.target.pgdata);
  if (!config) return fail(config.error());
  if (!config->is_monitor())
    return fail(Errc::bad_usage, config->pgdata + " is a node's", "give the --pgdata of the monitor, on its own host");
  AUTOCTL_TRY(check_issued(*config));
  const config::Files files(config->pgdata);
  const monitor::AuthorityChange change(files);
  AUTOCTL_TRY(change.begin());
  AUTOCTL_TRY(have_done(files));
  // The files are the truth, and the monitor's words may be a moment older.
  const auto waits_for = [&](const protocol::StateDocument& state) {
    if (change.phase() == monitor::AuthorityChange::Phase::none) return std::string();
    return state.trust_change.empty() ? std::string("a new authority is made known to all") : state.trust_change;
  };
  return await(options, waits_for, "The authority is a new one, and nobody believes the former one any more");
}

void declare_wait(Verb command, CertificateOptions& options) {
  command.add_option("--wait", options.wait_seconds, "how many seconds to wait for the nodes; default: 300")
      .positive()
      .type_name("SECONDS");
}

void declare_renew(Verb command, CertificateOptions& options) {
  add_pgdata(command, options.target.pgdata);
  command.add_flag("--all", options.all, "at the monitor: its own and those of all nodes");
  command
      .add_option("--token-file", options.target.token_file,
                  "of a node whose certificate has ended: an operator's credential")
      .type_name("FILE");
  command
      .add_option("--monitor-ca", options.target.monitor_ca_file,
                  "the same where the authority has been replaced meanwhile: the monitor's ca.crt")
      .type_name("FILE");
  declare_wait(command, options);
  add_json(command, options.json);
}

void declare_rollover(Verb command, CertificateOptions& options) {
  add_pgdata(command, options.target.pgdata);
  declare_wait(command, options);
}

}  // namespace

void add_certificate(Verb certificate, Invocation& invocation) {
  add_command<CertificateOptions>(
      certificate, invocation, "renew",
      "give the monitor or the node in PGDATA another certificate of the monitor's authority, with a new key; no "
      "connection is lost. It happens by itself when two thirds of its life are over",
      "autoctl certificate renew --all --pgdata /srv/monitor", declare_renew, renew);
  add_command<CertificateOptions>(
      certificate, invocation, "rollover",
      "replace the monitor's authority by a new one; no connection is lost. All believe both until all have "
      "certificates of the new one; it goes on by itself whatever restarts meanwhile",
      "autoctl certificate rollover --pgdata /srv/monitor", declare_rollover, rollover);
}

}  // namespace autoctl::cli
