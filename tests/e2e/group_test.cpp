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
  /// Everybody but the primary streams from it, and it waits for all of them.
  void expect_whole() {
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    const auto everybody =
        "select count(*) from pg_stat_replication where state = 'streaming' and sync_state = 'quorum'";
    EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
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
    lab::AutoctlDaemon& victim = primary();
    victim.signal_node(SIGKILL);
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
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
    const lab::AutoctlDaemon* before = cluster().primary();
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

class SettingsOfNodes : public ClusterTest {
 protected:
  std::string said(const std::vector<std::string>& words) {
    auto line = words;
    line.insert(line.end(), {"--pgdata", cluster().monitor().pgdata()});
    const auto finished = autoctl(line);
    EXPECT_EQ(finished.exit_code, 0) << finished.output;
    return finished.output;
  }
  void expect_refused(const std::vector<std::string>& words) {
    auto line = words;
    line.insert(line.end(), {"--pgdata", cluster().monitor().pgdata()});
    const auto finished = autoctl(line);
    EXPECT_NE(finished.exit_code, 0) << finished.output;
  }
};

TEST_F(SettingsOfNodes, SteerTheQuorumAndTheElection) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  EXPECT_EQ(said({"get", "formation", "number-sync-standbys"}), "1\n");
  EXPECT_EQ(said({"get", "node", "candidate-priority", "--name", "node_3"}), "50\n");
  expect_refused({"set", "formation", "number-sync-standbys", "2"});
  expect_refused({"set", "node", "replication-quorum", "false", "--name", "node_2"});
  expect_refused({"set", "node", "candidate-priority", "101", "--name", "node_3"});

  said({"set", "formation", "number-sync-standbys", "0"});
  EXPECT_EQ(said({"set", "node", "replication-quorum", "false", "--name", "node_2"}), "false\n");
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
    return said({"show", "standby-names"}) == "'ANY 1 (autoctl_standby_3)'\n";
  }));
  EXPECT_EQ(said({"set", "node", "replication-quorum", "true", "--name", "node_2"}), "true\n");
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
    return said({"show", "standby-names"}) == "'ANY 1 (autoctl_standby_2, autoctl_standby_3)'\n";
  }));

  EXPECT_EQ(said({"set", "node", "candidate-priority", "100", "--name", "node_3"}), "100\n");
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  cluster().primary()->signal_node(SIGKILL);
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NE(cluster().primary(), nullptr);
  EXPECT_EQ(cluster().primary()->name(), "node_3") << "it has the highest priority";
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
}

INSTANTIATE_TEST_SUITE_P(Nodes, GroupOf, testing::Values(3, 4), testing::PrintToStringParamName());

}  // namespace
}  // namespace autoctl::test
