// Whom the client trusts, and what the server needs to start.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <thread>

#include "common/tls/trust.h"
#include "http_fixture.h"
#include "issued_certificate.h"
#include "raw_socket.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

using Context = std::unique_ptr<SSL_CTX, Free<SSL_CTX, SSL_CTX_free>>;
using Ssl = std::unique_ptr<SSL, Free<SSL, SSL_free>>;

constexpr const char* cbc_suites = "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES128-SHA";

class HttpTlsTest : public HttpTest {
 protected:
  void serve(const tls::KeyPair& pair) {
    ASSERT_TRUE(config::write_file(options_.certificate_file, pair.certificate_pem));
    ASSERT_TRUE(config::write_file(options_.key_file, pair.key_pem));
    start_server();
  }
  /// What a client that trusts `pem` gets at `host`.
  Result<http::Response> ask(const std::string& host, const std::string& pem) {
    return http::Client({.host = host, .port = server_->port(), .trusted_pem = pem, .bearer = ""}).send(get("/"), 5s);
  }
  /// A client that knows these suites of TLS 1.2 and nothing newer.
  bool lets_in(const char* suites) const {
    const Context context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
    EXPECT_EQ(SSL_CTX_set_cipher_list(context.get(), suites), 1);
    const RawConnection connection(server_->port(), RawConnection::Layer::tcp);
    const Ssl ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), connection.fd());
    return SSL_connect(ssl.get()) == 1;
  }
  static void expect_denied(const Result<http::Response>& answer) {
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::denied) << answer.error().message;
    EXPECT_FALSE(answer.error().hint.empty());
  }
};

TEST_F(HttpTlsTest, AStrangersCertificateIsDenied) {
  start_server();
  const auto other = tls::make_self_signed({});
  ASSERT_TRUE(other);
  expect_denied(ask("127.0.0.1", other->certificate_pem));
  expect_denied(ask("localhost", other->certificate_pem));
  expect_denied(ask("127.0.0.1", ""));  // the system's store does not know it either
  expect_denied(ask("127.0.0.1", "no PEM at all"));
  EXPECT_TRUE(seen_.get().requests.empty());
}

/// Whether nodes would believe a new certificate is asked before a server shows it.
TEST_F(HttpTlsTest, WhomAClientBelievesIsKnownBeforehand) {
  options_.address = "0.0.0.0";
  const auto authority = tls::make_self_signed({"authority"}), stranger = tls::make_self_signed({"stranger"});
  ASSERT_TRUE(authority && stranger);
  const auto leaf = issue(*authority, "localhost");
  serve(leaf);
  struct Case {
    const char* host;
    std::string trusted;
    bool believed;
  };
  for (const Case& c : {Case{"localhost", authority->certificate_pem, true},
                        Case{"127.0.0.1", authority->certificate_pem, false},  // a name that it does not have
                        Case{"localhost", stranger->certificate_pem, false},
                        Case{"localhost", stranger->certificate_pem + authority->certificate_pem, true},
                        Case{"127.0.0.1", leaf.certificate_pem, true}, Case{"localhost", "no PEM", false}}) {
    EXPECT_EQ(ask(c.host, c.trusted).has_value(), c.believed) << c.host;
    const auto foretold = tls::check_believed(leaf.certificate_pem, c.trusted, c.host);
    EXPECT_EQ(foretold.has_value(), c.believed) << c.host << (foretold ? "" : foretold.error().message);
  }
  EXPECT_FALSE(tls::check_believed("no PEM", authority->certificate_pem, "localhost"));
}

TEST_F(HttpTlsTest, APinnedCertificateIsGoodUnderAnyName) {
  options_.address = "0.0.0.0";
  start_server();
  for (const char* host : {"127.0.0.1", "localhost", "127.0.0.2"}) {  // the last is not in the certificate
    const auto answer = ask(host, pem_);
    EXPECT_TRUE(answer) << host << ": " << answer.error().message;
  }
  const auto other = tls::make_self_signed({});
  ASSERT_TRUE(other);
  EXPECT_TRUE(ask("127.0.0.2", other->certificate_pem + pem_)) << "every certificate of the file counts";
}

TEST_F(HttpTlsTest, WithAnAuthorityTheNameMustMatch) {
  const auto authority = tls::make_self_signed({"authority"});
  ASSERT_TRUE(authority);
  serve(issue(*authority, "localhost"));
  const auto answer = ask("localhost", authority->certificate_pem);
  EXPECT_TRUE(answer) << answer.error().message;
  const auto by_address = ask("127.0.0.1", authority->certificate_pem);
  expect_denied(by_address);
  EXPECT_THAT(by_address.error().message, HasSubstr("mismatch"));
  expect_denied(ask("localhost", pem_));
}

TEST_F(HttpTlsTest, OldProtocolsAreRefused) {
  start_server();
  const std::unique_ptr<SSL_CTX, Free<SSL_CTX, SSL_CTX_free>> context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_security_level(context.get(), 0);
  SSL_CTX_set_max_proto_version(context.get(), TLS1_1_VERSION);
  const RawConnection connection(server_->port(), RawConnection::Layer::tcp);
  const std::unique_ptr<SSL, Free<SSL, SSL_free>> ssl(SSL_new(context.get()));
  SSL_set_fd(ssl.get(), connection.fd());
  EXPECT_NE(SSL_connect(ssl.get()), 1);
  expect_healthy();
}

TEST_F(HttpTlsTest, OnlySuitesThatAuthenticateWhatTheyEncryptAreSpoken) {
  start_server();
  EXPECT_FALSE(lets_in(cbc_suites));
  for (const char* suite :
       {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305", "ALL"})
    EXPECT_TRUE(lets_in(suite)) << suite;
  expect_healthy();
}

TEST_F(HttpTlsTest, AServerThatSpeaksOnlyCbcIsRefused) {
  const Context context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_max_proto_version(context.get(), TLS1_2_VERSION);
  ASSERT_EQ(SSL_CTX_set_cipher_list(context.get(), cbc_suites), 1);
  ASSERT_EQ(SSL_CTX_use_certificate_chain_file(context.get(), options_.certificate_file.c_str()), 1);
  ASSERT_EQ(SSL_CTX_use_PrivateKey_file(context.get(), options_.key_file.c_str(), SSL_FILETYPE_PEM), 1);
  const RawListener listener;
  std::thread peer([&] { EXPECT_FALSE(RawConnection(listener.accept(), context.get()).good()); });
  const auto answer = http::Client({.host = "127.0.0.1", .port = listener.port(), .trusted_pem = pem_, .bearer = ""})
                          .send(get("/"), 5s);
  peer.join();
  EXPECT_FALSE(answer);
}

TEST_F(HttpTlsTest, APeerWithoutTlsIsUnavailable) {
  const RawListener listener;
  std::thread peer([&] {
    const int fd = listener.accept();
    EXPECT_GT(::send(fd, "HTTP/1.1 400 Bad Request\r\n\r\n", 28, MSG_NOSIGNAL), 0);
    ::close(fd);
  });
  const auto answer = http::Client({.host = "127.0.0.1", .port = listener.port(), .trusted_pem = pem_, .bearer = ""})
                          .send(get("/"), 5s);
  peer.join();
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable) << answer.error().message;
}

TEST_F(HttpTlsTest, BadOptionsAreSaidAtTheStart) {
  const auto start = [this] {
    http::Server server(options_, [](const http::Request&, const http::Responder& respond) { respond({}); });
    return server.start();
  };
  ASSERT_TRUE(start());
  options_.address = "nowhere";
  EXPECT_EQ(start().error().code, Errc::bad_config);
  options_.address = "127.0.0.1";
  ASSERT_EQ(::chmod(options_.key_file.c_str(), 0644), 0);
  EXPECT_THAT(start().error().message, HasSubstr("can be read by all users"));
  ASSERT_TRUE(config::write_file(options_.key_file, tls::make_self_signed({})->key_pem));
  EXPECT_EQ(start().error().code, Errc::bad_config) << "the key of another certificate";
  options_.certificate_file = "/nonexistent.crt";
  EXPECT_THAT(start().error().message, HasSubstr("/nonexistent.crt"));
}

TEST_F(HttpTlsTest, APortInUseIsUnavailable) {
  start_server();
  options_.port = server_->port();
  http::Server second(options_, [](const http::Request&, const http::Responder& respond) { respond({}); });
  const auto started = second.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::unavailable);
  EXPECT_THAT(started.error().message, HasSubstr(std::to_string(options_.port)));
  EXPECT_FALSE(started.error().hint.empty());
}

TEST_F(HttpTlsTest, BothFamiliesAreServed) {
  options_.address = "::";
  start_server();
  EXPECT_TRUE(ask("127.0.0.1", pem_));
  EXPECT_THAT(seen_.get().requests.back().peer, HasSubstr("127.0.0.1:"));
  if (ask("::1", pem_)) {
    EXPECT_THAT(seen_.get().requests.back().peer, HasSubstr("[::1]:"));
  }
}

}  // namespace
}  // namespace autoctl::test
