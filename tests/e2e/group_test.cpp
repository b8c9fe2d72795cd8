// Groups of three and four nodes: who takes over, and that everybody else follows.
#include <signal.h>

#include <algorithm>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class GroupOf : public ClusterTest, public testing::WithParamInterface<int> {
 protected:
  int nodes() const { return GetParam(); }
  std::string standby_names() {
    const auto finished = autoctl({"show", "standby-names", "--pgdata", cluster().monitor().pgdata()});
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    return finished.output;
  }
  demo::Agent& primary() {
    demo::Agent* node = cluster().primary();
    EXPECT_NE(node, nullptr);
    return node != nullptr ? *node : *cluster().nodes().front();
  }
  /// Everybody but the primary streams from it, and it waits for all of them.
  void expect_whole() {
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    const auto everybody =
        "select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'";
    EXPECT_TRUE(demo::eventually(Millis(20'000), [&] {
      return query(primary(), everybody) == std::vector<std::string>{std::to_string(nodes() - 1)};
    })) << standby_names();
  }
};

TEST_P(GroupOf, PrimaryDiesAndTheOthersFollowTheWinner) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(nodes()));
  ASSERT_NO_FATAL_FAILURE(expect_whole());
  const std::string names = standby_names();
  EXPECT_TRUE(names.starts_with("'ANY 1 (autoctl_standby_2, autoctl_standby_3")) << names;

  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  for (int round = 1; round <= 3; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_TRUE(load.progresses(100, Millis(20'000)));
    demo::Agent& victim = primary();
    victim.signal_node(SIGKILL);
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    EXPECT_TRUE(demo::eventually(Millis(20'000), [&] {
      const auto* now = cluster().primary();
      return now != nullptr && now != &victim;
    }));
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_whole());
  }
  load.stop();
  load.verify();
}

TEST_P(GroupOf, SwitchoversMoveThePrimaryAndNobodyIsCopied) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(nodes()));
  ASSERT_NO_FATAL_FAILURE(expect_whole());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  for (int round = 1; round <= 4; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    const demo::Agent* before = cluster().primary();
    ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
    ASSERT_NO_FATAL_FAILURE(expect_whole());
    EXPECT_NE(cluster().primary(), before);
  }
  load.stop();
  load.verify();
}

/// With two standbys in the quorum, the primary and one of them may go: the other has every acknowledged commit.
TEST_P(GroupOf, PrimaryDiesAfterAStandbyDid) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(nodes()));
  ASSERT_NO_FATAL_FAILURE(expect_whole());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  cluster().standby()->signal_node(SIGKILL);
  ASSERT_TRUE(load.progresses(200, Millis(20'000)));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_whole());
  primary().signal_node(SIGKILL);
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_whole());
  load.stop();
  load.verify();
}

INSTANTIATE_TEST_SUITE_P(Nodes, GroupOf, testing::Values(3, 4), testing::PrintToStringParamName());

}  // namespace
}  // namespace autoctl::test
