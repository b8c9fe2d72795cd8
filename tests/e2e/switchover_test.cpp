// Planned hand-overs, back and forth, while an application writes.
#include <signal.h>

#include <algorithm>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int round_trips = 10;

class Switchover : public ClusterTest {};

TEST_F(Switchover, BackAndForthTwentyTimesLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  for (int i = 0; i < 2 * round_trips; ++i) {
    const lab::AutoctlDaemon* before = cluster().primary();
    ASSERT_NE(before, nullptr);
    ASSERT_TRUE(ok(cluster().switchover(Millis(60'000)))) << "switchover " << i + 1;
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_NE(cluster().primary(), before) << "switchover " << i + 1;
    ASSERT_TRUE(load.progresses(50, Millis(10'000))) << "after switchover " << i + 1;
  }
  load.stop();
  load.verify();
}

/// Of three nodes the last takes no part in the quorum: commits never wait for it.
class HandOver : public ClusterTest {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    lab::LocalCluster::Place outside;
    outside.words = {"--replication-quorum", "false"};
    ASSERT_NO_FATAL_FAILURE(start_cluster(3, {{}, {}, {}, outside}));
  }
  Finished promote(const std::string& name) {
    return autoctl({"perform", "promotion", "--name", name, "--pgdata", cluster().monitor().pgdata()}, Millis(60'000));
  }
  /// At once: what cannot be is not waited for.
  void expect_refused(const std::string& name, const std::string& why) {
    const auto start = std::chrono::steady_clock::now();
    const auto done = promote(name);
    EXPECT_EQ(done.exit_code, 4) << done.output;
    EXPECT_NE(done.output.find(why), std::string::npos) << done.output;
    EXPECT_LT(std::chrono::steady_clock::now() - start, Millis(2'000)) << done.output;
  }
};

TEST_F(HandOver, ToAStandbyOutsideOfTheQuorumLosesNothing) {
  ASSERT_EQ(cluster().primary()->name(), "node_1");
  EXPECT_EQ(query(primary(), "select sync_state from pg_stat_replication where application_name like '%3'"),
            std::vector<std::string>{"async"});
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  for (const char* next : {"node_3", "node_2", "node_3", "node_1"}) {
    SCOPED_TRACE(next);
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    const auto done = promote(next);
    ASSERT_EQ(done.exit_code, 0) << done.output;
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_EQ(cluster().primary()->name(), next);
  }
  load.stop();
  load.verify();
}

TEST_F(HandOver, ThatCannotBeIsRefusedAtOnce) {
  const auto priority =
      autoctl({"set", "node", "candidate-priority", "0", "--name", "node_2", "--pgdata", cluster().monitor().pgdata()});
  ASSERT_EQ(priority.exit_code, 0) << priority.output;
  expect_refused("node_2", "has candidate priority 0");
  expect_refused("node_1", "is the primary already");
  cluster().find("node_3")->signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
    const auto state = cluster().state();
    return state && std::ranges::any_of(state->nodes, [](const auto& node) { return node.health == "dead"; });
  }));
  expect_refused("node_3", "node_3");
  EXPECT_EQ(cluster().primary()->name(), "node_1");
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

}  // namespace
}  // namespace autoctl::test
