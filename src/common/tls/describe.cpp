#include "common/tls/describe.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>

#include "common/tls/certificate.h"
#include "common/tls/owned.h"

namespace autoctl::tls {

namespace {

using SystemTime = std::chrono::system_clock::time_point;

/// Whatever somebody has put into a certificate.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string text_of(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return size > 0 ? std::string(data, static_cast<std::size_t>(size)) : "";
}

std::string name_of(const X509_NAME* name) {
  const int place = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
  if (place >= 0) {
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, place));
    return printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(value)),
                      static_cast<std::size_t>(ASN1_STRING_length(value))});
  }
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), name, 0, XN_FLAG_RFC2253);
  return printable(text_of(bio.get()));
}

std::string address_of(const ASN1_STRING* bytes) {
  const unsigned char* data = ASN1_STRING_get0_data(bytes);
  const int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  std::array<char, INET6_ADDRSTRLEN> text{};
  const bool fits = ASN1_STRING_length(bytes) == 4 || ASN1_STRING_length(bytes) == 16;
  return fits && inet_ntop(family, data, text.data(), text.size()) != nullptr ? text.data() : "?";
}

std::vector<std::string> names_of(const X509* certificate) {
  std::vector<std::string> found;
  const Names names(static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_IPADD) found.push_back(address_of(name->d.iPAddress));
    if (name->type == GEN_DNS)
      found.push_back(printable({reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                                 static_cast<std::size_t>(ASN1_STRING_length(name->d.dNSName))}));
  }
  return found;
}

SystemTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

CertificateDescription describe(X509* certificate) {
  CertificateDescription found;
  found.subject = name_of(X509_get_subject_name(certificate));
  found.issuer = name_of(X509_get_issuer_name(certificate));
  found.names = names_of(certificate);
  found.serial = serial_of(certificate);
  found.begins = time_of(X509_get0_notBefore(certificate));
  found.ends = time_of(X509_get0_notAfter(certificate));
  found.self_signed = X509_check_issued(certificate, certificate) == X509_V_OK;
  unsigned char* der = nullptr;
  const int size = i2d_X509(certificate, &der);
  if (size > 0) found.sha256 = sha256_hex({reinterpret_cast<const char*>(der), static_cast<std::size_t>(size)});
  OPENSSL_free(der);
  ERR_clear_error();
  return found;
}

}  // namespace

Result<std::vector<CertificateDescription>> describe_certificates(const std::string& pem) {
  std::vector<CertificateDescription> found;
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  while (bio) {
    const Certificate next(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
    if (!next) break;
    found.push_back(describe(next.get()));
  }
  ERR_clear_error();  // the end of the text counts as one
  if (found.empty()) return fail(Errc::bad_config, "there is no certificate in PEM format");
  return found;
}

bool ends_soon(const CertificateDescription& certificate, SystemTime now) {
  constexpr int part = 6;
  return certificate.ends - now < (certificate.ends - certificate.begins) / part;
}

}  // namespace autoctl::tls
