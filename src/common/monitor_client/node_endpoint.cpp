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

Result<MonitorEndpoint> node_endpoint(const config::Config& config, const config::Files& files) {
  auto token = own_token(files);
  if (!token) return fail(std::move(token.error()));
  return MonitorEndpoint{.url = config.monitor_url,
                         .ca_pem = config::read_file(files.monitor_ca()).value_or(""),
                         .monitor_id = config.monitor_id,
                         .token = *std::move(token)};
}

}  // namespace autoctl::client
