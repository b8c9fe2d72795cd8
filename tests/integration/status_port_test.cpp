// A keeper's own port: where it listens, what it shows, and to whom it tells what.
#include "keeper/agent/status_port.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/http/client.h"
#include "common/tls/certificate.h"
#include "tests/support/scratch.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* token = "the-nodes-credential";

class StatusPort : public testing::Test {
 protected:
  StatusPort() : files_(scratch_.path() + "/node") {
    std::filesystem::create_directory(files_.directory);
    config_.pgdata = files_.pgdata;
    config_.api_port = test::free_port();
    config_.listen = "127.0.0.1";
    config_.auth = "scram-sha-256";
    EXPECT_TRUE(tls::write_self_signed(files_.certificate(), files_.key(), {}));
    EXPECT_TRUE(config::write_file(files_.token(), std::string(token) + "\n"));
  }
  void open() {
    auto opened = open_status_port(config_, files_, board_);
    ASSERT_TRUE(opened) << opened.error().message;
    server_ = *std::move(opened);
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
  std::unique_ptr<http::Server> server_;
};

TEST_F(StatusPort, ListensWhereTheNodeWasToldTo) {
  config_.listen = "127.0.0.1, 127.0.0.3";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_FALSE(answers("127.0.0.2"));
  EXPECT_TRUE(answers("127.0.0.3"));
  server_.reset();
  config_.listen = "localhost";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_FALSE(answers("127.0.0.2"));
  server_.reset();
  config_.listen = "127.0.0.3,*";
  open();
  EXPECT_TRUE(answers("127.0.0.2"));
}

TEST_F(StatusPort, OpensAlsoWhereItsAddressOrItsNameIsNotHereYet) {
  config_.listen = "192.0.2.1,127.0.0.1";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  server_.reset();
  config_.listen = "no-such-host.invalid";
  open();
  EXPECT_TRUE(answers("127.0.0.1"));
  EXPECT_FALSE(answers("127.0.0.2")) << "nobody said that it may listen everywhere";
}

TEST_F(StatusPort, ShowsTheCertificateThatWasGiven) {
  config_.ssl.enabled = true;
  config_.ssl.server_cert = scratch_.path() + "/given.crt";
  config_.ssl.server_key = scratch_.path() + "/given.key";
  ASSERT_TRUE(tls::write_self_signed(config_.ssl.server_cert, config_.ssl.server_key, {"given"}));
  open();
  EXPECT_TRUE(ask("/healthz", "127.0.0.1", config_.ssl.server_cert));
  EXPECT_FALSE(ask("/healthz", "127.0.0.1", files_.certificate()));
  server_.reset();
  std::filesystem::remove(config_.ssl.server_key);
  open();
  EXPECT_TRUE(answers("127.0.0.1")) << "a node does not stay down for that";
}

TEST_F(StatusPort, TellsWithoutTheCredentialNoMoreThanALoadBalancerNeeds) {
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

TEST_F(StatusPort, TellsEverythingWhereEverybodyIsTrusted) {
  config_.auth = "trust";
  open();
  EXPECT_EQ(ask("/v1/status")->status, 200);
}

TEST_F(StatusPort, ANodeWithoutACredentialIsNotOpenToOneThatIsEmpty) {
  ASSERT_TRUE(config::write_file(files_.token(), ""));
  open();
  EXPECT_EQ(ask("/v1/status")->status, 401);
}

}  // namespace
}  // namespace autoctl::keeper
