#include "common/tls/authority.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <cstring>

#include "common/tls/describe.h"
#include "common/tls/owned.h"

namespace autoctl::tls {

namespace {

using namespace std::chrono_literals;
using Request = Owned<X509_REQ, X509_REQ_free>;
using RevocationList = Owned<X509_CRL, X509_CRL_free>;
using Entry = Owned<X509_REVOKED, X509_REVOKED_free>;
using Time = Owned<ASN1_TIME, ASN1_TIME_free>;
using Number = Owned<ASN1_INTEGER, ASN1_INTEGER_free>;

constexpr std::chrono::hours authority_lifetime{3652 * 24};
/// Many times what a request takes.
constexpr std::size_t request_bytes_max = std::size_t{16} * 1024;
constexpr int rsa_bits_min = 2048;
constexpr int rsa_bits_max = 8192;  // its signature is dear to check

bool set_time(ASN1_TIME* target, SystemTime time) {
  return ASN1_TIME_set(target, std::chrono::system_clock::to_time_t(time)) != nullptr;
}

bool set_common_name(X509_NAME* subject, const std::string& name) {
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, reinterpret_cast<const unsigned char*>(name.c_str()),
                                    -1, -1, 0) == 1;
}

tl::unexpected<Error> refused(const std::string& why) {
  ERR_clear_error();
  return fail(Errc::bad_usage, "the request for a certificate is refused: " + why);
}

Request read_request(const std::string& pem) {
  const Bio bio = pem.size() <= request_bytes_max ? reading(pem) : nullptr;
  Request request(bio ? PEM_read_bio_X509_REQ(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  return request;
}

Result<> check_key(const EVP_PKEY* key) {
  if (key == nullptr) return refused("its key cannot be read");
  if (EVP_PKEY_is_a(key, "RSA") == 1) {
    const int bits = EVP_PKEY_get_bits(key);
    if (bits >= rsa_bits_min && bits <= rsa_bits_max) return {};
    return refused("an RSA key must have 2048 to 8192 bits");
  }
  char group[64] = {};
  std::size_t size = 0;
  const bool named = EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group, sizeof group, &size) == 1;
  const auto is = [&](const char* name) { return std::strcmp(group, name) == 0; };
  if (named && (is("prime256v1") || is("P-256") || is("secp384r1") || is("P-384") || is("secp521r1") || is("P-521")))
    return {};
  return refused("its key must be P-256, P-384, P-521, or RSA with 2048 bits or more");
}

/// As text, for comparing: the kind of name, and its bytes. Sorted.
std::vector<std::string> listed(const GENERAL_NAMES* names) {
  std::vector<std::string> list;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); ++i) {
    int kind = 0;
    const auto* value =
        static_cast<const ASN1_STRING*>(GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind));
    if (kind != GEN_DNS && kind != GEN_IPADD) return {};
    const auto* bytes = reinterpret_cast<const char*>(ASN1_STRING_get0_data(value));
    list.push_back(std::to_string(kind) + ":" +
                   std::string(bytes, static_cast<std::size_t>(ASN1_STRING_length(value))));
  }
  std::ranges::sort(list);
  return list;
}

struct Extensions {
  STACK_OF(X509_EXTENSION) * list;
  explicit Extensions(X509_REQ* request) : list(X509_REQ_get_extensions(request)) {}
  ~Extensions() { sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free); }
  Extensions(const Extensions&) = delete;
  Extensions& operator=(const Extensions&) = delete;
};

Result<> check_wishes(X509_REQ* request, const std::string& host) {
  const std::vector<std::string> wanted_names = with_loopback({host});
  const Names wanted = to_names(wanted_names);
  if (!wanted) return refused("\"" + host + "\" is neither a host name nor an IP address");
  const Extensions extensions(request);
  if (sk_X509_EXTENSION_num(extensions.list) != 1 || X509_REQ_get_attr_count(request) != 1)
    return refused("it must ask for names, and for nothing else");
  const Names asked(
      static_cast<GENERAL_NAMES*>(X509V3_get_d2i(extensions.list, NID_subject_alt_name, nullptr, nullptr)));
  if (!asked) return refused("it must ask for names, and for nothing else");
  if (listed(asked.get()) == listed(wanted.get())) return {};
  return refused("it must ask for the names " + host + ", localhost, 127.0.0.1 and ::1, and for no others");
}

struct Signer {
  Certificate certificate;
  Key key;
};

Result<Signer> signer_of(const KeyPair& authority) {
  auto found = read_certificates(authority.certificate_pem);
  Signer signer{found.empty() ? nullptr : std::move(found.front()), read_key(authority.key_pem)};
  const bool fits = signer.certificate && signer.key &&
                    X509_check_private_key(signer.certificate.get(), signer.key.get()) == 1 &&
                    X509_check_ca(signer.certificate.get()) == 1;
  ERR_clear_error();
  if (!fits) return fail(Errc::bad_config, "the authority's key does not belong to its certificate");
  return signer;
}

/// An authority that is over, or not there yet by this machine's clock, signs nothing.
Result<> check_in_force(const X509* authority, SystemTime now) {
  std::time_t time = std::chrono::system_clock::to_time_t(now);
  if (X509_cmp_time(X509_get0_notAfter(authority), &time) > 0 &&
      X509_cmp_time(X509_get0_notBefore(authority), &time) < 0)
    return {};
  return fail(Errc::bad_config, "the authority's certificate is not in force by this machine's clock",
              "check the clock; an authority that is over has to be replaced");
}

bool set_end(X509* certificate, const X509* authority, SystemTime end) {
  std::time_t time = std::chrono::system_clock::to_time_t(end);
  const ASN1_TIME* last = X509_get0_notAfter(authority);
  return X509_cmp_time(last, &time) < 0 ? X509_set1_notAfter(certificate, last) == 1
                                        : set_time(X509_getm_notAfter(certificate), end);
}

}  // namespace

Result<KeyPair> make_authority(SystemTime now) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  X509* const it = certificate.get();
  const auto extend = [it](int nid, const char* value) { return add_extension(it, it, nid, value); };
  const std::string name = "autoctl authority " + random_token().substr(0, 8);
  const bool made = key && certificate && X509_set_version(it, X509_VERSION_3) == 1 &&
                    set_serial(X509_get_serialNumber(it)) && set_time(X509_getm_notBefore(it), now - backdated) &&
                    set_time(X509_getm_notAfter(it), now + authority_lifetime) && X509_set_pubkey(it, key.get()) == 1 &&
                    set_common_name(X509_get_subject_name(it), name) &&
                    X509_set_issuer_name(it, X509_get_subject_name(it)) == 1 &&
                    extend(NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    extend(NID_key_usage, "critical,keyCertSign,cRLSign") &&
                    extend(NID_subject_key_identifier, "hash") && X509_sign(it, key.get(), EVP_sha256()) > 0;
  if (!made) return openssl_error("cannot make a certificate authority");
  auto certificate_pem = to_pem(it);
  auto key_pem = to_pem(key.get());
  if (!certificate_pem || !key_pem) return fail(Errc::internal, "cannot write a certificate authority");
  return KeyPair{*std::move(certificate_pem), *std::move(key_pem)};
}

Result<SigningRequest> request_certificate(const std::string& host) {
  AUTOCTL_TRY(check_names({host}));
  const Key key(EVP_EC_gen("P-256"));
  const Request request(X509_REQ_new());
  const Names names = to_names(with_loopback({host}));
  const Extension extension(names ? X509V3_EXT_i2d(NID_subject_alt_name, 0, names.get()) : nullptr);
  STACK_OF(X509_EXTENSION)* const list = sk_X509_EXTENSION_new_null();
  const bool made =
      key && request && extension && list != nullptr && sk_X509_EXTENSION_push(list, extension.get()) > 0 &&
      X509_REQ_add_extensions(request.get(), list) == 1 && X509_REQ_set_pubkey(request.get(), key.get()) == 1 &&
      X509_REQ_sign(request.get(), key.get(), EVP_sha256()) > 0;
  sk_X509_EXTENSION_free(list);
  const Bio text(BIO_new(BIO_s_mem()));
  if (!made || !text || PEM_write_bio_X509_REQ(text.get(), request.get()) != 1)
    return openssl_error("cannot make a request for a certificate");
  auto key_pem = to_pem(key.get());
  if (!key_pem) return fail(std::move(key_pem.error()));
  return SigningRequest{contents(text.get()), *std::move(key_pem)};
}

Result<> check_request(const std::string& csr_pem, const std::string& host) {
  if (csr_pem.size() > request_bytes_max) return refused("it is larger than 16 kB");
  const Request request = read_request(csr_pem);
  if (!request) return refused("it is not in PEM format");
  EVP_PKEY* const key = X509_REQ_get0_pubkey(request.get());
  AUTOCTL_TRY(check_key(key));
  if (X509_REQ_verify(request.get(), key) != 1) return refused("it is not signed with its own key");
  return check_wishes(request.get(), host);
}

Result<std::string> issue_certificate(const KeyPair& authority, const std::string& csr_pem, const std::string& host,
                                      const std::string& common_name, SystemTime now, std::chrono::seconds lifetime) {
  AUTOCTL_TRY(check_request(csr_pem, host));
  const auto signer = signer_of(authority);
  if (!signer) return fail(signer.error());
  X509* const issuer = signer->certificate.get();
  AUTOCTL_TRY(check_in_force(issuer, now));
  const Request request = read_request(csr_pem);
  const Names names = to_names(with_loopback({host}));
  const Certificate certificate(X509_new());
  X509* const it = certificate.get();
  const auto extend = [&](int nid, const char* value) { return add_extension(it, issuer, nid, value); };
  const bool made =
      certificate && names && X509_set_version(it, X509_VERSION_3) == 1 && set_serial(X509_get_serialNumber(it)) &&
      set_time(X509_getm_notBefore(it), now - backdated) && set_end(it, issuer, now + lifetime) &&
      X509_set_pubkey(it, X509_REQ_get0_pubkey(request.get())) == 1 &&
      set_common_name(X509_get_subject_name(it), common_name) &&
      X509_set_issuer_name(it, X509_get_subject_name(issuer)) == 1 &&
      extend(NID_basic_constraints, "critical,CA:FALSE") && extend(NID_key_usage, "critical,digitalSignature") &&
      extend(NID_ext_key_usage, "serverAuth,clientAuth") && extend(NID_subject_key_identifier, "hash") &&
      extend(NID_authority_key_identifier, "keyid:always") &&
      X509_add1_ext_i2d(it, NID_subject_alt_name, names.get(), 0, X509V3_ADD_DEFAULT) == 1 &&
      X509_sign(it, signer->key.get(), EVP_sha256()) > 0;
  if (!made) return openssl_error("cannot issue a certificate");
  return to_pem(it);
}

namespace {

bool add_entry(X509_CRL* list, const Revoked& revoked) {
  BIGNUM* digits = nullptr;
  const bool read = BN_hex2bn(&digits, revoked.serial.c_str()) == static_cast<int>(revoked.serial.size());
  const BigNumber number(digits);
  const Number serial(read ? BN_to_ASN1_INTEGER(number.get(), nullptr) : nullptr);
  const Time time(ASN1_TIME_new());
  Entry entry(X509_REVOKED_new());
  const bool made = serial && time && entry && set_time(time.get(), revoked.at) &&
                    X509_REVOKED_set_serialNumber(entry.get(), serial.get()) == 1 &&
                    X509_REVOKED_set_revocationDate(entry.get(), time.get()) == 1 &&
                    X509_CRL_add0_revoked(list, entry.get()) == 1;
  if (made) static_cast<void>(entry.release());  // the list's
  return made;
}

}  // namespace

Result<std::string> make_revocation_list(const KeyPair& authority, const std::vector<Revoked>& revoked, long number,
                                         SystemTime now, SystemTime until) {
  constexpr long version_2 = 1;
  const auto signer = signer_of(authority);
  if (!signer) return fail(signer.error());
  const RevocationList list(X509_CRL_new());
  X509_CRL* const it = list.get();
  const Time from(ASN1_TIME_new()), to(ASN1_TIME_new());
  const Number count(ASN1_INTEGER_new());
  const bool made = list && from && to && count && set_time(from.get(), now - backdated) && set_time(to.get(), until) &&
                    ASN1_INTEGER_set(count.get(), number) == 1 && X509_CRL_set_version(it, version_2) == 1 &&
                    X509_CRL_set_issuer_name(it, X509_get_subject_name(signer->certificate.get())) == 1 &&
                    X509_CRL_set1_lastUpdate(it, from.get()) == 1 && X509_CRL_set1_nextUpdate(it, to.get()) == 1 &&
                    X509_CRL_add1_ext_i2d(it, NID_crl_number, count.get(), 0, X509V3_ADD_DEFAULT) == 1 &&
                    std::ranges::all_of(revoked, [it](const auto& each) { return add_entry(it, each); }) &&
                    X509_CRL_sort(it) == 1 && X509_CRL_sign(it, signer->key.get(), EVP_sha256()) > 0;
  const Bio text(BIO_new(BIO_s_mem()));
  if (!made || !text || PEM_write_bio_X509_CRL(text.get(), it) != 1)
    return openssl_error("cannot make a revocation list");
  return contents(text.get());
}

}  // namespace autoctl::tls
