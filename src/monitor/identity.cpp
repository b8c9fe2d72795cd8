#include "monitor/identity.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/config/files.h"
#include "common/tls/certificate.h"
#include "common/util/descriptor.h"

namespace autoctl::monitor {

namespace {

bool operator_gave_certificate(const config::Config& config) {
  return config.ssl.enabled && !config.ssl.self_signed && !config.ssl.server_cert.empty();
}

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

}  // namespace

std::string api_certificate_file(const config::Config& config, const config::Files& files) {
  return operator_gave_certificate(config) ? config.ssl.server_cert : files.certificate();
}

std::string api_key_file(const config::Config& config, const config::Files& files) {
  return operator_gave_certificate(config) ? config.ssl.server_key : files.key();
}

std::string api_listen_address(const config::Config& config) {
  if (config.listen == "localhost") return "127.0.0.1";
  in6_addr address{};
  const bool numeric = ::inet_pton(AF_INET, config.listen.c_str(), &address) == 1 ||
                       ::inet_pton(AF_INET6, config.listen.c_str(), &address) == 1;
  if (numeric) return config.listen;
  // A kernel without IPv6 has no "::" to listen on.
  const Descriptor socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  return socket.valid() ? "::" : "0.0.0.0";
}

Result<> ensure_identity(const config::Config& config, const config::Files& files) {
  if (!operator_gave_certificate(config) && (!exists(files.certificate()) || !exists(files.key())))
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
  const bool has_ca = operator_gave_certificate(config) && !config.ssl.ca_file.empty();
  auto pem = config::read_file(has_ca ? config.ssl.ca_file : api_certificate_file(config, files));
  if (!pem) return fail(std::move(pem.error()));
  endpoint.ca_pem = *std::move(pem);
  if (config.auth == "trust") return endpoint;
  auto token = operator_token(files);
  if (!token) return fail(std::move(token.error()));
  endpoint.registration_token = *std::move(token);
  return endpoint;
}

}  // namespace autoctl::monitor
