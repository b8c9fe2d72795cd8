#include "keeper/agent/status_port.h"

#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "common/config/own_port.h"
#include "common/fsm/standby_names.h"
#include "common/http/budget.h"
#include "common/http/strain_log.h"
#include "common/monitor_client/node_endpoint.h"
#include "common/process/descriptor_limit.h"
#include "common/tls/certificate.h"
#include "common/util/logging.h"

namespace autoctl::keeper {

namespace {

/// Load balancers ask some times a second; whoever asks more often than all of them takes no processor from Postgres.
constexpr std::size_t connections_max = 512;
constexpr std::size_t strangers_max = 128;
constexpr int handshakes_per_second = 200;
/// A timer that runs ten times a second is a tenth of a keeper's cost at rest.
constexpr Millis server_calm_interval{500};
/// For sessions with Postgres, pipes of its programs, the monitor, probes and files; with as much again in reserve.
constexpr std::size_t own_descriptors = 128;

bool is_open(const config::Config& config) {
  return config.auth == "trust";
}

http::Response refusal() {
  return {401, protocol::encode_error({Errc::denied, "this is told to those only who have the node's credential",
                                       "give what is in <pgdata>.autoctl/token as \"Authorization: Bearer …\""})};
}

}  // namespace

StatusPort::StatusPort(const config::Config& config, const config::Files& files, const Board& board, std::string token)
    : files_(files),
      board_(board),
      token_(std::move(token)),
      certificate_(standby_name(config.node)),
      open_to_all_(is_open(config)),
      listen_(config.listen),
      addresses_(config::api_addresses(config)) {}

bool StatusPort::knows(const http::Request& request) const {
  if (token_.empty() || !tls::equal_constant_time(request.bearer, token_)) return false;
  return !token_.starts_with(protocol::certified_prefix) || request.certificate == certificate_;
}

bool StatusPort::tells_everything(const http::Request& request) const {
  return open_to_all_ || knows(request);
}

/// No request has a body here.
http::Standing StatusPort::judge(const http::Request& header) const {
  return {.credential = knows(header) ? "node" : ""};
}

http::Response StatusPort::answer(const http::Request& request) const {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS")
    return {405, protocol::encode_error({Errc::bad_usage, "this port only answers questions", ""})};
  if (request.path == "/healthz") return {200, R"({"status":"ok"})"};
  const NodeFacts facts = board_.facts();
  const bool serves = facts.postgres_running && !facts.cannot_run;
  const bool whole = tells_everything(request);
  const auto role = [&](bool is) {
    const std::string in_short = is ? R"({"status":"ok"})" : R"({"status":"no"})";
    return http::Response{is ? 200 : 503, whole ? protocol::encode(facts) : in_short};
  };
  if (request.path == "/primary") return role(serves && !facts.in_recovery && may_accept_writes(facts.state));
  if (request.path == "/replica") return role(serves && facts.in_recovery && facts.receiving);
  if (request.path == "/v1/status") {
    if (!whole) return refusal();
    nlohmann::json json = {{"facts", facts}, {"fenced", board_.fenced()}, {"refused", board_.is_refused()}};
    if (const auto assignment = board_.assignment()) json["assignment"] = *assignment;
    return {200, json.dump()};
  }
  return {404,
          protocol::encode_error({Errc::not_found, "no such path", "try /healthz, /primary, /replica or /v1/status"})};
}

Result<> StatusPort::start(const config::Config& config) {
  http::ServerOptions options;
  options.address = addresses_;
  options.port = config.api_port;
  options.certificate_file = config::api_certificate_file(config, files_);
  options.key_file = config::api_key_file(config, files_);
  options.client_ca_file = config::client_ca_file(config);
  options.connections_max = connections_max;
  options.strangers_max = strangers_max;
  options.stranger_handshakes_per_second = handshakes_per_second;
  options.calm_interval = server_calm_interval;
  options = http::fitted(std::move(options), descriptor_limit(), own_descriptors);
  const auto begin = [&] {
    server_ = std::make_unique<http::Server>(
        options, [this](const http::Request& request, const http::Responder& respond) { respond(answer(request)); },
        http::Server::DisconnectHandler(), http::StrainLog(),
        [this](const http::Request& header) { return judge(header); });
    return server_->start();
  };
  auto started = begin();
  if (started || started.error().code != Errc::bad_config || !config::has_given_certificate(config)) return started;
  // A node must not stay down for a certificate that only load balancers look at: they will say what they think of it.
  logging::error(Error(started.error()).with_context("the keeper's own port shows a self-signed certificate instead"));
  options.certificate_file = files_.certificate();
  options.key_file = files_.key();
  return begin();
}

Result<std::unique_ptr<StatusPort>> StatusPort::open(const config::Config& config, const config::Files& files,
                                                     const Board& board) {
  auto token = client::own_token(files);
  if (!token) return fail(std::move(token.error()));
  std::unique_ptr<StatusPort> port(new StatusPort(config, files, board, *std::move(token)));
  AUTOCTL_TRY(port->start(config));
  return port;
}

Result<> StatusPort::follow(const config::Config& config) {
  open_to_all_ = is_open(config);
  const std::string addresses = config.listen == listen_ ? addresses_ : config::api_addresses(config);
  AUTOCTL_TRY(
      server_->change(addresses, config::api_certificate_file(config, files_), config::api_key_file(config, files_)));
  listen_ = config.listen;
  addresses_ = addresses;
  return {};
}

}  // namespace autoctl::keeper
