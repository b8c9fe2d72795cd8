#include "keeper/agent/status_port.h"

#include <nlohmann/json.hpp>

#include "common/config/own_port.h"
#include "common/monitor_client/node_endpoint.h"
#include "common/tls/certificate.h"
#include "common/util/logging.h"

namespace autoctl::keeper {

namespace {

/// To whom everything is told.
struct Readers {
  bool all = false;
  std::string token;  // of the node; empty: nobody has it

  bool include(const http::Request& request) const {
    return all || (!token.empty() && tls::equal_constant_time(request.bearer, token));
  }
};

http::Response answer(const Board& board, const Readers& readers, const http::Request& request) {
  if (request.method != "GET" && request.method != "HEAD" && request.method != "OPTIONS")
    return {405, protocol::encode_error({Errc::bad_usage, "this port only answers questions", ""})};
  if (request.path == "/healthz") return {200, R"({"status":"ok"})"};
  const NodeFacts facts = board.facts();
  const bool serves = facts.postgres_running && !facts.cannot_run;
  const bool whole = readers.include(request);
  const auto role = [&](bool is) {
    const std::string in_short = is ? R"({"status":"ok"})" : R"({"status":"no"})";
    return http::Response{is ? 200 : 503, whole ? protocol::encode(facts) : in_short};
  };
  if (request.path == "/primary") return role(serves && !facts.in_recovery && may_accept_writes(facts.state));
  if (request.path == "/replica") return role(serves && facts.in_recovery && facts.receiving);
  if (request.path == "/v1/status") {
    if (!whole)
      return {401, protocol::encode_error({Errc::denied, "this is told to those only who have the node's credential",
                                           "give what is in <pgdata>.autoctl/token as \"Authorization: Bearer …\""})};
    nlohmann::json json = {{"facts", facts}, {"fenced", board.fenced()}, {"refused", board.is_refused()}};
    if (const auto assignment = board.assignment()) json["assignment"] = *assignment;
    return {200, json.dump()};
  }
  return {404,
          protocol::encode_error({Errc::not_found, "no such path", "try /healthz, /primary, /replica or /v1/status"})};
}

Result<std::unique_ptr<http::Server>> start(const http::ServerOptions& options, const Board& board,
                                            const Readers& readers) {
  auto server = std::make_unique<http::Server>(
      options, [&board, readers](const http::Request& request, const http::Responder& respond) {
        respond(answer(board, readers, request));
      });
  AUTOCTL_TRY(server->start());
  return server;
}

}  // namespace

Result<std::unique_ptr<http::Server>> open_status_port(const config::Config& config, const config::Files& files,
                                                       const Board& board) {
  auto token = client::own_token(files);
  if (!token) return fail(std::move(token.error()));
  const Readers readers{.all = config.auth == "trust", .token = *std::move(token)};
  http::ServerOptions options;
  options.address = config::api_addresses(config);
  options.port = config.api_port;
  options.certificate_file = config::api_certificate_file(config, files);
  options.key_file = config::api_key_file(config, files);
  options.body_bytes_max = 16 * 1024;
  options.connections_max = 64;
  auto server = start(options, board, readers);
  if (server || server.error().code != Errc::bad_config || !config::has_given_certificate(config)) return server;
  // A node must not stay down for a certificate that only load balancers look at: they will say what they think of it.
  logging::error(Error(server.error()).with_context("the keeper's own port shows a self-signed certificate instead"));
  options.certificate_file = files.certificate();
  options.key_file = files.key();
  return start(options, board, readers);
}

}  // namespace autoctl::keeper
