#include "monitor/service/authority.h"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <cerrno>
#include <system_error>

#include "common/fsm/standby_names.h"
#include "common/tls/authority.h"
#include "common/tls/trust.h"

namespace autoctl::monitor {

namespace {

/// No node's, so that the monitor's certificate passes for none of them.
constexpr const char* own_name = "autoctl_monitor";

std::chrono::system_clock::time_point wall_now() {
  return std::chrono::system_clock::now();
}

Result<tls::KeyPair> read_signer(const config::Files& files) {
  auto certificate = config::read_file(files.authority_certificate());
  if (!certificate) return fail(std::move(certificate.error()));
  auto key = config::read_file(files.authority_key());
  if (!key && key.error().code == Errc::not_found)
    return fail(Errc::conflict,
                "the key of the monitor's certificate authority is kept elsewhere: no certificate is issued",
                "put it back as " + files.authority_key() + " on the monitor's host while nodes join");
  if (!key) return fail(std::move(key.error()));
  return tls::KeyPair{*std::move(certificate), *std::move(key)};
}

/// Good for a while, for this name, and for the key beside it.
bool is_good(const config::Files& files, const std::string& host) {
  const auto certificate = config::read_file(files.certificate());
  const auto trusted = config::read_file(files.ca());
  if (!certificate || !trusted || !config::read_file(files.key())) return false;
  if (!tls::check_believed(*certificate, *trusted, host)) return false;
  const auto info = tls::inspect_certificate(*certificate);
  return info && info->expires - wall_now() > tls::certificate_lifetime / 3;
}

bool is_usable(const config::Files& files) {
  return config::read_file(files.certificate()) && config::read_file(files.key());
}

}  // namespace

Result<> Authority::create() const {
  if (::mkdir(files_.authority().c_str(), 0700) != 0 && errno != EEXIST)
    return fail(Errc::system, "cannot create " + files_.authority() + ": " + std::generic_category().message(errno));
  const auto made = tls::make_authority(wall_now());
  if (!made) return fail(made.error());
  AUTOCTL_TRY(config::write_file(files_.authority_key(), made->key_pem, 0600));
  AUTOCTL_TRY(config::write_file(files_.authority_certificate(), made->certificate_pem, 0644));
  return config::write_file(files_.ca(), made->certificate_pem, 0644);
}

Result<Authority::Issue> Authority::prepare(const std::string& csr, const std::string& host) const {
  AUTOCTL_TRY(tls::check_request(csr, host));
  auto signer = read_signer(files_);
  if (!signer) return fail(std::move(signer.error()));
  // Tried before the node is registered: what can fail does so while nothing has been changed.
  if (const auto tried = tls::issue_certificate(*signer, csr, host, own_name, wall_now()); !tried)
    return fail(tried.error());
  return Issue([signer = *std::move(signer), csr, host](NodeId node) {
    return tls::issue_certificate(signer, csr, host, standby_name(node), wall_now());
  });
}

Result<> Authority::ensure_own(const std::string& host) const {
  if (is_good(files_, host)) return {};
  const auto signer = read_signer(files_);
  if (!signer && is_usable(files_)) {
    spdlog::warn("The monitor's certificate is over soon, or not for \"{}\", and cannot be replaced: {}", host,
                 signer.error().message);
    return {};
  }
  if (!signer) return fail(signer.error());
  const auto request = tls::request_certificate(host);
  if (!request) return fail(request.error());
  const auto certificate = tls::issue_certificate(*signer, request->csr_pem, host, own_name, wall_now());
  if (!certificate) return fail(certificate.error());
  AUTOCTL_TRY(config::write_file(files_.key(), request->key_pem, 0600));
  return config::write_file(files_.certificate(), *certificate, 0644);
}

}  // namespace autoctl::monitor
