#include "common/tls/owned.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace autoctl::tls {

namespace {

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
  if (address.empty() && !is_host_name(name)) return false;
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

/// Nobody is there to type a password.
int no_password(char*, int, int, void*) {
  return -1;
}

}  // namespace

tl::unexpected<Error> openssl_error(const std::string& what) {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return fail(Errc::internal, what + ": " + text.data());
}

Bio reading(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const auto size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

std::vector<Certificate> read_certificates(const std::string& pem) {
  std::vector<Certificate> certificates;
  const Bio bio = reading(pem);
  while (bio) {
    Certificate next(PEM_read_bio_X509(bio.get(), nullptr, no_password, nullptr));
    if (!next) break;
    certificates.push_back(std::move(next));
  }
  ERR_clear_error();  // the end of the text counts as one
  return certificates;
}

Key read_key(const std::string& pem) {
  const Bio bio = reading(pem);
  Key key(bio ? PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr) : nullptr);
  ERR_clear_error();
  return key;
}

Result<std::string> to_pem(X509* certificate) {
  const Bio text(BIO_new(BIO_s_mem()));
  if (!text || PEM_write_bio_X509(text.get(), certificate) != 1) return openssl_error("cannot write a certificate");
  return contents(text.get());
}

Result<std::string> to_pem(EVP_PKEY* key) {
  const Bio text(BIO_new(BIO_s_mem()));
  if (!text || PEM_write_bio_PrivateKey(text.get(), key, nullptr, nullptr, 0, nullptr, nullptr) != 1)
    return openssl_error("cannot write a key");
  return contents(text.get());
}

std::string serial_of(const X509* certificate) {
  const BigNumber number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* const digits = number ? BN_bn2hex(number.get()) : nullptr;
  std::string text = digits == nullptr ? "" : digits;
  OPENSSL_free(digits);
  return text;
}

Names to_names(const std::vector<std::string>& names) {
  Names list(GENERAL_NAMES_new());
  const bool made = list && std::ranges::all_of(names, [&](const auto& name) { return add_name(list.get(), name); });
  return made ? std::move(list) : nullptr;
}

std::vector<std::string> with_loopback(std::vector<std::string> names) {
  for (const char* local : {"localhost", "127.0.0.1", "::1"})
    if (std::ranges::find(names, local) == names.end()) names.emplace_back(local);
  return names;
}

Result<> check_names(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    if (address_bytes(name).empty() && !is_host_name(name))
      return fail(Errc::bad_usage, "\"" + name + "\" is neither a host name nor an IP address");
  return {};
}

bool set_serial(ASN1_INTEGER* serial) {
  const BigNumber number(BN_new());
  return number && BN_rand(number.get(), 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1 &&
         BN_to_ASN1_INTEGER(number.get(), serial) != nullptr;
}

bool add_extension(X509* certificate, X509* issuer, int nid, const char* value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

}  // namespace autoctl::tls
