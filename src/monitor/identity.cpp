#include "monitor/identity.h"

#include <unistd.h>

#include "common/config/files.h"
#include "common/config/own_port.h"
#include "common/tls/certificate.h"

namespace autoctl::monitor {

namespace {

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

Result<> ensure_identity(const config::Config& config, const config::Files& files) {
  if (!config::has_given_certificate(config) && (!exists(files.certificate()) || !exists(files.key())))
    AUTOCTL_TRY(tls::write_self_signed(files.certificate(), files.key(), {config.hostname}));
  if (!exists(files.token())) AUTOCTL_TRY(config::write_file(files.token(), tls::random_token() + "\n", 0600));
  return {};
}

Result<std::string> operator_token(const config::Files& files) {
  auto text = config::read_file(files.token());
  if (!text) return text;
  while (!text->empty() && (text->back() == '\n' || text->back() == ' ')) text->pop_back();
  if (text->empty())
    return fail(Errc::bad_config, files.token() + " is empty", "remove it: a new one is made at the next start");
  return text;
}

Result<ApiEndpoint> api_endpoint(const config::Config& config, const config::Files& files) {
  ApiEndpoint endpoint;
  const bool ipv6 = config.hostname.find(':') != std::string::npos;
  endpoint.url =
      "https://" + (ipv6 ? "[" + config.hostname + "]" : config.hostname) + ":" + std::to_string(config.api_port);
  auto pem = config::read_file(config::api_trusted_file(config, files));
  if (!pem) return fail(std::move(pem.error()));
  endpoint.ca_pem = *std::move(pem);
  if (config.auth == "trust") return endpoint;
  auto token = operator_token(files);
  if (!token) return fail(std::move(token.error()));
  endpoint.registration_token = *std::move(token);
  return endpoint;
}

}  // namespace autoctl::monitor
