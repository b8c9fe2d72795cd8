// A monitor whose directory was restored from an old backup: its nodes know more than it, and it takes that from them.
#include <signal.h>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class RestoredMonitor : public ClusterTest {
 protected:
  void start(int nodes) {
    ASSERT_NO_FATAL_FAILURE(start_cluster(nodes));
    load_.emplace(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
  }
  void stop_monitor() { ASSERT_TRUE(cluster().monitor().stop(Millis(20'000))); }
  void run_monitor() {
    ASSERT_TRUE(ok(cluster().monitor().run()));
    ASSERT_TRUE(lab::eventually(Millis(30'000), [this] { return cluster().state().has_value(); }));
  }
  void back_up() {
    ASSERT_NO_FATAL_FAILURE(stop_monitor());
    ASSERT_TRUE(shell("mkdir backup && cp -a monitor monitor.autoctl backup/").ok());
    ASSERT_NO_FATAL_FAILURE(run_monitor());
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
  void restore() {
    ASSERT_NO_FATAL_FAILURE(stop_monitor());
    ASSERT_TRUE(shell("rm -rf monitor monitor.autoctl && cp -a backup/. .").ok());
    ASSERT_NO_FATAL_FAILURE(run_monitor());
  }
  void switch_over() {
    ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
  bool happened(const std::string& words) {
    const auto events =
        autoctl({"show", "events", "--json", "--count", "200", "--pgdata", cluster().monitor().pgdata()});
    return events.output.find(words) != std::string::npos;
  }

  std::optional<Load> load_;
};

TEST_F(RestoredMonitor, TakesItsStateFromTheNodesAndMovesThePrimaryAgain) {
  ASSERT_NO_FATAL_FAILURE(start(2));
  ASSERT_NO_FATAL_FAILURE(back_up());
  for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(switch_over());
  const lab::AutoctlDaemon* before = cluster().primary();
  ASSERT_NO_FATAL_FAILURE(restore());
  ASSERT_TRUE(lab::eventually(Millis(20'000), [this] { return happened("it was restored from a backup"); }));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(cluster().primary(), before) << "the primary stays the primary";
  ASSERT_TRUE(load_->progresses(50, Millis(10'000)));

  ASSERT_NO_FATAL_FAILURE(switch_over());
  EXPECT_NE(cluster().primary(), before);
  lab::AutoctlDaemon& lost = primary();
  lost.signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
    const lab::AutoctlDaemon* now = cluster().primary();
    return now != nullptr && now != &lost;
  }));
  ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
  ASSERT_TRUE(ok(lost.run()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load_->stop();
  load_->verify();
}

/// Nothing was decided since the backup: the keepers have newer links of their chains, and are no twins.
TEST_F(RestoredMonitor, KnowsItsNodesWhereNothingWasDecidedMeanwhile) {
  ASSERT_NO_FATAL_FAILURE(start(2));
  ASSERT_NO_FATAL_FAILURE(back_up());
  ASSERT_TRUE(load_->progresses(300, Millis(30'000)));
  ASSERT_NO_FATAL_FAILURE(restore());
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_FALSE(happened("another keeper"));
  ASSERT_NO_FATAL_FAILURE(switch_over());
  load_->stop();
  load_->verify();
}

/// A standby joined after the backup, and its id is not given to another node.
TEST_F(RestoredMonitor, AwaitsANodeThatJoinedAfterTheBackup) {
  ASSERT_NO_FATAL_FAILURE(start(2));
  ASSERT_NO_FATAL_FAILURE(back_up());
  ASSERT_TRUE(ok(cluster().create_node("node_3", {})));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(restore());
  const auto awaited = [this] {
    const auto state = cluster().state();
    return state && !state->groups.empty() && state->groups[0].waiting_for.find("node_3") != std::string::npos;
  };
  ASSERT_TRUE(lab::eventually(Millis(20'000), awaited));
  ASSERT_TRUE(load_->progresses(50, Millis(10'000)));
  const auto enabled =
      autoctl({"enable", "monitor", "--pgdata", cluster().find("node_3")->pgdata(), cluster().monitor_uri()});
  ASSERT_EQ(enabled.exit_code, 0) << enabled.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(switch_over());
  load_->stop();
  load_->verify();
}

}  // namespace
}  // namespace autoctl::test
