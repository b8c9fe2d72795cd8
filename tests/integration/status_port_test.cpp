// A keeper's own port: where it listens, what it shows, and to whom it tells what.
#include "keeper/agent/status_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/http/client.h"
#include "common/tls/certificate.h"
#include "raw_socket.h"
#include "tests/support/scratch.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* token = "the-nodes-credential";

class KeepersPort : public testing::Test {
 protected:
  KeepersPort() : files_(scratch_.path() + "/node") {
    std::filesystem::create_directory(files_.directory);
    config_.pgdata = files_.pgdata;
    config_.api_port = test::free_port();
    config_.listen = "127.0.0.1";
    config_.auth = "scram-sha-256";
    EXPECT_TRUE(tls::write_self_signed(files_.certificate(), files_.key(), {}));
    EXPECT_TRUE(config::write_file(files_.token(), std::string(token) + "\n"));
  }
  void open() {
    port_.reset();
    auto opened = StatusPort::open(config_, files_, board_);
    ASSERT_TRUE(opened) << opened.error().message;
    port_ = *std::move(opened);
  }
  /// A new one at each call, in the same files.
  void give_certificate() {
    config_.ssl.enabled = true;
    config_.ssl.server_cert = scratch_.path() + "/given.crt";
    config_.ssl.server_key = scratch_.path() + "/given.key";
    ASSERT_TRUE(tls::write_self_signed(config_.ssl.server_cert, config_.ssl.server_key, {"given"}));
  }
  /// Of a client that trusts only the certificate in `file`.
  Result<http::Response> ask(const std::string& path, const std::string& host, const std::string& file,
                             const std::string& bearer = "") const {
    const auto pem = config::read_file(file);
    return http::Client({.host = host, .port = config_.api_port, .trusted_pem = *pem, .bearer = bearer})
        .send({.method = "GET", .path = path}, 5s);
  }
  Result<http::Response> ask(const std::string& path, const std::string& bearer = "") const {
    return ask(path, "127.0.0.1", files_.certificate(), bearer);
  }
  bool answers(const std::string& host) const { return ask("/healthz", host, files_.certificate()).has_value(); }

  test::ScratchDirectory scratch_;
  config::Config config_;
  config::Files files_;
  Board board_{{}, {}};
  std::unique_ptr<StatusPort> port_;
};

TEST_F(KeepersPort, ListensWhereTheNodeWasToldTo) {
  config_.listen = "127.0.0.1, 127.0.0.3";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_FALSE(answers("127.0.0.2"));
  EXPECT_TRUE(answers("127.0.0.3"));
  config_.listen = "localhost";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_FALSE(answers("127.0.0.2"));
  config_.listen = "127.0.0.3,*";
  open();
  EXPECT_TRUE(answers("127.0.0.2"));
}

TEST_F(KeepersPort, OpensAlsoWhereItsAddressOrItsNameIsNotHereYet) {
  config_.listen = "192.0.2.1,127.0.0.1";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  config_.listen = "no-such-host.invalid";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_FALSE(answers("127.0.0.2")) << "nobody said that it may listen everywhere";
}

TEST_F(KeepersPort, ShowsTheCertificateThatWasGiven) {
  give_certificate();
  open();
  EXPECT_TRUE(ask("/healthz", "127.0.0.1", config_.ssl.server_cert));
  EXPECT_FALSE(ask("/healthz", "127.0.0.1", files_.certificate()));
  std::filesystem::remove(config_.ssl.server_key);
  open();
  EXPECT_TRUE(answers("127.0.0.1")) << "a node does not stay down for that";
}

/// A connection that was there before is not cut.
TEST_F(KeepersPort, TakesANewCertificateInWhileItRuns) {
  give_certificate();
  open();
  const auto pem = config::read_file(config_.ssl.server_cert);
  http::Client client({.host = "127.0.0.1", .port = config_.api_port, .trusted_pem = *pem});
  ASSERT_TRUE(client.send({.method = "GET", .path = "/healthz"}, 5s));
  give_certificate();
  EXPECT_FALSE(ask("/healthz", "127.0.0.1", config_.ssl.server_cert)) << "nobody has said yet that it is there";
  ASSERT_TRUE(port_->follow(config_));
  EXPECT_TRUE(ask("/healthz", "127.0.0.1", config_.ssl.server_cert));
  EXPECT_TRUE(client.send({.method = "GET", .path = "/healthz"}, 5s));

  const std::string shown = *config::read_file(config_.ssl.server_cert);
  ASSERT_TRUE(config::write_file(config_.ssl.server_cert, "renewed by half"));
  EXPECT_EQ(port_->follow(config_).error().code, Errc::bad_config);
  ASSERT_TRUE(config::write_file(config_.ssl.server_cert, shown));
  EXPECT_TRUE(ask("/healthz", "127.0.0.1", config_.ssl.server_cert)) << "as it was";
}

TEST_F(KeepersPort, ListensElsewhereFromAReloadOn) {
  open();
  EXPECT_FALSE(answers("127.0.0.3"));
  config_.listen = "127.0.0.1,127.0.0.3";
  ASSERT_TRUE(port_->follow(config_));
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_TRUE(answers("127.0.0.3"));
  config_.listen = "*";
  ASSERT_TRUE(port_->follow(config_));
  EXPECT_TRUE(answers("127.0.0.2"));
  config_.listen = "127.0.0.1";
  ASSERT_TRUE(port_->follow(config_));
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_FALSE(answers("127.0.0.2"));
}

TEST_F(KeepersPort, StaysWhereItIsWhenItCannotListenElsewhere) {
  open();
  const test::RawListener other(config_.api_port, "127.0.0.3");
  ASSERT_NE(other.port(), 0);
  config_.listen = "127.0.0.3";
  EXPECT_EQ(port_->follow(config_).error().code, Errc::unavailable);
  EXPECT_TRUE(answers("127.0.0.1"));
}

TEST_F(KeepersPort, StopsToTellEverybodyWhenACredentialIsNeededFromNowOn) {
  config_.auth = "trust";
  open();
  EXPECT_EQ(ask("/v1/status")->status, 200);
  config_.auth = "scram-sha-256";
  ASSERT_TRUE(port_->follow(config_));
  EXPECT_EQ(ask("/v1/status")->status, 401);
}

TEST_F(KeepersPort, TellsWithoutTheCredentialNoMoreThanALoadBalancerNeeds) {
  open();
  EXPECT_EQ(ask("/healthz")->status, 200);
  for (const char* path : {"/primary", "/replica"}) {
    const auto answer = ask(path);
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->body, R"({"status":"no"})");
    EXPECT_THAT(ask(path, token)->body, HasSubstr("postgres_running"));
  }
  for (const char* bearer : {"", "another", "the-nodes-credentia"}) {
    const auto answer = ask("/v1/status", bearer);
    EXPECT_EQ(answer->status, 401);
    EXPECT_THAT(answer->body, Not(HasSubstr("facts")));
  }
  const auto whole = ask("/v1/status", token);
  EXPECT_EQ(whole->status, 200);
  EXPECT_TRUE(nlohmann::json::parse(whole->body).contains("facts"));
}

TEST_F(KeepersPort, AnswersLoadBalancersWhateverOthersHoldOpen) {
  open();
  std::vector<std::unique_ptr<test::RawConnection>> idle;
  for (const int more : {64, 936}) {
    for (int i = 0; i < more; ++i)
      idle.push_back(
          std::make_unique<test::RawConnection>(config_.api_port, test::RawConnection::Layer::tcp, "127.0.0.2"));
    for (int i = 0; i < 12; ++i) EXPECT_TRUE(answers("127.0.0.1")) << "with " << idle.size() << " idle connections";
  }
}

TEST_F(KeepersPort, ReadsNoBody) {
  open();
  const auto pem = config::read_file(files_.certificate());
  for (const char* bearer : {"", token}) {
    const auto answer =
        http::Client({.host = "127.0.0.1", .port = config_.api_port, .trusted_pem = *pem, .bearer = bearer})
            .send({.method = "POST", .path = "/healthz", .body = "x"}, 5s);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 413);
  }
}

TEST_F(KeepersPort, TellsEverythingWhereEverybodyIsTrusted) {
  config_.auth = "trust";
  open();
  EXPECT_EQ(ask("/v1/status")->status, 200);
}

TEST_F(KeepersPort, ANodeWithoutACredentialIsNotOpenToOneThatIsEmpty) {
  ASSERT_TRUE(config::write_file(files_.token(), ""));
  open();
  EXPECT_EQ(ask("/v1/status")->status, 401);
}

}  // namespace
}  // namespace autoctl::keeper
