// Failovers by hand only, in a whole formation or in some of its groups: the primary dies, nobody is elected until an
// operator says so, and planned switchovers work as always.
#include <signal.h>

#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

constexpr Millis verdict{20'000};

class ManualFailover : public CitusTest {
 protected:
  /// Its death is seen, and what would follow from it is told. From here on only an operator makes a difference.
  void lose(lab::AutoctlDaemon& victim) {
    victim.signal_node(SIGKILL);
    ASSERT_TRUE(is_said({"show", "events", "--count", "50"},
                        "failovers are manual here: would fail over now because " + victim.name() + " is dead"));
    EXPECT_TRUE(is_said({"show", "state"}, "failovers are manual here: `autoctl perform failover` begins one"));
  }
  /// Asks for it where the primary is dead, and so will not follow.
  void fail_over(const std::vector<std::string>& options = {}) {
    std::vector<std::string> words = {"perform", "failover", "--no-wait"};
    words.insert(words.end(), options.begin(), options.end());
    ASSERT_NO_FATAL_FAILURE(say(words));
  }
};

TEST_F(ManualFailover, OfAFormationBeginsWhenAnOperatorSaysSo) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "manual-failover", "all"}));
  ASSERT_NO_FATAL_FAILURE(say({"perform", "switchover"}));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_EQ(&primary(0), cluster().find("node_2")) << "what an operator asks for is done";
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));

  lab::AutoctlDaemon& victim = primary(0);
  ASSERT_NO_FATAL_FAILURE(lose(victim));
  EXPECT_EQ(cluster().standby(), cluster().find("node_1")) << "it has not been promoted";
  cluster().monitor().signal_node(SIGKILL);
  ASSERT_TRUE(ok(cluster().monitor().run()));
  ASSERT_TRUE(is_said({"show", "state"}, "failovers are manual here")) << "also after a restart of the monitor";
  EXPECT_EQ(cluster().standby(), cluster().find("node_1"));

  ASSERT_NO_FATAL_FAILURE(fail_over());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  EXPECT_EQ(&primary(0), cluster().find("node_1"));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());

  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "manual-failover", "none"}));
  primary(0).signal_node(SIGKILL);
  ASSERT_TRUE(load.progresses(50, Millis(20'000))) << "by itself again";
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
}

/// The operator need not say anything twice: the primary that comes back is the primary.
TEST_F(ManualFailover, APrimaryThatReturnsStaysThePrimary) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "manual-failover", "0"}));
  lab::AutoctlDaemon& victim = primary(0);
  ASSERT_NO_FATAL_FAILURE(lose(victim));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(&primary(0), &victim);
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  load.stop();
  load.verify();
}

TEST_F(ManualFailover, OfOneGroupLeavesTheOthersToThemselves) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1));
  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "manual-failover", "1"}));
  lab::AutoctlDaemon& coordinator_before = primary(0);
  coordinator_before.signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(verdict, [&] {
    const auto* now = cluster().primary(0);
    return now != nullptr && now != &coordinator_before;
  })) << "the coordinator's group fails over by itself";
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());

  lab::AutoctlDaemon& worker_before = primary(1);
  const lab::AutoctlDaemon* const standby_before = cluster().standby(1);
  ASSERT_NO_FATAL_FAILURE(lose(worker_before));
  EXPECT_EQ(cluster().standby(1), standby_before) << "it has not been promoted";
  ASSERT_NO_FATAL_FAILURE(fail_over({"--group", "1"}));
  EXPECT_TRUE(lab::eventually(verdict, [&] { return cluster().primary(1) == standby_before; }));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows());
}

}  // namespace
}  // namespace autoctl::test
