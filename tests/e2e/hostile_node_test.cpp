// A node's credential in somebody else's hands: it is no way into the other nodes, and no way to stop them.
#include <signal.h>

#include <nlohmann/json.hpp>

#include "common/config/files.h"
#include "common/http/client.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr Millis patience{10'000};

class HostileNode : public ClusterTest {
 protected:
  void start(int nodes = 2, const std::string& auth = "scram-sha-256") {
    std::vector<lab::LocalCluster::Place> places(static_cast<std::size_t>(nodes) + 1);
    for (int i = 1; i <= nodes; ++i) places[static_cast<std::size_t>(i)].auth = auth;
    ASSERT_NO_FATAL_FAILURE(start_cluster(nodes, places));
    victim_ = &primary();
    attacker_ = &standby();
    const auto token = config::read_file(attacker_->files().token());
    const auto pem = config::read_file(cluster().monitor().files().certificate());
    ASSERT_TRUE(ok(token));
    ASSERT_TRUE(ok(pem));
    client_.emplace(http::Endpoint{.host = "127.0.0.1",
                                   .port = cluster().monitor().api_port(),
                                   .trusted_pem = *pem,
                                   .bearer = token->substr(0, token->find('\n'))});
  }
  /// As the node's keeper would send it. Returns the HTTP status.
  int report(const nlohmann::json& changes) {
    nlohmann::json body = {{"protocol", 1}, {"facts", {{"state", "secondary"}}}};
    body.update(changes);
    return post("/report", body.dump());
  }
  /// In the attacker's name. Returns the HTTP status.
  int post(const std::string& what, const std::string& body) {
    const std::string id = attacker_->name().substr(std::string("node_").size());
    const auto answer = client_->send({.method = "POST", .path = "/v1/nodes/" + id + what, .body = body}, patience);
    EXPECT_TRUE(ok(answer));
    return answer ? answer->status : 0;
  }
  /// The one whose credential was stolen is the only one that can take over.
  void expect_replaced() {
    victim_->signal_node(SIGKILL);
    EXPECT_TRUE(lab::eventually(patience, [this] { return cluster().primary() == attacker_; }));
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
  std::string hba() const { return config::read_file(victim_->pgdata() + "/pg_hba.conf").value_or(""); }

  lab::AutoctlDaemon* victim_ = nullptr;
  lab::AutoctlDaemon* attacker_ = nullptr;
  std::optional<http::Client> client_;
};

TEST_F(HostileNode, CannotPutALineIntoPgHbaOfAnother) {
  ASSERT_NO_FATAL_FAILURE(start());
  const std::string before = hba();
  for (const char* host : {"x.invalid scram-sha-256\nhost all all 127.0.0.0/8 trust\n#", "all", "samenet", ".invalid",
                           "0.0.0.0/0", "localhost trust #"})
    EXPECT_EQ(report({{"host", host}, {"port", 5432}}), 400) << host;
  ASSERT_NO_FATAL_FAILURE(expect_replaced());
  EXPECT_EQ(hba(), before);
}

TEST_F(HostileNode, CannotStopTheOthersWithWhatItSends) {
  ASSERT_NO_FATAL_FAILURE(start());
  nlohmann::json news = nlohmann::json::array();
  for (int i = 0; i < 10'000; ++i) news.push_back({{"number", i}, {"text", "x"}});
  EXPECT_EQ(report({{"news", news}}), 400);
  EXPECT_EQ(report({{"host", std::string(3'500, 'h')}}), 400);
  EXPECT_EQ(report({{"epoch", 18446744073709551615ULL}}), 400);
  const auto state = cluster().api().state("default", std::nullopt, patience);
  ASSERT_TRUE(ok(state));
  EXPECT_TRUE(state->store_available);
  ASSERT_NO_FATAL_FAILURE(expect_replaced());
}

/// That the node has left is true for that node only.
TEST_F(HostileNode, CannotStopTheOthersByLeavingInTheNodesName) {
  ASSERT_NO_FATAL_FAILURE(start(3, "trust"));
  ASSERT_EQ(post("/leave", "{}"), 200);
  const NodeId gone{std::stol(attacker_->name().substr(std::string("node_").size()))};
  EXPECT_TRUE(lab::eventually(patience, [&] {  // the primary has proved that it does not wait for it
    const auto state = cluster().state();
    return state && !state->groups.at(0).quorum_confirmed.contains(gone);
  }));
  query(*victim_, "create table kept as select 1 as i");
  victim_->signal_node(SIGKILL);
  EXPECT_TRUE(lab::eventually(patience, [&] {
    return cluster().primary() != nullptr && cluster().primary() != victim_ && cluster().primary() != attacker_;
  }));
  EXPECT_EQ(query(primary(), "select count(*) from kept").at(0), "1");

  const auto back = autoctl({"enable", "monitor", "--pgdata", attacker_->pgdata(), cluster().monitor_uri()});
  EXPECT_TRUE(back.ok()) << back.output;
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

}  // namespace
}  // namespace autoctl::test
