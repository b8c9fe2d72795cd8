#include "common/tls/authority.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include <functional>
#include <memory>

#include "common/tls/trust.h"

namespace autoctl::tls {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

template <class T, auto release>
struct Free {
  void operator()(T* pointer) const { release(pointer); }
};
template <class T, auto release>
using Own = std::unique_ptr<T, Free<T, release>>;
using Bio = Own<BIO, BIO_free_all>;
using X509Pointer = Own<X509, X509_free>;
using CrlPointer = Own<X509_CRL, X509_CRL_free>;
using KeyPointer = Own<EVP_PKEY, EVP_PKEY_free>;
using RequestPointer = Own<X509_REQ, X509_REQ_free>;
using StorePointer = Own<X509_STORE, X509_STORE_free>;
using ContextPointer = Own<X509_STORE_CTX, X509_STORE_CTX_free>;

constexpr const char* host = "db1.example.org";
const SystemTime now = std::chrono::system_clock::now();

Bio text_bio(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
X509Pointer parse(const std::string& pem) {
  return X509Pointer(PEM_read_bio_X509(text_bio(pem).get(), nullptr, nullptr, nullptr));
}

KeyPair authority() {
  auto made = make_authority(now);
  EXPECT_TRUE(made);
  return *made;
}
SigningRequest asked_by(const std::string& name) {
  auto request = request_certificate(name);
  EXPECT_TRUE(request) << request.error().message;
  return *request;
}
std::string issued(const KeyPair& by, const std::string& csr, SystemTime at = now) {
  auto certificate = issue_certificate(by, csr, host, "autoctl_standby_7", at);
  EXPECT_TRUE(certificate) << certificate.error().message;
  return certificate.value_or("");
}

/// OpenSSL's verdict at `at`, for a server's or a client's certificate; "ok" or its words.
std::string verdict(const std::string& leaf_pem, const std::string& trusted, int purpose, SystemTime at,
                    const std::string& crl_pem = {}) {
  const auto leaf = parse(leaf_pem), root = parse(trusted);
  const StorePointer store(X509_STORE_new());
  X509_STORE_add_cert(store.get(), root.get());
  if (!crl_pem.empty()) {
    const CrlPointer crl(PEM_read_bio_X509_CRL(text_bio(crl_pem).get(), nullptr, nullptr, nullptr));
    X509_STORE_add_crl(store.get(), crl.get());
    X509_STORE_set_flags(store.get(), X509_V_FLAG_CRL_CHECK);
  }
  const ContextPointer context(X509_STORE_CTX_new());
  X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), purpose);
  X509_STORE_CTX_set_flags(context.get(), X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_time(X509_STORE_CTX_get0_param(context.get()), std::chrono::system_clock::to_time_t(at));
  return X509_verify_cert(context.get()) == 1 ? "ok"
                                              : X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

struct Wishes {
  std::vector<std::pair<int, std::string>> extensions = {
      {NID_subject_alt_name, "DNS:db1.example.org,DNS:localhost,IP:127.0.0.1,IP:::1"}};
  KeyPointer key = KeyPointer(EVP_EC_gen("P-256"));
  bool breaks_signature = false;
  bool has_password = false;
};

/// A request as anybody may write one.
std::string request(const Wishes& wishes) {
  const RequestPointer made(X509_REQ_new());
  X509_NAME_add_entry_by_txt(X509_REQ_get_subject_name(made.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("autoctl_standby_1"), -1, -1, 0);
  STACK_OF(X509_EXTENSION)* list = sk_X509_EXTENSION_new_null();
  for (const auto& [nid, value] : wishes.extensions)
    sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(nullptr, nullptr, nid, value.c_str()));
  if (!wishes.extensions.empty()) X509_REQ_add_extensions(made.get(), list);
  sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
  if (wishes.has_password)
    X509_REQ_add1_attr_by_txt(made.get(), "challengePassword", MBSTRING_ASC,
                              reinterpret_cast<const unsigned char*>("x"), -1);
  X509_REQ_set_pubkey(made.get(), wishes.key.get());
  const KeyPointer other(EVP_EC_gen("P-256"));
  X509_REQ_sign(made.get(), wishes.breaks_signature ? other.get() : wishes.key.get(), EVP_sha256());
  const Bio text(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509_REQ(text.get(), made.get());
  char* data = nullptr;
  const auto size = BIO_get_mem_data(text.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

TEST(AuthorityTest, WhatItIssuesIsGoodForServerAndClient) {
  const auto ca = authority();
  const auto asked = asked_by(host);
  const auto certificate = issued(ca, asked.csr_pem);
  for (const int purpose : {X509_PURPOSE_SSL_SERVER, X509_PURPOSE_SSL_CLIENT})
    EXPECT_EQ(verdict(certificate, ca.certificate_pem, purpose, now), "ok");
  for (const char* name : {host, "localhost", "127.0.0.1", "::1"})
    EXPECT_TRUE(check_believed(certificate, ca.certificate_pem, name)) << name;
  EXPECT_FALSE(check_believed(certificate, ca.certificate_pem, "db2.example.org"));
  EXPECT_TRUE(belong_together(certificate, asked.key_pem));
  EXPECT_FALSE(belong_together(certificate, ca.key_pem));
}

TEST(AuthorityTest, AnAddressIsAName) {
  const auto ca = authority();
  for (const std::string address : {"10.0.0.7", "2001:db8::7", "127.0.0.1", "localhost"}) {
    const auto certificate = issue_certificate(ca, asked_by(address).csr_pem, address, "autoctl_standby_7", now);
    ASSERT_TRUE(certificate) << certificate.error().message;
    EXPECT_TRUE(check_believed(*certificate, ca.certificate_pem, address)) << address;
  }
}

TEST(AuthorityTest, TheCommonNameIsTheIssuersWord) {
  const auto ca = authority();
  const auto certificate = parse(issued(ca, request({})));  // it says autoctl_standby_1
  std::array<char, 64> name{};
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate.get()), NID_commonName, name.data(), name.size());
  EXPECT_STREQ(name.data(), "autoctl_standby_7");
}

TEST(AuthorityTest, WhatItIssuesEndsInTimeAndNotAfterItself) {
  const auto ca = authority();
  const auto asked = asked_by(host);
  const auto certificate = issued(ca, asked.csr_pem);
  const auto at = [&](SystemTime time) {
    return verdict(certificate, ca.certificate_pem, X509_PURPOSE_SSL_SERVER, time);
  };
  EXPECT_EQ(at(now - 10min), "ok");
  EXPECT_EQ(at(now - 20min), "certificate is not yet valid");
  EXPECT_EQ(at(now + certificate_lifetime - 1min), "ok");
  EXPECT_EQ(at(now + certificate_lifetime + 1min), "certificate has expired");
  const auto near_the_end = now + 3652 * 24h - 24h;
  const auto last = inspect_certificate(issued(ca, asked.csr_pem, near_the_end));
  const auto own = inspect_certificate(ca.certificate_pem);
  EXPECT_EQ(last->expires, own->expires);
  EXPECT_FALSE(issue_certificate(ca, asked.csr_pem, host, "x", now + 3653 * 24h));
}

TEST(AuthorityTest, AnotherAuthoritysCertificateIsForeign) {
  const auto certificate = issued(authority(), asked_by(host).csr_pem);
  EXPECT_THAT(verdict(certificate, authority().certificate_pem, X509_PURPOSE_SSL_CLIENT, now),
              HasSubstr("unable to get local issuer certificate"));
}

TEST(AuthorityTest, WhatItIssuesCannotIssue) {
  const auto ca = authority();
  const auto asked = asked_by(host);
  const KeyPair node{issued(ca, asked.csr_pem), asked.key_pem};
  EXPECT_FALSE(issue_certificate(node, asked_by("db2").csr_pem, "db2", "autoctl_standby_1", now));
  EXPECT_FALSE(make_revocation_list(node, {}, 1, now, now + 24h));
  const auto certificate = parse(ca.certificate_pem);
  EXPECT_EQ(X509_get_pathlen(certificate.get()), 0);
  EXPECT_EQ(X509_get_key_usage(certificate.get()), static_cast<unsigned>(KU_KEY_CERT_SIGN | KU_CRL_SIGN));
}

TEST(AuthorityTest, TheListHasThoseThatAreRevoked) {
  const auto ca = authority();
  const auto asked = asked_by(host);
  const auto good = issued(ca, asked.csr_pem), bad = issued(ca, asked.csr_pem);
  const auto serial = [](const std::string& pem) { return inspect_certificate(pem)->serial; };
  EXPECT_NE(serial(good), serial(bad));
  const auto list = make_revocation_list(ca, {{serial(bad), now}}, 7, now, now + 24h);
  ASSERT_TRUE(list) << list.error().message;
  const auto judged = [&](const std::string& pem, SystemTime at) {
    return verdict(pem, ca.certificate_pem, X509_PURPOSE_SSL_CLIENT, at, *list);
  };
  EXPECT_EQ(judged(good, now), "ok");
  EXPECT_EQ(judged(bad, now), "certificate revoked");
  EXPECT_EQ(judged(good, now + 25h), "CRL has expired");
  EXPECT_FALSE(make_revocation_list(ca, {{"no number", now}}, 8, now, now + 24h));
}

TEST(AuthorityTest, ARequestOfOursIsGood) {
  EXPECT_TRUE(check_request(asked_by(host).csr_pem, host));
  EXPECT_TRUE(check_request(request({}), host));
  EXPECT_FALSE(request_certificate("a b"));
  EXPECT_FALSE(request_certificate("*.example.org"));
}

std::string refusal(const std::string& csr, const std::string& of = host) {
  const auto checked = check_request(csr, of);
  EXPECT_EQ(checked ? Errc::internal : checked.error().code, Errc::bad_usage);
  return checked ? "" : checked.error().message;
}

TEST(AuthorityTest, OtherNamesAreRefused) {
  const auto asking = [](const std::string& names) {
    Wishes wishes;
    wishes.extensions = {{NID_subject_alt_name, names}};
    return request(wishes);
  };
  for (const char* names : {"DNS:db1.example.org,DNS:localhost,IP:127.0.0.1,IP:::1,DNS:monitor",
                            "DNS:db2.example.org,DNS:localhost,IP:127.0.0.1,IP:::1", "DNS:localhost",
                            "DNS:db1.example.org,DNS:localhost,IP:127.0.0.1,IP:::1,URI:https://x",
                            "DNS:db1.example.org,DNS:localhost,IP:127.0.0.1,IP:::1,DNS:db1.example.org",
                            "DNS:*.example.org,DNS:localhost,IP:127.0.0.1,IP:::1", "email:a@db1.example.org"})
    EXPECT_THAT(refusal(asking(names)), HasSubstr("it must ask for the names db1.example.org")) << names;
  EXPECT_THAT(refusal(asked_by("db2").csr_pem), HasSubstr("it must ask for the names db1.example.org"));
}

TEST(AuthorityTest, OtherWishesAreRefused) {
  const auto with = [](int nid, const std::string& value) {
    Wishes wishes;
    wishes.extensions.emplace_back(nid, value);
    return request(wishes);
  };
  const auto why = HasSubstr("it must ask for names, and for nothing else");
  EXPECT_THAT(refusal(with(NID_basic_constraints, "critical,CA:TRUE")), why);
  EXPECT_THAT(refusal(with(NID_key_usage, "keyCertSign")), why);
  EXPECT_THAT(refusal(with(NID_subject_alt_name, "DNS:monitor")), why);
  Wishes nothing;
  nothing.extensions.clear();
  EXPECT_THAT(refusal(request(nothing)), why);
  Wishes password;
  password.has_password = true;
  EXPECT_THAT(refusal(request(password)), why);
}

TEST(AuthorityTest, WeakKeysAreRefused) {
  const auto with = [](KeyPointer key) {
    Wishes wishes;
    wishes.key = std::move(key);
    return request(wishes);
  };
  EXPECT_THAT(refusal(with(KeyPointer(EVP_RSA_gen(1024)))), HasSubstr("2048 to 8192 bits"));
  EXPECT_THAT(refusal(with(KeyPointer(EVP_EC_gen("secp224r1")))), HasSubstr("its key must be"));
  EXPECT_TRUE(check_request(with(KeyPointer(EVP_RSA_gen(2048))), host));
  EXPECT_TRUE(check_request(with(KeyPointer(EVP_EC_gen("P-384"))), host));
}

TEST(AuthorityTest, WhatIsNoRequestIsRefused) {
  Wishes broken;
  broken.breaks_signature = true;
  EXPECT_THAT(refusal(request(broken)), HasSubstr("not signed with its own key"));
  EXPECT_THAT(refusal(""), HasSubstr("not in PEM format"));
  EXPECT_THAT(refusal(authority().certificate_pem), HasSubstr("not in PEM format"));
  EXPECT_THAT(refusal(std::string(1'000'000, 'A')), HasSubstr("larger than 16 kB"));
  EXPECT_THAT(refusal(request({}), "a b"), HasSubstr("neither a host name nor an IP address"));
  const auto good = asked_by(host).csr_pem;
  EXPECT_FALSE(check_request(good.substr(0, good.size() / 2), host));
}

}  // namespace
}  // namespace autoctl::tls
