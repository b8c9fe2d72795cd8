#include "monitor/daemon.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <thread>

#include "common/config/own_port.h"
#include "common/config/reload_answer.h"
#include "common/http/budget.h"
#include "common/http/server.h"
#include "common/http/strain_log.h"
#include "common/pg/connection.h"
#include "common/pg/own_settings.h"
#include "common/process/descriptor_limit.h"
#include "common/process/process.h"
#include "common/tls/certificate.h"
#include "common/util/descriptor.h"
#include "common/util/exit_code.h"
#include "common/util/ip_address.h"
#include "common/util/logging.h"
#include "common/util/pid_file.h"
#include "common/util/version.h"
#include "monitor/api/api_router.h"
#include "monitor/api_port.h"
#include "monitor/identity.h"
#include "monitor/own_postgres.h"
#include "monitor/service/service.h"
#include "monitor/store/node_role.h"
#include "monitor/store/postgres_store.h"

namespace autoctl::monitor {

namespace {

constexpr Millis tick{1'000};
/// The server's own lateness is not tolerated from 250 ms on (service.cpp): it is looked at more often than that.
constexpr Millis calm_interval{200};
constexpr Millis daemon_stop_patience{30'000};
constexpr Millis watchdog_patience{20'000};  // without a turn of the engine for this long the watchdog is not fed
/// Whoever stops it with `pg_ctl stop -w` looks ten times a second whether it is gone.
constexpr Millis courtesy{1'000};
constexpr Millis restart_pause_min{100};
constexpr Millis restart_pause_max{5'000};
constexpr Millis first_load_patience{30'000};
/// For 256 probes at once, the store, the resolver, its Postgres and the log; with as much again in reserve.
constexpr std::size_t own_descriptors = 640;
constexpr Millis node_role_interval{30'000};
constexpr Millis node_role_patience{2'000};

/// The signals we are asked to stop or reload by, as a descriptor.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int s : {SIGTERM, SIGINT, SIGQUIT, SIGHUP}) sigaddset(&set_, s);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    fd_ = Descriptor(::signalfd(-1, &set_, SFD_NONBLOCK | SFD_CLOEXEC));
  }

  int fd() const { return fd_.get(); }
  bool stop_requested() {
    take();
    return stop_;
  }
  bool take_reload() {
    take();
    return std::exchange(reload_, false);
  }

 private:
  void take() {
    signalfd_siginfo info{};
    while (::read(fd_.get(), &info, sizeof info) == sizeof info) (info.ssi_signo == SIGHUP ? reload_ : stop_) = true;
  }

  sigset_t set_{};
  Descriptor fd_;
  bool stop_ = false;
  bool reload_ = false;
};

void wait(std::initializer_list<int> descriptors, Millis timeout) {
  std::array<pollfd, 2> sockets{};
  std::size_t count = 0;
  for (const int fd : descriptors)
    if (fd >= 0) sockets[count++] = {fd, POLLIN, 0};
  ::poll(sockets.data(), count, static_cast<int>(timeout.count()));
}

/// The very first load: Postgres is up, but its disk may be slow, and an old session may be about to end.
Result<Image> first_load(Store& store, Signals& signals) {
  const auto deadline = std::chrono::steady_clock::now() + first_load_patience;
  for (;;) {
    auto image = store.load();
    const bool final = image || image.error().code == Errc::incompatible || signals.stop_requested();
    if (final || std::chrono::steady_clock::now() >= deadline) return image;
    wait({signals.fd()}, restart_pause_min);
  }
}

/// Every node has this role's credential: what it does is ended, and what it changes is put back, while the monitor runs.
/// What the role is told is renewed.
class NodeRoleWatch {
 public:
  NodeRoleWatch(const OwnPostgres& own, const ApiEndpoint& endpoint) : own_(own), endpoint_(endpoint) {}

  void look() {
    const auto now = std::chrono::steady_clock::now();
    if (now < next_) return;
    next_ = now + node_role_interval;
    auto connection = pg::Connection::open(own_.conninfo(OwnPostgres::database), node_role_patience);
    if (!connection) return;  // the store says so
    if (const auto tended = tend_node_role(*connection); !tended)
      spdlog::warn("Cannot look after the role autoctl_node: {}", tended.error().message);
    if (!endpoint_.entry_credential) return;
    if (const auto done = hand_out(*connection, endpoint_.entry_credential()); !done)
      spdlog::warn("Cannot renew what autoctl.api_endpoint() hands out: {}", done.error().message);
  }

 private:
  const OwnPostgres& own_;
  const ApiEndpoint& endpoint_;
  std::chrono::steady_clock::time_point next_;
};

/// What can be taken in by a monitor that runs. Postgres' address stays, as the store's connection depends on it.
Result<> reload(const config::Config& running, const config::Files& files, OwnPostgres& own, ApiPort& port) {
  auto fresh = config::load(files);
  if (!fresh) return fail(std::move(fresh.error()));
  std::vector<std::string> lines = config::differences(running, *fresh);
  lines.emplace_back(lines.empty() ? "nothing has changed in " + files.config()
                                   : "ports and host name take effect at the next start");
  if (const auto followed = port.follow(*fresh, files); !followed)
    lines.push_back("failed: the API's port stays as it was: " + followed.error().message);
  fresh->pgport = running.pgport;
  fresh->pghost = running.pghost;
  own.set_config(*std::move(fresh));
  AUTOCTL_TRY(own.configure());
  AUTOCTL_TRY(own.reload());
  for (const auto& line : lines) spdlog::info("Reload: {}", line);
  return config::answer_reload(files, lines);
}

/// Until asked to stop. Brings Postgres back whenever it dies.
void supervise(const config::Config& config, const config::Files& files, OwnPostgres& own, Service& service,
               ApiPort& port, NodeRoleWatch& node_role, Signals& signals) {
  Millis pause{0};
  while (!signals.stop_requested()) {
    wait({signals.fd(), own.watch_fd()}, own.running() ? tick : pause);
    if (std::chrono::steady_clock::now() - service.last_turn() < watchdog_patience) sd_notify(0, "WATCHDOG=1");
    if (signals.take_reload()) {
      const auto reloaded = reload(config, files, own, port);
      if (!reloaded) {
        logging::error(reloaded.error());
        static_cast<void>(config::answer_reload(files, {"refused: " + reloaded.error().message}));
      }
    }
    if (own.running()) {
      node_role.look();
      continue;
    }
    if (pause == Millis{0}) {
      const bool stopped = own.was_stopped();
      service.post([stopped](Engine& engine) { engine.store_lost(stopped ? "it was stopped" : "it died"); });
      spdlog::warn("The monitor's Postgres {}", stopped ? "was stopped by somebody else: starting it again in a second"
                                                        : "has died: starting it again");
      if (stopped) wait({signals.fd()}, courtesy);
    }
    const auto started = own.start([&] { return signals.stop_requested(); });
    if (!started && !signals.stop_requested()) logging::error(started.error());
    pause = started ? Millis{0} : std::clamp(2 * pause, restart_pause_min, restart_pause_max);
  }
}

ApiTrust trust_of(const config::Config& config, const config::Files& files, const ApiEndpoint& endpoint) {
  ApiTrust trust{.ca_pem = endpoint.ca_pem};
  if (config.ssl.issued) trust.authority = Authority(files);
  return trust;
}

/// Its nodes' addresses are known before they come: after a restart all of them come at once.
std::vector<std::string> addresses_of_nodes(const Image& image) {
  std::vector<std::string> addresses;
  for (const NodeRow& node : image.nodes) {
    if (const auto host = IpAddress::parse(node.host)) addresses.push_back(host->text());
    for (const IpAddress& address : node.addresses) addresses.push_back(address.text());
  }
  return addresses;
}

http::ServerOptions server_options(const config::Config& config, const config::Files& files, const Image& image,
                                   const DescriptorLimit& descriptors) {
  http::ServerOptions options;
  options.calm_interval = calm_interval;
  options.address = config::api_addresses(config);
  options.port = config.api_port;
  options.certificate_file = config::api_certificate_file(config, files);
  options.key_file = config::api_key_file(config, files);
  options.client_ca_file = config::client_ca_file(config);
  options.known_addresses = addresses_of_nodes(image);
  const std::size_t wanted = options.connections_max;
  options = http::fitted(std::move(options), descriptors.now, own_descriptors);
  const auto words = fmt::format("This process may have {} files open ({} when it was started): up to {} connections",
                                 descriptors.now, descriptors.inherited, options.connections_max);
  if (options.connections_max == wanted)
    spdlog::info("{}", words);
  else
    spdlog::warn("{}, and not {}: for more, raise LimitNOFILE or `ulimit -n`", words, wanted);
  return options;
}

Result<> serve(const config::Config& config, const config::Files& files, OwnPostgres& own, Signals& signals,
               const DescriptorLimit& descriptors) {
  auto endpoint = api_endpoint(config, files);
  if (!endpoint) return fail(std::move(endpoint.error()));
  auto token = operator_token(files);
  if (!token) return fail(std::move(token.error()));
  auto store = std::make_unique<PostgresStore>(own.conninfo(OwnPostgres::database), *endpoint);
  auto image = first_load(*store, signals);
  if (!image) return fail(std::move(image.error()));

  const bool open = config.auth == "trust";
  const auto is_entry = [token = *token](std::string_view text) {
    return is_entry_credential(token, text, std::chrono::system_clock::now());
  };
  Credentials credentials(Access(open, *token, tls::sha256_hex, is_entry), *image);
  Service service(std::move(store), *image, Access(open, *token, tls::sha256_hex, is_entry));
  const ApiRouter router(service, credentials, image->monitor_id, trust_of(config, files, *endpoint));
  http::Server server(
      server_options(config, files, *image, descriptors),
      [&router](const http::Request& request, const http::Responder& respond) { router.handle(request, respond); },
      [&service](std::uint64_t connection) { service.disconnected(connection); },
      [&service, tell = http::StrainLog()](const http::Strain& strain) mutable {
        service.strained(strain);
        tell(strain);
      },
      [&router](const http::Request& header) { return router.judge(header); });
  AUTOCTL_TRY(server.start());
  spdlog::info("The monitor (autoctl {}) answers at {}", program_version, endpoint->url);
  sd_notify(0, "READY=1");
  ApiPort port(server, config, *endpoint);
  NodeRoleWatch node_role(own, *endpoint);
  supervise(config, files, own, service, port, node_role, signals);
  sd_notify(0, "STOPPING=1");
  spdlog::info("Stopping");
  server.stop();
  return {};
}

Result<> run(const config::Files& files, Signals& signals) {
  const DescriptorLimit descriptors = raise_descriptor_limit();
  auto config = config::load(files);
  if (!config) return fail(std::move(config.error()));
  if (!config->is_monitor()) return fail(Errc::bad_usage, files.pgdata + " is a node's, not a monitor's");
  auto pid_file = PidFile::acquire(files.pid());
  if (!pid_file) return fail(std::move(pid_file.error()));
  auto tools = postgres::find_tools(config->pg_ctl);
  if (!tools) return fail(std::move(tools.error()));
  AUTOCTL_TRY(ensure_identity(*config, files));
  AUTOCTL_TRY(become_subreaper());
  OwnPostgres own(*config, files, *tools);
  const auto served = [&]() -> Result<> {
    AUTOCTL_TRY(own.configure());
    AUTOCTL_TRY(own.start([&] { return signals.stop_requested(); }));
    AUTOCTL_TRY(own.create_database());
    return serve(*config, files, own, signals, descriptors);
  }();
  auto stopped = own.stop(daemon_stop_patience);
  if (!served && !signals.stop_requested()) return served;
  return stopped;
}

}  // namespace

int run_monitor(const config::Files& files) {
  pg::forget_environment();
  Signals signals;
  const auto result = run(files, signals);
  if (result) return 0;
  logging::error(result.error());
  return static_cast<int>(exit_code(result.error().code));
}

}  // namespace autoctl::monitor
