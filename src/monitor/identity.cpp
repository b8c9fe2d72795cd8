#include "monitor/identity.h"

#include <unistd.h>

#include "common/config/files.h"
#include "common/config/own_port.h"
#include "common/tls/certificate.h"
#include "monitor/service/authority.h"

namespace autoctl::monitor {

namespace {

using WallClock = std::chrono::system_clock;

/// Of a credential of api_endpoint().
constexpr std::chrono::minutes period{10};

bool exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

std::string of_period(const std::string& operator_token, WallClock::time_point time) {
  const auto number = std::chrono::floor<std::chrono::minutes>(time.time_since_epoch()) / period;
  return tls::hmac_sha256_hex(operator_token, "autoctl entry credential " + std::to_string(number));
}

}  // namespace

Result<> ensure_identity(const config::Config& config, const config::Files& files) {
  if (config.ssl.issued)
    AUTOCTL_TRY(Authority(files).ensure_own(config.hostname));
  else if (!config::has_given_certificate(config) && (!exists(files.certificate()) || !exists(files.key())))
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

std::string entry_credential(const std::string& operator_token, WallClock::time_point now) {
  return of_period(operator_token, now);
}

bool is_entry_credential(const std::string& operator_token, std::string_view text, WallClock::time_point now) {
  bool found = false;  // also the period to come: clocks are set back
  for (const auto time : {now - period, now, now + period})
    found = tls::equal_constant_time(of_period(operator_token, time), text) || found;
  return found;
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
  endpoint.entry_credential = [token = *std::move(token)] { return entry_credential(token, WallClock::now()); };
  return endpoint;
}

}  // namespace autoctl::monitor
