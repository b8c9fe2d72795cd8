// A server that asks its clients for certificates: whom it lets in, whom it refuses in the handshake, and what it says.
#include <gmock/gmock.h>

#include "common/http/refusal_watch.h"
#include "common/process/process.h"
#include "common/tls/authority.h"
#include "http_fixture.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

class ClientCertificates : public HttpTest {
 protected:
  void SetUp() override {
    authority_ = *tls::make_authority(now_ - tls::certificate_lifetime - 5 * 24h);
    const auto own = pair("autoctl_monitor", now_);
    ASSERT_TRUE(config::write_file(options_.certificate_file, own.certificate_pem));
    ASSERT_TRUE(config::write_file(options_.key_file, own.key_pem));
    pem_ = authority_.certificate_pem;
    options_.client_ca_file = directory_ + "/ca.crt";
    ASSERT_TRUE(config::write_file(options_.client_ca_file, authority_.certificate_pem));
  }

  /// Of a node at localhost, issued at `at`.
  tls::KeyPair pair(const std::string& name, tls::SystemTime at) const { return pair_of(authority_, name, at); }
  static tls::KeyPair pair_of(const tls::KeyPair& authority, const std::string& name, tls::SystemTime at) {
    const auto asked = tls::request_certificate("localhost");
    const auto certificate = tls::issue_certificate(authority, asked->csr_pem, "localhost", name, at);
    EXPECT_TRUE(certificate) << certificate.error().message;
    return {certificate.value_or(""), asked->key_pem};
  }
  void serve() {
    server_ = std::make_unique<http::Server>(
        options_, [this](http::Request r, http::Responder respond) { handle(std::move(r), std::move(respond)); },
        http::Server::DisconnectHandler(),
        [this](const http::Strain& strain) {
          const auto words = watch_.look(strain, std::chrono::steady_clock::now());
          if (words) log_.change([&](std::string& log) { log += *words + "\n"; });
        });
    ASSERT_TRUE(server_->start());
  }
  Result<http::Response> ask_with(const tls::KeyPair& own) {
    auto to = endpoint();
    to.certificate_pem = own.certificate_pem;
    to.key_pem = own.key_pem;
    return http::Client(to).send(get("/"), 5s);
  }
  void expect_refused(const tls::KeyPair& own, const std::string& why) {
    log_.change([](std::string& log) { log.clear(); });
    const auto answer = ask_with(own);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::unavailable);
    EXPECT_THAT(answer.error().message, HasSubstr("certificate is not accepted"));
    EXPECT_TRUE(log_.wait_until([&](const std::string& log) { return log.find(why) != std::string::npos; }))
        << why << ", and not: " << log_.get();
    EXPECT_THAT(log_.get(), HasSubstr("A client was refused: 127.0.0.1: "));
    EXPECT_TRUE(seen_.get().requests.empty());
  }

  const tls::SystemTime now_ = std::chrono::system_clock::now();
  tls::KeyPair authority_;
  http::RefusalWatch watch_;
  Watched<std::string> log_;
};

TEST_F(ClientCertificates, OneOfTheAuthorityTellsWhoItIs) {
  serve();
  ASSERT_TRUE(ask_with(pair("autoctl_standby_7", now_)));
  ASSERT_TRUE(ask_with({}));
  const auto seen = seen_.get().requests;
  ASSERT_EQ(seen.size(), 2U);
  EXPECT_EQ(seen[0].certificate, "autoctl_standby_7");
  EXPECT_EQ(seen[1].certificate, "") << "a load balancer has none";
}

TEST_F(ClientCertificates, AForeignOneIsRefused) {
  serve();
  expect_refused(pair_of(*tls::make_authority(now_), "autoctl_standby_1", now_),
                 "\"autoctl_standby_1\" is not accepted: unable to get local issuer certificate");
  expect_refused(*tls::make_self_signed({"localhost"}), "is not accepted: self-signed certificate");
}

TEST_F(ClientCertificates, OneThatIsOverIsRefused) {
  serve();
  expect_refused(pair("autoctl_standby_2", now_ - tls::certificate_lifetime - 1h),
                 "\"autoctl_standby_2\" is not accepted: certificate has expired");
}

TEST_F(ClientCertificates, OneThatIsRevokedIsRefused) {
  const auto good = pair("autoctl_standby_1", now_), bad = pair("autoctl_standby_2", now_);
  serve();
  ASSERT_TRUE(ask_with(bad));
  seen_.change([](Seen& seen) { seen.requests.clear(); });
  const auto serial = tls::inspect_certificate(bad.certificate_pem)->serial;
  const auto list = tls::make_revocation_list(authority_, {{serial, now_}}, 1, now_, now_ + 24h);
  ASSERT_TRUE(list) << list.error().message;
  options_.client_crl_file = directory_ + "/ca.crl";
  ASSERT_TRUE(config::write_file(options_.client_crl_file, *list));
  server_.reset();
  serve();
  expect_refused(bad, "\"autoctl_standby_2\" is not accepted: certificate revoked");
  EXPECT_TRUE(ask_with(good));
}

/// A name is no key, and another's certificate is none without it.
TEST_F(ClientCertificates, OneWithoutItsKeyIsNotShown) {
  serve();
  const auto answer = ask_with({pair("autoctl_standby_1", now_).certificate_pem, authority_.key_pem});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::bad_config);
}

TEST_F(ClientCertificates, FilesThatCannotBeUsedAreSaid) {
  ASSERT_TRUE(config::write_file(options_.client_ca_file, "no PEM\n"));
  http::Server server(options_, [](const http::Request&, const http::Responder&) {});
  const auto started = server.start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::bad_config);
  EXPECT_THAT(started.error().message, HasSubstr(options_.client_ca_file));
}

/// As anybody would try it.
TEST_F(ClientCertificates, OpensslsClientIsRefusedToo) {
  serve();
  const auto bad = pair("autoctl_standby_2", now_ - tls::certificate_lifetime - 1h);
  ASSERT_TRUE(config::write_file(directory_ + "/bad.crt", bad.certificate_pem));
  ASSERT_TRUE(config::write_file(directory_ + "/bad.key", bad.key_pem));
  const std::string files = " -cert " + directory_ + "/bad.crt -key " + directory_ + "/bad.key";
  const auto said = run({.argv = {"/bin/sh", "-c",
                                  "printf 'GET / HTTP/1.0\\r\\n\\r\\n' | openssl s_client -quiet -connect 127.0.0.1:" +
                                      std::to_string(server_->port()) + files + " 2>&1"}},
                        10s);
  ASSERT_TRUE(said) << said.error().message;
  EXPECT_THAT(said->output, HasSubstr("certificate expired"));
  EXPECT_TRUE(seen_.get().requests.empty());
}

}  // namespace
}  // namespace autoctl::test
