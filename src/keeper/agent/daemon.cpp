#include "keeper/agent/daemon.h"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <systemd/sd-daemon.h>

#include <thread>

#include "common/monitor_client/node_endpoint.h"
#include "common/util/exit_code.h"
#include "common/util/logging.h"
#include "common/util/pid_file.h"
#include "keeper/agent/fence.h"
#include "keeper/agent/reporter.h"
#include "keeper/agent/status_port.h"
#include "keeper/agent/worker.h"
#include "keeper/citus/router.h"

namespace autoctl::keeper {

namespace {

constexpr Millis stop_patience{30'000};
/// A keeper that starts beside a running primary has not heard from the monitor yet: nothing is fenced for this long.
constexpr Millis start_grace{4000};

sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&signals, s);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  return signals;
}

/// Until asked to stop; returns how Postgres shall be stopped.
StopMode wait_for_stop(const sigset_t& signals, Worker& worker) {
  sd_notify(0, "READY=1");
  while (true) {
    const timespec tick{1, 0};
    const int received = sigtimedwait(&signals, nullptr, &tick);
    sd_notify(0, "WATCHDOG=1");
    if (received == SIGHUP) worker.request_reload();
    if (received == SIGTERM || received == SIGINT) return StopMode::fast;
    if (received == SIGQUIT) return StopMode::immediate;
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

Result<> run(const config::Files& files, const sigset_t& signals) {
  auto config = config::load(files);
  if (!config) return fail(config.error());
  auto pid_file = PidFile::acquire(files.pid());
  if (!pid_file) return fail(pid_file.error());
  auto tools = find_tools(config->pg_ctl);
  if (!tools) return fail(tools.error());
  auto saved = load_state(files);
  if (!saved) return fail(saved.error());
  ++saved->epoch;
  AUTOCTL_TRY(save_state(files, *saved));
  AUTOCTL_TRY(become_subreaper());

  auto heartbeat = connect(*config, files);
  if (!heartbeat) return fail(heartbeat.error());
  auto messenger = connect(*config, files);
  if (!messenger) return fail(messenger.error());

  Instance postgres(*config, files, *tools);
  Board board(saved->epoch);
  board.assume(saved->lease_required, start_grace);
  auto status_port = open_status_port(*config, files, board);
  if (!status_port) return fail(status_port.error());
  Worker worker(board, postgres, *config, files, *saved);
  StopMode mode = StopMode::fast;
  {
    const Fence fence(board, postgres);
    const Reporter reporter(board, *config, std::move(*heartbeat), std::move(*messenger), tools->version);
    std::optional<citus::Router> router;
    if (config->role == "coordinator") router.emplace(board, *config, files);
    std::thread work([&] { worker.run(); });
    spdlog::info("Keeper of {} (node {}) runs, epoch {}", config->name, config->node.value, saved->epoch);
    mode = wait_for_stop(signals, worker);
    sd_notify(0, "STOPPING=1");
    spdlog::info("Stopping");
    board.stop();
    work.join();
  }
  return postgres.stop(mode, stop_patience);
}

}  // namespace

int run_keeper(const config::Files& files) {
  const sigset_t signals = block_signals();
  const auto result = run(files, signals);
  if (!result) logging::error(result.error());
  return static_cast<int>(result ? ExitCode::ok : exit_code(result.error().code));
}

}  // namespace autoctl::keeper
