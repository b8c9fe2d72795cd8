#include "common/tls/certificate.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>

#include "common/config/files.h"
#include "common/tls/owned.h"

namespace autoctl::tls {

namespace {

constexpr std::size_t common_name_max = 64;  // X.520's ub-common-name

bool set_names(X509* certificate, std::vector<std::string> names) {
  names = with_loopback(std::move(names));
  const Names list = to_names(names);
  if (!list) return false;
  const std::string common = names.front().size() <= common_name_max ? names.front() : "autoctl";
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) == 1 &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

Certificate self_signed(EVP_PKEY* key, const std::vector<std::string>& names) {
  constexpr long hour = 3600;  // NOLINT(google-runtime-int): OpenSSL's type
  constexpr long ten_years = 3652 * 24 * hour;
  Certificate certificate(X509_new());
  const auto extend = [&](int nid, const char* value) {
    return add_extension(certificate.get(), certificate.get(), nid, value);
  };
  const bool made = certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    set_serial(X509_get_serialNumber(certificate.get())) &&
                    // From an hour ago: the other machine's clock may be behind.
                    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -hour) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), ten_years) != nullptr &&
                    X509_set_pubkey(certificate.get(), key) == 1 && set_names(certificate.get(), names) &&
                    extend(NID_basic_constraints, "critical,CA:TRUE") &&
                    extend(NID_key_usage, "critical,digitalSignature,keyCertSign") &&
                    extend(NID_ext_key_usage, "serverAuth,clientAuth") && extend(NID_subject_key_identifier, "hash") &&
                    X509_sign(certificate.get(), key, EVP_sha256()) > 0;
  if (!made) certificate.reset();
  return certificate;
}

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += {digits[bytes[i] >> 4U], digits[bytes[i] & 15U]};
  return text;
}

std::string common_name(const X509* certificate) {
  const X509_NAME* subject = X509_get_subject_name(certificate);
  const int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at < 0) return {};
  const ASN1_STRING* name = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(name)),
          static_cast<std::size_t>(ASN1_STRING_length(name))};
}

}  // namespace

Result<KeyPair> make_self_signed(const std::vector<std::string>& names) {
  AUTOCTL_TRY(check_names(names));
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("cannot make a key");
  const Certificate certificate = self_signed(key.get(), names);
  if (!certificate) return openssl_error("cannot make a certificate");
  auto certificate_pem = to_pem(certificate.get());
  auto key_pem = to_pem(key.get());
  if (!certificate_pem || !key_pem) return fail(Errc::internal, "cannot write a certificate");
  return KeyPair{*std::move(certificate_pem), *std::move(key_pem)};
}

Result<> write_self_signed(const std::string& certificate_file, const std::string& key_file,
                           const std::vector<std::string>& names) {
  const auto pair = make_self_signed(names);
  if (!pair) return fail(pair.error());
  AUTOCTL_TRY(config::write_file(key_file, pair->key_pem, 0600));
  return config::write_file(certificate_file, pair->certificate_pem, 0644);
}

Result<CertificateInfo> inspect_certificate(const std::string& pem) {
  const auto found = read_certificates(pem);
  X509* const certificate = found.empty() ? nullptr : found.front().get();
  std::tm expires{};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires) != 1 ||
      X509_digest(certificate, EVP_sha256(), digest.data(), &size) != 1)
    return fail(Errc::bad_config, "this is not a certificate in PEM format");
  return CertificateInfo{common_name(certificate), serial_of(certificate),
                         std::chrono::system_clock::from_time_t(::timegm(&expires)), hex(digest.data(), size)};
}

std::string random_token() {
  constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::array<unsigned char, 32> bytes{};
  if (RAND_bytes(bytes.data(), bytes.size()) != 1) std::abort();
  std::string token;
  unsigned bits = 0;
  unsigned count = 0;
  for (const unsigned char byte : bytes) {
    bits = (bits << 8U) | byte;
    for (count += 8; count >= 6; count -= 6) token += alphabet[(bits >> (count - 6)) & 63U];
  }
  token += alphabet[(bits << (6 - count)) & 63U];
  return token;
}

std::string sha256_hex(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha256(), nullptr) != 1) std::abort();
  return hex(digest.data(), size);
}

std::string hmac_sha256_hex(std::string_view secret, std::string_view purpose) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  const auto* text = reinterpret_cast<const unsigned char*>(purpose.data());
  if (HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), text, purpose.size(), digest.data(), &size) ==
      nullptr)
    std::abort();
  return hex(digest.data(), size);
}

bool equal_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace autoctl::tls
