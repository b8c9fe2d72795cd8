// Each node replicates as a role of its own: what the server is told of its password, and whose WAL sender is whose.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/fsm/password_age.h"
#include "common/protocol/protocol.h"
#include "common/tls/scram.h"
#include "keeper/postgres/hba_rules.h"
#include "keeper/postgres/pgpass.h"
#include "keeper/postgres/replicator.h"
#include "monitor/engine/settings_values.h"
#include "tests/support/scratch.h"

namespace autoctl::keeper {
namespace {

constexpr const char* of_pencil =
    "SCRAM-SHA-256$4096:bkK5YPLmn/IqtVUkrfp96g==$Qila5fOmq4y+gvLq2vQ9dYUXRkQN2oVCMCRdn3jAKPw=:"
    "puY5IYe9S+Bvbgq0Q3oIuF1TuqwUyE+CJ8hrSSIbnY0=";

/// Made by another program (Python's hashlib). That PostgreSQL accepts them, integration tests show.
TEST(ScramVerifier, IsTheOneOfThePassword) {
  EXPECT_EQ(tls::scram_verifier("pencil").text(), of_pencil);
  EXPECT_NE(tls::scram_verifier("pencils"), tls::scram_verifier("pencil"));
  tls::ScramVerifierCache cache;
  EXPECT_EQ(cache.of("pencil").text(), of_pencil);
  EXPECT_EQ(cache.of("pencils"), tls::scram_verifier("pencils"));
}

/// It goes into SQL.
TEST(ScramVerifier, HoldsNothingElse) {
  const std::string good = of_pencil;
  EXPECT_TRUE(ScramVerifier::parse(good));
  EXPECT_TRUE(ScramVerifier().is_none());
  std::vector<std::string> bad = {
      "", "md5a6343a68d964ca596d9752250d54bb8a", "pencil", good + "'", good + "\n", "'" + good, good + good};
  for (std::size_t i = 0; i < good.size(); ++i) {
    bad.push_back(good.substr(0, i));
    for (const char c : {'\'', '\\', '\n', '\0', '-'}) {
      bad.push_back(good);
      if (bad.back()[i] == c)
        bad.pop_back();
      else
        bad.back()[i] = c;
    }
  }
  for (const auto& text : bad) EXPECT_FALSE(ScramVerifier::parse(text)) << text;
}

TEST(ScramVerifier, CrossesTheWireOrIsRefusedAtBothEnds) {
  protocol::Report report;
  report.facts.state = NodeState::secondary;
  report.verifier = tls::scram_verifier("pencil");
  const auto read = protocol::decode<protocol::Report>(protocol::encode(report));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->verifier, report.verifier);
  EXPECT_TRUE(protocol::decode<protocol::Report>(R"({"facts":{"state":"secondary"}})")->verifier.is_none())
      << "an older keeper";
  const auto refused =
      protocol::decode<protocol::Report>(R"({"facts":{"state":"secondary"},"verifier":"x' login superuser --"})");
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, testing::HasSubstr("verifier"));
  EXPECT_FALSE(protocol::decode<protocol::Assignment>(R"({"peers":[{"id":2,"verifier":"x"}]})"));
}

class RightfulSender : public testing::Test {
 protected:
  void SetUp() override {
    peers[0].verifier = tls::scram_verifier("two");
    here.node = NodeId{1};
  }
  std::optional<NodeId> owner(const std::string& name, const std::string& role) const {
    return rightful_standby(here, peers, name, role);
  }
  config::Config here;
  std::vector<protocol::Peer> peers = {{NodeId{2}, "node_2", "10.0.0.2", 5432},   // as a role of its own
                                       {NodeId{3}, "node_3", "10.0.0.3", 5432}};  // of an earlier version
};

TEST_F(RightfulSender, IsOfTheRoleThatIsNamedLikeIt) {
  EXPECT_EQ(owner("autoctl_standby_2", "autoctl_standby_2"), NodeId{2});
  for (const char* other : {"autoctl_standby_3", replicator, "postgres", "", "AUTOCTL_STANDBY_2"})
    EXPECT_EQ(owner("autoctl_standby_2", other), std::nullopt) << other;
  EXPECT_EQ(owner("AUTOCTL_STANDBY_2", "autoctl_standby_2"), std::nullopt);
  EXPECT_EQ(owner("autoctl_standby_02", "autoctl_standby_2"), std::nullopt);
  EXPECT_EQ(owner("autoctl_standby_4", "autoctl_standby_4"), std::nullopt) << "no such node";
}

TEST_F(RightfulSender, OfAnEarlierVersionIsOfTheSharedRole) {
  EXPECT_EQ(owner("autoctl_standby_3", replicator), NodeId{3});
  EXPECT_EQ(owner("autoctl_standby_3", "autoctl_standby_2"), std::nullopt);
  EXPECT_EQ(replication_role(here, NodeId{1}, peers[0]), "autoctl_standby_1");
  EXPECT_EQ(replication_role(here, NodeId{1}, peers[1]), replicator) << "it would not know this node's own role";
  here.auth = "cert";
  EXPECT_EQ(owner("autoctl_standby_2", replicator), NodeId{2});
  EXPECT_EQ(replication_role(here, NodeId{1}, peers[0]), replicator);
}

/// PostgreSQL compares names in synchronous_standby_names without regard to case.
TEST_F(RightfulSender, ClaimsAreSeenInAnySpelling) {
  for (const char* name : {"autoctl_standby_2", "AUTOCTL_STANDBY_2", "Autoctl_Standby_2", "autoctl_standby_x"})
    EXPECT_TRUE(claims_to_be_standby(name)) << name;
  for (const char* name : {"", "autoctl", "autoctl_standby_", "walreceiver", "xautoctl_standby_2"})
    EXPECT_FALSE(claims_to_be_standby(name)) << name;
}

TEST(Pgpass, KeepsBothPasswordsAndMakesTheNodesOwnOnce) {
  const autoctl::test::ScratchDirectory scratch;
  const config::Files files(scratch.path() + "/pg");
  ASSERT_TRUE(config::write_file(scratch.path() + "/earlier", "*:*:*:pgautofailover_replicator:shared\n"));
  std::filesystem::create_directory(files.directory);
  std::filesystem::rename(scratch.path() + "/earlier", files.pgpass());
  ASSERT_TRUE(ensure_own_password(files, NodeId{2}));
  const auto first = load_passwords(files.pgpass(), NodeId{2});
  ASSERT_TRUE(first);
  EXPECT_EQ(first->formation, "shared");
  EXPECT_EQ(first->own.size(), 43U);
  ASSERT_TRUE(ensure_own_password(files, NodeId{2}));
  EXPECT_EQ(load_passwords(files.pgpass(), NodeId{2})->own, first->own);
  ASSERT_TRUE(save_passwords(files.pgpass(), NodeId{2}, {"shared", "own", 7}));
  EXPECT_EQ(load_passwords(files.pgpass(), NodeId{2})->round, 7U);
  EXPECT_EQ(load_passwords(files.pgpass(), NodeId{3})->own, "") << "another node's is none";
  EXPECT_EQ(replication_password(files).value_or(""), "shared");
  EXPECT_THAT(config::read_file(files.pgpass()).value_or(""), testing::HasSubstr("\n*:*:*:autoctl_standby_2:own\n"));
  ASSERT_TRUE(config::write_file(files.pgpass(), "*:*:*:pgautofailover_repl"));
  EXPECT_FALSE(load_passwords(files.pgpass(), NodeId{2}));
}

TEST(PasswordAge, KeepersAndMonitorHaveTheSameDefault) {
  EXPECT_EQ(monitor::Settings{}.password_max_age, password_max_age_default);
}

}  // namespace
}  // namespace autoctl::keeper
