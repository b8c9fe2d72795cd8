#include "common/tls/certificate.h"

#include <arpa/inet.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "common/config/files.h"

namespace autoctl::tls {

namespace {

template <auto release>
struct Deleter {
  template <class T>
  void operator()(T* pointer) const {
    release(pointer);
  }
};
template <class T, auto release>
using Owned = std::unique_ptr<T, Deleter<release>>;

using Bio = Owned<BIO, BIO_free_all>;
using BigNumber = Owned<BIGNUM, BN_free>;
using Certificate = Owned<X509, X509_free>;
using Extension = Owned<X509_EXTENSION, X509_EXTENSION_free>;
using Key = Owned<EVP_PKEY, EVP_PKEY_free>;
using Names = Owned<GENERAL_NAMES, GENERAL_NAMES_free>;

constexpr std::size_t common_name_max = 64;  // X.520's ub-common-name

tl::unexpected<Error> openssl_error(const std::string& what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return fail(Errc::internal, what + ": " + text.data());
}

bool is_host_name(const std::string& name) {
  return !name.empty() && name.size() <= 253 && std::ranges::all_of(name, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_';
  });
}

/// The address in network order, 4 or 16 bytes; empty when `name` is not one.
std::string address_bytes(const std::string& name) {
  std::array<char, 16> bytes{};
  if (::inet_pton(AF_INET, name.c_str(), bytes.data()) == 1) return {bytes.data(), 4};
  if (::inet_pton(AF_INET6, name.c_str(), bytes.data()) == 1) return {bytes.data(), 16};
  return {};
}

bool add_name(GENERAL_NAMES* names, const std::string& name) {
  const std::string address = address_bytes(name);
  const std::string& value = address.empty() ? name : address;
  GENERAL_NAME* entry = GENERAL_NAME_new();
  ASN1_STRING* text = address.empty() ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();
  if (!entry || !text || ASN1_STRING_set(text, value.data(), static_cast<int>(value.size())) != 1) {
    ASN1_STRING_free(text);
    GENERAL_NAME_free(entry);
    return false;
  }
  GENERAL_NAME_set0_value(entry, address.empty() ? GEN_DNS : GEN_IPADD, text);
  if (sk_GENERAL_NAME_push(names, entry) > 0) return true;
  GENERAL_NAME_free(entry);
  return false;
}

bool set_names(X509* certificate, std::vector<std::string> names) {
  for (const char* local : {"localhost", "127.0.0.1", "::1"})
    if (std::ranges::find(names, local) == names.end()) names.emplace_back(local);
  const Names list(GENERAL_NAMES_new());
  if (!list || !std::ranges::all_of(names, [&](const std::string& name) { return add_name(list.get(), name); }))
    return false;
  const std::string common = names.front().size() <= common_name_max ? names.front() : "autoctl";
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, list.get(), 0, X509V3_ADD_DEFAULT) == 1 &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(common.c_str()), -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

bool set_serial(X509* certificate) {
  const BigNumber serial(BN_new());
  return serial && BN_rand(serial.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(serial.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool add_extension(X509* certificate, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

Certificate self_signed(EVP_PKEY* key, const std::vector<std::string>& names) {
  constexpr long hour = 3600;  // NOLINT(google-runtime-int): OpenSSL's type
  constexpr long ten_years = 3652 * 24 * hour;
  Certificate certificate(X509_new());
  const bool made = certificate && X509_set_version(certificate.get(), X509_VERSION_3) == 1 &&
                    set_serial(certificate.get()) &&
                    // From an hour ago: the other machine's clock may be behind.
                    X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -hour) != nullptr &&
                    X509_gmtime_adj(X509_getm_notAfter(certificate.get()), ten_years) != nullptr &&
                    X509_set_pubkey(certificate.get(), key) == 1 && set_names(certificate.get(), names) &&
                    add_extension(certificate.get(), NID_basic_constraints, "critical,CA:TRUE") &&
                    add_extension(certificate.get(), NID_key_usage, "critical,digitalSignature,keyCertSign") &&
                    add_extension(certificate.get(), NID_ext_key_usage, "serverAuth,clientAuth") &&
                    add_extension(certificate.get(), NID_subject_key_identifier, "hash") &&
                    X509_sign(certificate.get(), key, EVP_sha256()) > 0;
  if (!made) certificate.reset();
  return certificate;
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) text += {digits[bytes[i] >> 4U], digits[bytes[i] & 15U]};
  return text;
}

}  // namespace

Result<KeyPair> make_self_signed(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (address_bytes(name).empty() && !is_host_name(name))
      return fail(Errc::bad_usage, "\"" + name + "\" is neither a host name nor an IP address");
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return openssl_error("cannot make a key");
  const Certificate certificate = self_signed(key.get(), names);
  if (!certificate) return openssl_error("cannot make a certificate");
  const Bio key_text(BIO_new(BIO_s_mem())), certificate_text(BIO_new(BIO_s_mem()));
  if (!key_text || !certificate_text ||
      PEM_write_bio_PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(certificate_text.get(), certificate.get()) != 1)
    return openssl_error("cannot write a certificate");
  return KeyPair{contents(certificate_text.get()), contents(key_text.get())};
}

Result<> write_self_signed(const std::string& certificate_file, const std::string& key_file,
                           const std::vector<std::string>& names) {
  const auto pair = make_self_signed(names);
  if (!pair) return fail(pair.error());
  AUTOCTL_TRY(config::write_file(key_file, pair->key_pem, 0600));
  return config::write_file(certificate_file, pair->certificate_pem, 0644);
}

Result<CertificateInfo> inspect_certificate(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Certificate certificate(bio ? PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  std::tm expires{};
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &expires) != 1 ||
      X509_digest(certificate.get(), EVP_sha256(), digest.data(), &size) != 1)
    return fail(Errc::bad_config, "this is not a certificate in PEM format");
  return CertificateInfo{std::chrono::system_clock::from_time_t(::timegm(&expires)), hex(digest.data(), size)};
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
