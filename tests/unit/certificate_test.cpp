#include "common/tls/certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <set>

#include "common/config/files.h"

namespace autoctl::tls {
namespace {

using CertificatePointer = std::unique_ptr<X509, decltype(&X509_free)>;

CertificatePointer parse(const std::string& pem) {
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                          BIO_free_all);
  return {PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr), X509_free};
}

bool covers_host(X509* certificate, const std::string& host) {
  return X509_check_host(certificate, host.c_str(), host.size(), 0, nullptr) == 1;
}
bool covers_address(X509* certificate, const std::string& address) {
  return X509_check_ip_asc(certificate, address.c_str(), 0) == 1;
}

TEST(Certificate, CoversItsNamesAndLocalhost) {
  const auto pair = make_self_signed({"db1.example.org", "192.0.2.7", "2001:db8::7"});
  ASSERT_TRUE(pair) << pair.error().message;
  const auto certificate = parse(pair->certificate_pem);
  ASSERT_TRUE(certificate);
  for (const char* host : {"db1.example.org", "localhost"}) EXPECT_TRUE(covers_host(certificate.get(), host)) << host;
  for (const char* address : {"192.0.2.7", "2001:db8::7", "127.0.0.1", "::1"})
    EXPECT_TRUE(covers_address(certificate.get(), address)) << address;
  EXPECT_FALSE(covers_host(certificate.get(), "db2.example.org"));
  EXPECT_FALSE(covers_address(certificate.get(), "192.0.2.8"));
}

TEST(Certificate, IsItsOwnTrustAnchor) {
  const auto pair = make_self_signed({std::string(100, 'a') + ".example.org"});
  ASSERT_TRUE(pair) << pair.error().message;
  const auto certificate = parse(pair->certificate_pem);
  const std::unique_ptr<X509_STORE, decltype(&X509_STORE_free)> store(X509_STORE_new(), X509_STORE_free);
  X509_STORE_add_cert(store.get(), certificate.get());
  const std::unique_ptr<X509_STORE_CTX, decltype(&X509_STORE_CTX_free)> context(X509_STORE_CTX_new(),
                                                                                X509_STORE_CTX_free);
  X509_STORE_CTX_init(context.get(), store.get(), certificate.get(), nullptr);
  X509_STORE_CTX_set_purpose(context.get(), X509_PURPOSE_SSL_SERVER);
  EXPECT_EQ(X509_verify_cert(context.get()), 1)
      << X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
}

TEST(Certificate, RefusesWhatIsNoName) {
  for (const std::string& name : std::vector<std::string>{"", "a b", "a,DNS:evil", std::string("a\0b", 3), "*.org"}) {
    const auto pair = make_self_signed({name});
    ASSERT_FALSE(pair) << name;
    EXPECT_EQ(pair.error().code, Errc::bad_usage);
  }
}

TEST(Certificate, InspectTellsExpiryAndFingerprint) {
  const auto pair = make_self_signed({});
  ASSERT_TRUE(pair);
  const auto info = inspect_certificate(pair->certificate_pem);
  ASSERT_TRUE(info) << info.error().message;
  const auto left = info->expires - std::chrono::system_clock::now();
  EXPECT_GT(left, std::chrono::hours(24 * 3650));
  EXPECT_LT(left, std::chrono::hours(24 * 3654));
  EXPECT_THAT(info->sha256, testing::MatchesRegex("[0-9a-f]{64}"));
  EXPECT_NE(info->sha256, inspect_certificate(make_self_signed({})->certificate_pem)->sha256);
  EXPECT_EQ(inspect_certificate("nonsense").error().code, Errc::bad_config);
  EXPECT_EQ(inspect_certificate(pair->key_pem).error().code, Errc::bad_config);
}

TEST(Certificate, FilesHaveTheirModes) {
  std::string directory = (std::filesystem::temp_directory_path() / "autoctl-certificate-XXXXXX").string();
  ASSERT_NE(::mkdtemp(directory.data()), nullptr);
  const std::string certificate = directory + "/server.crt", key = directory + "/server.key";
  ASSERT_TRUE(write_self_signed(certificate, key, {"h"}));
  struct stat info {};
  ASSERT_EQ(::stat(key.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777U, 0600U);
  EXPECT_TRUE(inspect_certificate(config::read_file(certificate).value()));
  EXPECT_EQ(write_self_signed(directory + "/none/c", directory + "/none/k", {}).error().code, Errc::system);
  std::filesystem::remove_all(directory);
}

TEST(Credentials, TokensAreLongAndDiffer) {
  std::set<std::string> tokens;
  for (int i = 0; i < 1000; ++i) tokens.insert(random_token());
  EXPECT_EQ(tokens.size(), 1000U);
  for (const std::string& token : tokens) EXPECT_THAT(token, testing::MatchesRegex("[A-Za-z0-9_-]{43}"));
}

TEST(Credentials, Sha256) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(Credentials, Compare) {
  EXPECT_TRUE(equal_constant_time("abc", "abc"));
  EXPECT_TRUE(equal_constant_time("", ""));
  EXPECT_FALSE(equal_constant_time("abc", "abd"));
  EXPECT_FALSE(equal_constant_time("abc", "ab"));
}

}  // namespace
}  // namespace autoctl::tls
