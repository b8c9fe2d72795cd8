#include "common/http/client_certificate.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <memory>

#include "common/util/printable.h"

namespace autoctl::http {

namespace {

/// Ours take a tenth of it: it bounds what a stranger can make us read.
constexpr long chain_bytes_max = 16L * 1024;  // NOLINT(google-runtime-int): OpenSSL's type

int refusal_slot() {
  static const int slot = SSL_get_ex_new_index(0, nullptr, nullptr, nullptr, nullptr);
  return slot;
}

std::string common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
          static_cast<std::size_t>(ASN1_STRING_length(name))};
}

/// OpenSSL has judged: only the words are ours.
int note(int good, X509_STORE_CTX* chain) {
  if (good == 1) return good;
  const auto* session =
      static_cast<const SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto* words = session == nullptr ? nullptr : static_cast<std::string*>(SSL_get_ex_data(session, refusal_slot()));
  if (words == nullptr || !words->empty()) return good;
  const X509* shown = X509_STORE_CTX_get0_cert(chain);
  *words = "its certificate \"" + (shown == nullptr ? "" : printable(common_name(shown))) +
           "\" is not accepted: " + X509_verify_cert_error_string(X509_STORE_CTX_get_error(chain));
  return good;
}

tl::unexpected<Error> unusable(const std::string& what, const std::string& file) {
  ERR_clear_error();
  return fail(Errc::bad_config, "cannot use " + what + " " + file + ": it is not there, or not in PEM format");
}

}  // namespace

Result<> ask_for_certificates(SSL_CTX* context, const std::string& ca_file, const std::string& crl_file) {
  if (SSL_CTX_load_verify_file(context, ca_file.c_str()) != 1) return unusable("the authorities in", ca_file);
  if (auto* names = SSL_load_client_CA_file(ca_file.c_str())) SSL_CTX_set_client_CA_list(context, names);
  if (!crl_file.empty()) {
    X509_STORE* store = SSL_CTX_get_cert_store(context);
    if (X509_STORE_load_file(store, crl_file.c_str()) != 1) return unusable("the revocation list", crl_file);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
  }
  SSL_CTX_set_max_cert_list(context, chain_bytes_max);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET);  // a session that is taken up again would not be looked at again
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note);
  return {};
}

void note_refusal(SSL* session, std::string& words) {
  SSL_set_ex_data(session, refusal_slot(), &words);
}

std::string name_in_certificate(const SSL* session) {
  const X509* shown = SSL_get0_peer_certificate(session);
  return shown == nullptr ? "" : common_name(shown);
}

}  // namespace autoctl::http
