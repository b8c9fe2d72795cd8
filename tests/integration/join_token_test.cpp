// Join tokens and what autoctl.api_endpoint() hands out, against a real monitor: who has one can join, and no more.
#include "common/monitor_client/join_token.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>

#include "common/http/server.h"
#include "common/monitor_client/monitor_url.h"
#include "common/pg/connection.h"
#include "common/tls/certificate.h"
#include "tests/support/monitor_process.h"

namespace autoctl {
namespace {

using namespace std::chrono_literals;
using client::JoinToken;
using test::eventually;
using test::MonitorProcess;
using test::request;
using testing::HasSubstr;

constexpr Millis patience{10'000};

class JoinTokens : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root"; }
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(monitor.create());
    monitor.start();
    ASSERT_TRUE(eventually([&] { return monitor.answers(); }));
  }

  std::string operator_token() const {
    const auto text = config::read_file(monitor.files().token()).value_or("");
    return text.substr(0, text.find('\n'));
  }
  std::string make(const protocol::TokenRequest& r) const {
    const auto made = monitor.api(operator_token()).create_token(r, patience);
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->secret : "";
  }
  Result<protocol::RegisterAnswer> join(const protocol::RegisterRequest& r, const std::string& bearer) const {
    return monitor.api(bearer).register_node(r, patience);
  }
  /// What a node is told that can log in as autoctl_node.
  std::string handed_out() {
    auto connection =
        pg::Connection::open("host=" + monitor.files().directory + " port=" + std::to_string(monitor.config().pgport) +
                                 " dbname=pg_auto_failover",
                             patience);
    if (!connection) return "";
    const auto rows = connection->query("SELECT registration_token FROM autoctl.api_endpoint()", patience);
    return rows && !rows->empty() ? rows->text(0, 0) : "";
  }
  std::size_t nodes() const { return monitor.api(operator_token()).state("", std::nullopt, patience)->nodes.size(); }
  /// In the monitor's whole data directory: tables, WAL, the server's log.
  bool data_has(const std::string& text) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(monitor.files().pgdata)) {
      if (!entry.is_regular_file()) continue;
      std::ostringstream contents;
      contents << std::ifstream(entry.path(), std::ios::binary).rdbuf();
      if (contents.str().find(text) != std::string::npos) return true;
    }
    return false;
  }
  std::string url() { return "https://localhost:" + std::to_string(monitor.config().api_port); }
  std::string ca_pem() const { return config::read_file(monitor.files().certificate()).value_or(""); }

  MonitorProcess monitor{"scram-sha-256"};
};

TEST_F(JoinTokens, OneThatIsGoodNoMoreIsRefusedAndChangesNothing) {
  const std::string once = make({});
  const std::string short_lived = make({.nodes = 9, .ttl = 1s});
  const std::string revoked = make({.nodes = 9});
  ASSERT_TRUE(monitor.api(operator_token()).revoke_token(3, patience));
  ASSERT_TRUE(join(request("first", 7001), once));
  ASSERT_EQ(nodes(), 1U);
  const auto refusal = [&](const std::string& bearer) {
    const auto answer = join(request("intruder", 7005), bearer);
    return answer ? "it joined" : answer.error().code == Errc::denied ? answer.error().message : "another error";
  };
  EXPECT_TRUE(eventually([&] { return refusal(short_lived).find("is expired") != std::string::npos; }));
  EXPECT_THAT(refusal(once), HasSubstr("is used up"));
  EXPECT_THAT(refusal(revoked), HasSubstr("is revoked"));
  EXPECT_THAT(refusal("guessed"), HasSubstr("does not let a node join"));
  EXPECT_THAT(refusal(""), HasSubstr("needs a credential"));
  auto elsewhere = request("intruder", 7005);
  elsewhere.formation = "shop";
  EXPECT_EQ(join(elsewhere, make({})).error().code, Errc::denied);
  const auto joined_before = nodes();

  monitor.kill();
  monitor.start();
  ASSERT_TRUE(eventually([&] { return monitor.answers(); }));
  EXPECT_THAT(refusal(once), HasSubstr("is used up"));
  EXPECT_THAT(refusal(revoked), HasSubstr("is revoked"));
  EXPECT_EQ(nodes(), joined_before);
}

TEST_F(JoinTokens, ACredentialToJoinDoesNoOperatorsWork) {
  const std::string entry = handed_out();
  ASSERT_FALSE(entry.empty());
  ASSERT_NE(entry, operator_token());
  const auto first = join(request("first", 7001), entry);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(monitor.api(entry).state("", std::nullopt, patience)) << "show state --monitor postgres://… is to work";
  for (const std::string& bearer : {entry, make({.nodes = 9})}) {
    auto api = monitor.api(bearer);
    EXPECT_EQ(api.start_operation({.kind = "switchover"}, patience).error().code, Errc::denied);
    EXPECT_EQ(api.start_operation({.kind = "forced_failover"}, patience).error().code, Errc::denied);
    EXPECT_EQ(api.change_settings({"default", {{"paused", "true"}}}, patience).error().code, Errc::denied);
    EXPECT_EQ(api.change_node(first->node, {"default", {{"name", "x"}}}, patience).error().code, Errc::denied);
    EXPECT_EQ(api.drop_node(first->node, patience, true).error().code, Errc::denied);
    EXPECT_EQ(api.create_formation({.name = "mine"}, patience).error().code, Errc::denied);
    EXPECT_EQ(api.create_token({}, patience).error().code, Errc::denied);
    EXPECT_EQ(api.tokens(patience).error().code, Errc::denied);
    EXPECT_EQ(api.revoke_token(1, patience).error().code, Errc::denied);
  }
  const auto node = make({});
  EXPECT_EQ(monitor.api(node).state("", std::nullopt, patience).error().code, Errc::denied);
}

TEST_F(JoinTokens, TheDatabaseAndItsWalHaveNoCredentialOfAnOperatorOrOfAToken) {
  const std::string token = make({});
  const auto node = join(request("first", 7001), token);
  ASSERT_TRUE(node);
  ASSERT_TRUE(data_has(tls::sha256_hex(token))) << "this test looks in the wrong place";
  EXPECT_FALSE(data_has(token));
  EXPECT_FALSE(data_has(node->token));
  EXPECT_FALSE(data_has(operator_token()));
}

/// Plays a monitor at the address that was given to a node.
class Imposter {
 public:
  explicit Imposter(std::string ca_pem) : ca_pem_(std::move(ca_pem)) {
    EXPECT_TRUE(tls::write_self_signed(certificate(), scratch_.path() + "/key", {"localhost"}));
    server_ = std::make_unique<http::Server>(
        http::ServerOptions{
            .address = "127.0.0.1", .certificate_file = certificate(), .key_file = scratch_.path() + "/key"},
        [this](const http::Request& asked, const http::Responder& respond) {
          const std::lock_guard lock(mutex_);
          credentials_ += asked.bearer;
          respond({200, protocol::encode(protocol::TrustDocument{ca_pem_})});
        });
    EXPECT_TRUE(server_->start());
  }
  ~Imposter() { server_->stop(); }
  std::string certificate() const { return scratch_.path() + "/certificate"; }
  std::string url() const { return client::to_https({{"127.0.0.1", server_->port()}}); }
  void show(std::string ca_pem) {
    const std::lock_guard lock(mutex_);
    ca_pem_ = std::move(ca_pem);
  }
  std::string credentials() const {
    const std::lock_guard lock(mutex_);
    return credentials_;
  }

 private:
  test::ScratchDirectory scratch_;
  mutable std::mutex mutex_;
  std::string ca_pem_, credentials_;
  std::unique_ptr<http::Server> server_;
};

TEST_F(JoinTokens, TheFingerprintTellsTheMonitorFromAnImposter) {
  const std::string wanted = client::fingerprint(ca_pem());
  auto found = client::discover(url(), {.fingerprint = wanted});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->ca_pem, ca_pem());
  found->token = make({});
  EXPECT_TRUE(client::MonitorApi::create(*found)->register_node(request("first", 7001), patience));
  EXPECT_EQ(client::discover(url(), {.fingerprint = client::fingerprint("another")}).error().code, Errc::denied);

  Imposter imposter(ca_pem());
  auto passed_on = client::discover(imposter.url(), {.fingerprint = wanted});
  ASSERT_TRUE(passed_on) << "the monitor's own certificate is no secret";
  passed_on->token = "a secret";
  const auto refused = client::MonitorApi::create(*passed_on)->register_node(request("second", 7003), patience);
  EXPECT_EQ(refused.error().code, Errc::denied) << "it has no key for that certificate";
  const auto own = config::read_file(imposter.certificate()).value_or("");
  for (const std::string& shown : {own, ca_pem() + own, own + ca_pem(), std::string()}) {
    imposter.show(shown);
    EXPECT_EQ(client::discover(imposter.url(), {.fingerprint = wanted}).error().code, Errc::denied);
  }
  EXPECT_EQ(imposter.credentials(), "");
}

}  // namespace
}  // namespace autoctl
