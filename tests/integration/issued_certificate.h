// Certificates that an authority signs, for tests.
#pragma once

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

#include "common/tls/certificate.h"

namespace autoctl::test {

template <class T, auto release>
struct Free {
  void operator()(T* pointer) const { release(pointer); }
};
using Bio = std::unique_ptr<BIO, Free<BIO, BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509, X509_free>>;

inline Bio text_bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// A server certificate for `host` alone, signed by `authority`.
inline tls::KeyPair issue(const tls::KeyPair& authority, const std::string& host) {
  const Certificate issuer(PEM_read_bio_X509(text_bio(authority.certificate_pem).get(), nullptr, nullptr, nullptr));
  const Key issuer_key(PEM_read_bio_PrivateKey(text_bio(authority.key_pem).get(), nullptr, nullptr, nullptr));
  const Key key(EVP_EC_gen("P-256"));
  const Certificate leaf(X509_new());
  X509_set_version(leaf.get(), X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(leaf.get()), 2);
  X509_gmtime_adj(X509_getm_notBefore(leaf.get()), -60);
  X509_gmtime_adj(X509_getm_notAfter(leaf.get()), 3600);
  X509_set_issuer_name(leaf.get(), X509_get_subject_name(issuer.get()));
  X509_NAME_add_entry_by_txt(X509_get_subject_name(leaf.get()), "O", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("leaf"), -1, -1, 0);
  X509_set_pubkey(leaf.get(), key.get());
  X509_EXTENSION* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, ("DNS:" + host).c_str());
  X509_add_ext(leaf.get(), names, -1);
  X509_EXTENSION_free(names);
  X509_sign(leaf.get(), issuer_key.get(), EVP_sha256());
  const Bio certificate_text(BIO_new(BIO_s_mem()));
  const Bio key_text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(certificate_text.get(), leaf.get());
  PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  const auto contents = [](BIO* bio) {
    char* data = nullptr;
    const auto size = BIO_get_mem_data(bio, &data);
    return std::string(data, static_cast<std::size_t>(size));
  };
  return {contents(certificate_text.get()), contents(key_text.get())};
}

}  // namespace autoctl::test
