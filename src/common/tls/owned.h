// OpenSSL's objects, owned. Private to this folder.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>
#include <vector>

#include "common/util/result.h"

namespace autoctl::tls {

template <auto release>
struct Releases {
  template <class T>
  void operator()(T* pointer) const {
    release(pointer);
  }
};
template <class T, auto release>
using Owned = std::unique_ptr<T, Releases<release>>;

using Bio = Owned<BIO, BIO_free_all>;
using BigNumber = Owned<BIGNUM, BN_free>;
using Certificate = Owned<X509, X509_free>;
using Extension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

/// `what` went wrong, with OpenSSL's reason.
tl::unexpected<Error> openssl_error(const std::string& what);
/// nullptr where there is no memory.
Bio reading(const std::string& text);
std::string contents(BIO* bio);
/// All certificates of a PEM text, in its order; none where it has none.
std::vector<Certificate> read_certificates(const std::string& pem);
/// nullptr where it is none, or needs a password.
Key read_key(const std::string& pem);
Result<std::string> to_pem(X509* certificate);
Result<std::string> to_pem(EVP_PKEY* key);

/// In hexadecimal.
std::string serial_of(const X509* certificate);
/// Names and addresses as a certificate has them. nullptr: one of them is neither host name nor address, or no memory.
Names to_names(const std::vector<std::string>& names);
/// The names, and what this machine is called by itself: localhost, 127.0.0.1, ::1. Each once.
std::vector<std::string> with_loopback(std::vector<std::string> names);
/// Errors: bad_usage, naming the first that is neither a host name nor an address.
Result<> check_names(const std::vector<std::string>& names);
/// 127 random bits.
bool set_serial(ASN1_INTEGER* serial);
/// `issuer` may be the certificate itself.
bool add_extension(X509* certificate, X509* issuer, int nid, const char* value);

}  // namespace autoctl::tls
