#include "keeper/agent/daemon.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <cstdlib>
#include <thread>
#include <tuple>

#include "common/config/reload_answer.h"
#include "common/monitor_client/node_endpoint.h"
#include "common/pg/own_settings.h"
#include "common/process/descriptor_limit.h"
#include "common/tls/pair_file.h"
#include "common/util/exit_code.h"
#include "common/util/logging.h"
#include "common/util/pid_file.h"
#include "common/util/redact.h"
#include "keeper/agent/citus_router.h"
#include "keeper/agent/fence.h"
#include "keeper/agent/former_port.h"
#include "keeper/agent/guard.h"
#include "keeper/agent/hand_over.h"
#include "keeper/agent/instance_file.h"
#include "keeper/agent/instance_server.h"
#include "keeper/agent/live_config.h"
#include "keeper/agent/own_addresses.h"
#include "keeper/agent/own_certificates.h"
#include "keeper/agent/password_watch.h"
#include "keeper/agent/pulse.h"
#include "keeper/agent/renewal.h"
#include "keeper/agent/reporter.h"
#include "keeper/agent/sender_watch.h"
#include "keeper/agent/status_port.h"
#include "keeper/agent/worker.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::keeper {

namespace {

constexpr Millis stop_patience{30'000};

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

enum class End { hand_over, stop_fast, stop_immediate, begin_anew, retired };

std::string token_of(const config::Files& files) {
  return config::read_file(files.token()).value_or("");
}

/// `autoctl enable|disable monitor` or `set node metadata` has changed what this keeper is known by: also its credential
/// alone, where it registers again with a monitor that has forgotten it.
bool is_another_node(const config::Config& config, const config::Files& files, const std::string& token) {
  if (token_of(files) != token) return true;
  const auto now = config::load(files);
  if (!now) {
    logging::error(now.error());
    return false;
  }
  const auto known_by = [](const config::Config& c) {
    return std::tie(c.monitor_id, c.monitor_url, c.name, c.hostname, c.pgport, c.api_port);
  };
  return known_by(*now) != known_by(config);
}

End wait_for_end(const sigset_t& signals, Board& board, const config::Config& config, const config::Files& files) {
  sd_notify(0, "READY=1");
  const std::string token = token_of(files);
  while (true) {
    const timespec tick{1, 0};
    const int received = sigtimedwait(&signals, nullptr, &tick);
    sd_notify(0, "WATCHDOG=1");
    if (received == SIGHUP) {
      if (is_another_node(config, files, token)) {
        static_cast<void>(config::answer_reload(
            files, {"it is known by another name, address, port or monitor now: it begins anew with all settings"}));
        return End::begin_anew;
      }
      board.request_reload();
    }
    if (received == SIGUSR1) board.request_restart();
    if (received == SIGTERM) return End::hand_over;
    if (received == SIGINT) return End::stop_fast;
    if (received == SIGQUIT) return End::stop_immediate;
    if (board.has_retired()) return End::retired;
  }
}

Result<client::MonitorApi> connect(const config::Config& config, const config::Files& files) {
  const auto endpoint = client::node_endpoint(config, files);
  if (!endpoint) return fail(endpoint.error());
  if (endpoint->token.empty())
    return fail(Errc::bad_config, files.token() + " is missing or empty: the monitor would not know this node",
                "drop the node and create it again; its data stays");
  return client::MonitorApi::create(*endpoint);
}

Result<std::unique_ptr<Reporter>> report_to_monitor(Board& board, const config::Config& config, const LiveConfig& live,
                                                    const config::Files& files, const Tools& tools) {
  if (config.monitor_url.empty()) {
    spdlog::warn("This node has no monitor: it stays what it is; `autoctl enable monitor` gives it one");
    return nullptr;
  }
  auto heartbeat = connect(config, files);
  if (!heartbeat) return fail(heartbeat.error());
  auto messenger = connect(config, files);
  if (!messenger) return fail(messenger.error());
  return std::make_unique<Reporter>(board, config, live, std::move(*heartbeat), std::move(*messenger), tools.version);
}

/// Lines of the reload's answer.
std::vector<std::string> take_in(StatusPort& port, const config::Config& fresh) {
  const auto followed = port.follow(fresh);
  if (followed) return {};
  return {"failed: the keeper's own port stays as it was: " + followed.error().message};
}

/// A keeper's life under one monitor, at one address. To change either is to start anew, but for Postgres, which goes
/// on where it can: nothing that was heard from the last monitor is left but what is in the state file.
Result<End> serve(const config::Config& config, const config::Files& files, Instance& postgres,
                  const sigset_t& signals) {
  auto saved = load_state(files);
  if (!saved) return fail(saved.error());
  ++saved->epoch;
  AUTOCTL_TRY(save_state(files, *saved));

  AUTOCTL_TRY(ensure_own_password(files, config.node));
  auto chain = begin_chain(files);
  if (!chain) return fail(chain.error());

  const bool has_monitor = !config.monitor_url.empty();
  const bool unproved = has_monitor && chain->is_elsewhere();
  Board board({.node = config.node,
               .pgdata = config.pgdata,
               .has_monitor = has_monitor,
               .unproved = unproved,
               .reads_when_standby = config.citus_secondary},
              *saved, *std::move(chain));
  const auto status_port = StatusPort::open(config, files, board);
  if (!status_port) return fail(status_port.error());
  if (postgres.adopt()) spdlog::info("Took over the Postgres that already runs");
  LiveConfig live(config);
  live.change(trust_in_files(config, files));
  StandbyRights rights;
  InstanceServer server(postgres, config, files, rights, [&](const config::Config& fresh) {
    live.change(fresh);
    if (auto endpoint = client::node_endpoint(fresh, files)) live.change(*std::move(endpoint));
    live.change(trust_in_files(fresh, files));
    return take_in(**status_port, fresh);
  });
  Worker worker(board, server, files);
  const Fence fence(board, postgres);
  const Guard guard(board, files.pgdata);
  const PulseWatch pulse(board, files.pgdata);
  const Scribe scribe(board, files);
  const AddressWatch addresses(board, live, files);
  const CertificateWatch certificates(board, live, files);
  const RenewalWatch renewal(board, live, files);
  const PasswordWatch passwords(board, rights, live, files);
  const SenderWatch senders(board, rights, live, files.pgdata);
  const auto reporter = report_to_monitor(board, config, live, files, postgres.tools());
  if (!reporter) {
    board.stop();
    return fail(reporter.error());
  }
  std::optional<CitusRouter> router;
  if (config.role == "coordinator") router.emplace(board, live, files);
  std::thread work([&] { worker.run(); });
  spdlog::info("Keeper of {} (node {}) runs, epoch {}", config.name, config.node.value, saved->epoch);
  const End end = wait_for_end(signals, board, config, files);
  if (end != End::begin_anew) sd_notify(0, "STOPPING=1");
  if (end == End::hand_over) hand_over(board, config, files, signals);
  board.stop();
  work.join();
  return end;
}

/// Why it must not run whatever starts it, a restart of the machine with the monitor away, say: it was dropped, and has
/// stopped for good. nullopt for any other node.
std::optional<Error> refusal_of_dropped(const config::Files& files) {
  const auto saved = load_state(files);
  const auto config = config::load(files);
  const bool dropped = saved && saved->goal.state == NodeState::dropped && saved->state == NodeState::dropped;
  if (!dropped || !config) return std::nullopt;
  return Error{
      Errc::conflict,
      config->name + " (node " + std::to_string(config->node.value) + ") was dropped: it does not run any more",
      "`autoctl drop node --pgdata " + files.pgdata +
          "` removes what autoctl has left beside the data; `autoctl create` brings it back then"};
}

/// An earlier autoctl kept the password with which the node had joined.
Result<> forget_password(config::Config& config, const config::Files& files) {
  const std::string without = without_password(config.monitor);
  if (without == config.monitor) return {};
  config.monitor = without;
  return config::save(files, config);
}

Result<ExitCode> run(const config::Files& files, const sigset_t& signals) {
  const DescriptorLimit descriptors = raise_descriptor_limit();
  spdlog::info("This process may have {} files open ({} when it was started)", descriptors.now, descriptors.inherited);
  auto config = config::load(files);
  if (!config) return fail(config.error());
  auto pid_file = PidFile::acquire(files.pid());
  if (!pid_file) return fail(pid_file.error());
  AUTOCTL_TRY(forget_password(*config, files));
  AUTOCTL_TRY(tls::settle_pair(files.certificate(), files.key()));
  auto tools = find_tools(config->pg_ctl);
  if (!tools) return fail(tools.error());
  AUTOCTL_TRY(become_subreaper());
  Instance postgres(*config, files, *tools);
  while (true) {
    AUTOCTL_TRY(leave_former_port(postgres, *config, files));
    const auto end = serve(*config, files, postgres, signals);
    if (!end) return fail(end.error());
    if (*end != End::begin_anew) {
      spdlog::info(*end == End::retired ? "This node was dropped and has stopped: its keeper ends" : "Stopping");
      AUTOCTL_TRY(postgres.stop(*end == End::stop_immediate ? StopMode::immediate : StopMode::fast, stop_patience));
      return *end == End::retired ? ExitCode::dropped : ExitCode::ok;
    }
    auto changed = config::load(files);
    if (!changed) return fail(changed.error());
    spdlog::info("The configuration is another: beginning anew, while Postgres goes on");
    *config = *std::move(changed);
    postgres.change_config(*config);
    if (config->ssl.issued && postgres.running()) AUTOCTL_TRY(postgres.reload());  // another monitor's certificate
  }
}

}  // namespace

int run_keeper(const config::Files& files) {
  pg::forget_environment();
  // Commands that Postgres runs inherit it, and it may have a password.
  for (const char* name : {"AUTOCTL_MONITOR", "PG_AUTOCTL_MONITOR"}) ::unsetenv(name);
  const sigset_t signals = block_signals();
  if (const auto refusal = refusal_of_dropped(files)) {
    logging::error(*refusal);
    return static_cast<int>(ExitCode::dropped);
  }
  const auto result = run(files, signals);
  if (!result) logging::error(result.error());
  return static_cast<int>(result ? *result : exit_code(result.error().code));
}

}  // namespace autoctl::keeper
