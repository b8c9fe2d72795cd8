#include "monitor/service/authority.h"

#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <system_error>

#include "common/config/config.h"
#include "common/fsm/standby_names.h"
#include "common/tls/authority.h"
#include "common/tls/describe.h"
#include "common/tls/pair_file.h"
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
                "put it back as " + files.authority_key() +
                    " on the monitor's host for as long as nodes join or certificates are renewed");
  if (!key) return fail(std::move(key.error()));
  return tls::KeyPair{*std::move(certificate), *std::move(key)};
}

std::chrono::seconds lifetime(const config::Files& files) {
  const auto config = config::load(files);  // not there while the monitor is created
  return config ? std::chrono::seconds(config->certificate_lifetime) : tls::certificate_lifetime;
}

Result<tls::CertificateDescription> first_of(const std::string& file) {
  const auto text = config::read_file(file);
  if (!text) return fail(text.error());
  auto found = tls::describe_certificates(*text);
  if (!found) return fail(std::move(found.error()));
  return std::move(found->front());
}

/// By the authority that issues now, not soon over, for this name, and for the key beside it.
bool is_good(const config::Files& files, const std::string& host) {
  const auto certificate = config::read_file(files.certificate());
  const auto key = config::read_file(files.key());
  const auto issuer = config::read_file(files.authority_certificate());
  if (!certificate || !issuer || !key) return false;
  if (!tls::check_believed(*certificate, *issuer, host) || !tls::belong_together(*certificate, *key)) return false;
  const auto own = first_of(files.certificate());
  return own && wall_now() < tls::renewal_due_at(*own);
}

std::int64_t renew_before(const config::Files& files) {
  const std::string text = config::read_file(files.renew_before()).value_or("");
  std::int64_t seconds = 0;
  std::from_chars(text.data(), text.data() + text.size(), seconds);
  return seconds;
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
  const auto life = lifetime(files_);
  if (const auto tried = tls::issue_certificate(*signer, csr, host, own_name, wall_now(), life); !tried)
    return fail(tried.error());
  return Issue([signer = *std::move(signer), csr, host, life](NodeId node) {
    return tls::issue_certificate(signer, csr, host, standby_name(node), wall_now(), life);
  });
}

bool Authority::is_usable() const {
  return config::read_file(files_.certificate()) && config::read_file(files_.key());
}

Result<> Authority::ensure_own(const std::string& host) const {
  AUTOCTL_TRY(tls::settle_pair(files_.certificate(), files_.key()));
  return is_good(files_, host) ? Result<>{} : renew_own(host);
}

Result<> Authority::renew_own(const std::string& host) const {
  const auto alone = tls::lock_pair(files_.key());  // not by the daemon and a command at once
  if (!alone) return fail(alone.error());
  const auto signer = read_signer(files_);
  if (!signer) return fail(signer.error());
  const auto request = tls::request_certificate(host);
  if (!request) return fail(request.error());
  const auto certificate =
      tls::issue_certificate(*signer, request->csr_pem, host, own_name, wall_now(), lifetime(files_));
  if (!certificate) return fail(certificate.error());
  return tls::replace_pair(files_.certificate(), files_.key(), {*certificate, request->key_pem});
}

Result<protocol::TrustGoal> Authority::goal() const {
  const auto pem = trusted();
  if (!pem) return fail(pem.error());
  const auto issuer = first_of(files_.authority_certificate());
  if (!issuer) return fail(issuer.error());
  return protocol::TrustGoal{tls::sha256_hex(*pem), issuer->subject, renew_before(files_)};
}

Result<> Authority::renew_all() const {
  using std::chrono::seconds;
  const auto until =
      std::chrono::floor<seconds>(wall_now().time_since_epoch()) + seconds(1);  // certificates have no fractions
  return config::write_file(files_.renew_before(), std::to_string(until.count()) + "\n", 0600);
}

}  // namespace autoctl::monitor
