#include "cli/ssl_change.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "cli/daemon_control.h"
#include "cli/output/state_document.h"
#include "common/config/auth.h"
#include "common/config/own_port.h"
#include "common/pg/connection.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/port_probe.h"
#include "common/tls/certificate.h"
#include "common/tls/server_files.h"
#include "common/tls/trust.h"
#include "common/util/pid_file.h"
#include "keeper/agent/state_file.h"
#include "keeper/core/saved_state.h"
#include "keeper/postgres/replicator.h"

namespace autoctl::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis handshake_timeout{1'000};
constexpr Millis login_timeout{5'000};
constexpr Millis follow_patience{10'000};
constexpr Millis handshake_interval{50};

using Nodes = std::vector<protocol::NodeDocument>;

Nodes others_of(const config::Config& node, const protocol::StateDocument& state) {
  Nodes others;
  std::ranges::copy_if(state.nodes, std::back_inserter(others), [&](const auto& other) {
    return other.formation == node.formation && other.id != node.node && other.assigned != NodeState::dropped;
  });
  return others;
}

std::optional<bool> serves_tls(const std::string& host, int port) {
  const auto addresses = resolve(host, {.port = port});
  const auto shown = addresses ? postgres::certificate_of_postgres(*addresses, handshake_timeout) : std::nullopt;
  return shown ? std::optional(!shown->empty()) : std::nullopt;
}

bool checks_certificates(const SslNeighbour& node) {
  return node.mode.starts_with("verify-");
}

/// By the authority that the formation has now: the others were given the same.
Result<> check_believed_by_others(const config::Config& from, const config::Config& to,
                                  const std::vector<SslNeighbour>& others) {
  const auto strict = std::ranges::find_if(others, checks_certificates);
  const std::string& authority = from.ssl.enabled ? from.ssl.ca_file : to.ssl.ca_file;
  if (strict == others.end() || authority.empty()) return {};
  const auto trusted = config::read_file(authority), shown = config::read_file(to.ssl.server_cert);
  if (!trusted) return fail(trusted.error());
  if (!shown) return fail(shown.error());
  const auto believed = tls::check_believed(*shown, *trusted, to.hostname);
  if (believed) return {};
  return fail(Errc::conflict,
              fmt::format("{} would not believe {}: {}", strict->name, to.ssl.server_cert, believed.error().message),
              "it checks certificates (sslmode " + strict->mode +
                  "): `autoctl enable ssl … --ssl-mode require` on all nodes first");
}

/// What nodes trust at its API they were told when they joined.
Result<> check_believed_by_nodes(const config::Config& from, const config::Config& to) {
  const config::Files files(to.pgdata);
  const auto trusted = config::read_file(config::api_trusted_file(from, files));
  const auto shown = config::read_file(config::api_certificate_file(to, files));
  if (!trusted) return fail(trusted.error());
  if (!shown) return fail(shown.error());
  const auto believed = tls::check_believed(*shown, *trusted, to.hostname);
  if (believed) return {};
  return fail(Errc::conflict,
              fmt::format("the nodes would not believe {}: {}", config::api_certificate_file(to, files),
                          believed.error().message),
              "they trust what is in " + config::api_trusted_file(from, files) +
                  " since they joined: give a certificate that this one believes");
}

/// What a client that connects to Postgres now is shown; empty: no TLS.
std::optional<std::vector<Fingerprint>> shown_by(const config::Config& config) {
  const auto lock = postgres::read_lock_file(config.pgdata);
  if (!lock || lock->port == 0) return std::nullopt;
  return postgres::certificate_of_postgres(config::postgres_addresses(config, lock->port), handshake_timeout);
}

Result<> await_shown(const config::Config& config) {
  std::vector<Fingerprint> wanted;
  if (config.ssl.enabled) {
    const auto text = config::read_file(config.ssl.server_cert);
    const auto info = text ? tls::inspect_certificate(*text) : fail(text.error());
    if (!info) return fail(info.error());
    if (const auto one = Fingerprint::parse(info->sha256)) wanted = {*one};
  }
  const auto deadline = Clock::now() + follow_patience;
  std::optional<std::vector<Fingerprint>> shown;
  while ((shown = shown_by(config)) != wanted) {
    if (Clock::now() >= deadline) break;
    std::this_thread::sleep_for(handshake_interval);
  }
  if (shown == wanted) return {};
  if (!config.ssl.enabled && shown)
    return fail(Errc::conflict, "Postgres goes on serving TLS: its own configuration says ssl = on",
                "take that out of postgresql.conf and postgresql.auto.conf, then try again");
  return fail(Errc::conflict, "Postgres does not show " + config.ssl.server_cert + ", as it was told to",
              "its log says why; what was in force before is in force again");
}

Result<> reload(const config::Files& files, pid_t pid) {
  const auto answer = reload_daemon(files, pid);
  if (!answer) return fail(answer.error());
  if (answer->good) return {};
  return fail(Errc::conflict, "the daemon did not take it in: " + answer->text, "what was in force before is again");
}

}  // namespace

std::vector<SslNeighbour> ssl_neighbours(const config::Config& node, const protocol::StateDocument& state) {
  std::vector<SslNeighbour> neighbours;
  for (const auto& other : others_of(node, state))
    neighbours.push_back({other.name, other.ssl_mode, serves_tls(other.host, other.port)});
  return neighbours;
}

Result<> check_shown(const config::Config& from, const config::Config& to, const std::vector<SslNeighbour>& others) {
  if (to.ssl.enabled) {
    AUTOCTL_TRY(tls::check_server_files({to.ssl.server_cert, to.ssl.server_key, to.ssl.ca_file, to.ssl.crl_file}));
    AUTOCTL_TRY(check_believed_by_others(from, to, others));
  }
  return to.is_monitor() ? check_believed_by_nodes(from, to) : Result<>{};
}

Result<> check_logins(const config::Config& to, const protocol::StateDocument& state) {
  if (!config::demands_tls(to.ssl)) return {};
  const config::Files files(to.pgdata);
  const auto saved = keeper::load_state(files);
  if (!saved) return fail(saved.error());
  for (const auto& other : others_of(to, state)) {
    if (!serves_tls(other.host, other.port).value_or(false)) continue;
    const bool same_group = other.group == to.group.value_or(0);
    const auto* known = keeper::find_peer(saved->peers, other.id);
    protocol::Peer there = known != nullptr ? *known : protocol::Peer();
    there.host = other.host;
    there.port = other.port;
    const std::string place = keeper::conninfo_of_replicator(to, files, there) +
                              " dbname=" + pg::quote_conninfo(same_group ? "postgres" : to.dbname);
    const auto connection = pg::Connection::open(place, login_timeout);
    if (connection || pg::is_crowded(connection.error())) continue;
    // This node has no role in other groups. A server that says so has shown its certificate before.
    if (!same_group && pg::server_spoke(connection.error())) continue;
    return fail(Errc::conflict,
                fmt::format("{} ({}) would not be reached: {}", other.name, host_port(other.host, other.port),
                            connection.error().message),
                "with a less strict --ssl-mode (require asks for TLS and checks no certificate) it would, perhaps");
  }
  return {};
}

Result<bool> put_ssl_in_force(const config::Config& from, const config::Config& to) {
  const config::Files files(to.pgdata);
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  AUTOCTL_TRY(config::save(files, to));
  if (!*pid) return false;
  auto done = reload(files, **pid);
  if (done) done = await_shown(to);
  if (done) return true;
  AUTOCTL_TRY(config::save(files, from));
  if (const auto back = reload(files, **pid); !back)
    return fail(Error(done.error()).with_context("going back failed, too (" + back.error().message + ")"));
  return fail(std::move(done.error()));
}

}  // namespace autoctl::cli
