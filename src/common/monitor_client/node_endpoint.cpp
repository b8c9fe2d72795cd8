#include "common/monitor_client/node_endpoint.h"

namespace autoctl::client {

Result<std::string> read_token(const std::string& path) {
  auto text = config::read_file(path);
  if (!text) return text;
  return text->substr(0, text->find('\n'));
}

Result<std::string> own_token(const config::Files& files) {
  auto token = read_token(files.token());
  if (!token && token.error().code == Errc::not_found) return "";
  return token;
}

Result<MonitorEndpoint> endpoint_to_join(const std::string& address, const std::string& ca_file,
                                         const std::string& token_file, const JoinToken& join) {
  auto endpoint = discover(address, {.ca_file = ca_file, .fingerprint = join.fingerprint});
  if (!endpoint) return endpoint;
  if (!join.secret.empty()) {
    endpoint->token = join.secret;
  } else if (!token_file.empty()) {
    auto token = read_token(token_file);
    if (!token) return fail(std::move(token.error()));
    endpoint->token = *std::move(token);
  }
  return endpoint;
}

Result<MonitorEndpoint> node_endpoint(const config::Config& config, const config::Files& files) {
  auto token = own_token(files);
  if (!token) return fail(std::move(token.error()));
  MonitorEndpoint endpoint{.url = config.monitor_url,
                           .ca_pem = config::read_file(files.monitor_ca()).value_or(""),
                           .monitor_id = config.monitor_id,
                           .token = *std::move(token)};
  if (!config.ssl.issued) return endpoint;
  auto certificate = config::read_file(config.ssl.server_cert);
  auto key = config::read_file(config.ssl.server_key);
  if (!certificate) return fail(std::move(certificate.error()));
  if (!key) return fail(std::move(key.error()));
  endpoint.certificate_pem = *std::move(certificate);
  endpoint.key_pem = *std::move(key);
  return endpoint;
}

}  // namespace autoctl::client
