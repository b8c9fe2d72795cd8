#include "monitor/service/authority_change.h"

#include <unistd.h>

#include <chrono>
#include <filesystem>

#include "common/tls/authority.h"
#include "common/tls/pair_file.h"
#include "common/tls/trust.h"

namespace autoctl::monitor {

namespace {

std::string text_of(const std::string& file) {
  return config::read_file(file).value_or("");
}

/// The certificate goes first: it says that they are there.
Result<> remove_pair(const std::string& certificate_file, const std::string& key_file) {
  for (const auto& file : {certificate_file, key_file}) {
    std::error_code error;
    std::filesystem::remove(file, error);
    if (error) return fail(Errc::system, "cannot remove " + file + ": " + error.message());
  }
  return {};
}

/// The key goes first.
Result<> write_pair(const std::string& certificate_file, const std::string& key_file, const tls::KeyPair& pair) {
  AUTOCTL_TRY(config::write_file(key_file, pair.key_pem, 0600));
  return config::write_file(certificate_file, pair.certificate_pem, 0644);
}

}  // namespace

AuthorityChange::Phase AuthorityChange::phase() const {
  const std::string present = text_of(files_.authority_certificate());
  const std::string next = text_of(files_.next_authority_certificate());
  if (!next.empty() && next != present) return Phase::introducing;
  const std::string former = text_of(files_.former_authority_certificate());
  return former.empty() || former == present ? Phase::none : Phase::reissuing;
}

Result<> AuthorityChange::begin() const {
  if (phase() != Phase::none)
    return fail(Errc::conflict, "the authority is being replaced already",
                "`autoctl show certificates` says how far it is");
  if (::access(files_.authority_key().c_str(), R_OK) != 0)
    return fail(Errc::conflict, "the key of the monitor's certificate authority is kept elsewhere",
                "put it back as " + files_.authority_key() +
                    " until the change is over: nodes may join meanwhile, and get certificates");
  const auto made = tls::make_authority(std::chrono::system_clock::now());
  if (!made) return fail(made.error());
  AUTOCTL_TRY(write_pair(files_.next_authority_certificate(), files_.next_authority_key(), *made));
  return settle();
}

Result<> AuthorityChange::switch_over() const {
  auto key = config::read_file(files_.next_authority_key());
  if (!key)
    return fail(Errc::conflict, "the key of the new authority is not there: " + key.error().message,
                "put it back as " + files_.next_authority_key());
  const tls::KeyPair next{text_of(files_.next_authority_certificate()), *std::move(key)};
  AUTOCTL_TRY(write_pair(files_.former_authority_certificate(), files_.former_authority_key(),
                         {text_of(files_.authority_certificate()), text_of(files_.authority_key())}));
  AUTOCTL_TRY(tls::replace_pair(files_.authority_certificate(), files_.authority_key(), next));
  return settle();
}

Result<> AuthorityChange::finish() const {
  AUTOCTL_TRY(remove_pair(files_.former_authority_certificate(), files_.former_authority_key()));
  return settle();
}

Result<> AuthorityChange::settle() const {
  AUTOCTL_TRY(tls::settle_pair(files_.authority_certificate(), files_.authority_key()));
  const std::string present = text_of(files_.authority_certificate());
  if (text_of(files_.next_authority_certificate()) == present)
    AUTOCTL_TRY(remove_pair(files_.next_authority_certificate(), files_.next_authority_key()));
  const std::string others =
      text_of(files_.next_authority_certificate()) + text_of(files_.former_authority_certificate());
  const std::string believed = present + tls::without(others, present);
  return text_of(files_.ca()) == believed ? Result<>{} : config::write_file(files_.ca(), believed, 0644);
}

}  // namespace autoctl::monitor
