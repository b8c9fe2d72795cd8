// A node gets another name, host name and port: the others follow it there, and nothing is copied.
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int refused = 4;  // docs/exit-codes.md: conflict

class Move : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    ASSERT_NO_FATAL_FAILURE(start_cluster(2));
    ASSERT_EQ(cluster().primary(), cluster().find("node_1"));
    const auto port = demo::find_free_ports(7500, 1);
    ASSERT_TRUE(ok(port));
    new_port_ = *port;
  }
  Finished set(const char* node, std::vector<std::string> words) {
    words.insert(words.begin(), {"set", "node", "metadata", "--pgdata", cluster().find(node)->pgdata()});
    return autoctl(words, Millis(90'000));
  }
  std::optional<protocol::NodeDocument> node(std::int64_t id) {
    const auto state = cluster().state();
    for (std::size_t i = 0; state && i < state->nodes.size(); ++i)
      if (state->nodes[i].id.value == id) return state->nodes[i];
    return std::nullopt;
  }
  /// On whatever serves at that port, first column of the first row.
  std::string ask(int port, const std::string& sql) {
    auto connection = pg::Connection::open(demo::conninfo({{"127.0.0.1", port}}, "postgres", "any"), Millis(5'000));
    if (!connection) return connection.error().message;
    const auto rows = connection->query(sql, Millis(5'000));
    return rows ? (rows->size() > 0 ? rows->text(0, 0) : "") : rows.error().message;
  }
  int new_port_ = 0;
};

TEST_F(Move, AStandbyIsFoundAtItsNewAddress) {
  const auto moved = set("node_2", {"--name", "db_b", "--hostname", "localhost", "--pgport", std::to_string(new_port_)});
  ASSERT_EQ(moved.exit_code, 0) << moved.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const auto now = node(2);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->name, "db_b");
  EXPECT_EQ(now->host, "localhost");
  EXPECT_EQ(now->port, new_port_);
  EXPECT_EQ(ask(new_port_, "select pg_is_in_recovery()"), "t");

  const auto switched = autoctl({"perform", "switchover", "--pgdata", cluster().monitor().pgdata()});
  ASSERT_EQ(switched.exit_code, 0) << switched.output;
  EXPECT_EQ(ask(new_port_, "select pg_is_in_recovery()"), "f");
  const int old = cluster().find("node_1")->pgport();
  EXPECT_NE(ask(old, "show primary_conninfo").find("port=" + std::to_string(new_port_)), std::string::npos)
      << ask(old, "show primary_conninfo");
  EXPECT_EQ(node(2)->timeline, Timeline{2}) << "one switchover, and nothing else";
}

TEST_F(Move, ThePrimaryMovesWhileItServes) {
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  const auto start = std::chrono::steady_clock::now();
  const auto moved = set("node_1", {"--hostname", "localhost"});
  ASSERT_EQ(moved.exit_code, 0) << moved.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const int standby = cluster().find("node_2")->pgport();
  EXPECT_TRUE(demo::eventually(Millis(20'000), [&] {
    return ask(standby, "show primary_conninfo").find("host=localhost") != std::string::npos;
  })) << ask(standby, "show primary_conninfo");
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  EXPECT_LT(load.writer().outage(start, std::chrono::steady_clock::now()), Millis(2'000));
  EXPECT_EQ(cluster().primary(), cluster().find("node_1"));
  EXPECT_EQ(node(1)->timeline, Timeline{1});
  load.stop();
  load.verify();
}

TEST_F(Move, WhatCannotBeIsRefused) {
  const std::string taken = std::to_string(cluster().find("node_1")->pgport());
  EXPECT_EQ(set("node_2", {"--pgport", taken}).exit_code, refused) << "node_1 is there";
  EXPECT_EQ(set("node_1", {"--pgport", std::to_string(new_port_)}).exit_code, refused) << "it is the primary";
  EXPECT_EQ(set("node_2", {"--name", "node_1"}).exit_code, refused);
  EXPECT_EQ(set("node_2", {}).exit_code, 2);
  EXPECT_EQ(set("node_2", {"--hostname", "no such host"}).exit_code, 2);
  EXPECT_EQ(node(2)->port, cluster().find("node_2")->pgport());
}

}  // namespace
}  // namespace autoctl::test
