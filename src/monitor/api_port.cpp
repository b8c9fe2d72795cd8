#include "monitor/api_port.h"

#include "common/config/own_port.h"
#include "common/tls/trust.h"

namespace autoctl::monitor {

ApiPort::ApiPort(http::Server& server, const config::Config& config, const ApiEndpoint& endpoint)
    : server_(server),
      trusted_(endpoint.ca_pem),
      host_(config.hostname),
      listen_(config.listen),
      addresses_(config::api_addresses(config)) {}

Result<> ApiPort::follow(const config::Config& config, const config::Files& files) {
  const std::string certificate = config::api_certificate_file(config, files);
  const auto pem = config::read_file(certificate);
  if (!pem) return fail(pem.error());
  // What the authority's own nodes believe is told to them again while it changes: trust_watch.h.
  const auto trusted = config.ssl.issued ? config::read_file(config.ssl.ca_file) : trusted_;
  if (!trusted) return fail(trusted.error());
  if (const auto believed = tls::check_believed(*pem, *trusted, host_); !believed)
    return fail(Errc::denied, "the nodes would not believe " + certificate + ": " + believed.error().message);
  const std::string addresses = config.listen == listen_ ? addresses_ : config::api_addresses(config);
  AUTOCTL_TRY(server_.change(addresses, certificate, config::api_key_file(config, files)));
  listen_ = config.listen;
  addresses_ = addresses;
  return {};
}

}  // namespace autoctl::monitor
