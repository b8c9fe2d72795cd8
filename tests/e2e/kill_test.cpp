// SIGKILL to each process of the system, at random moments, while an application writes.
#include <signal.h>

#include <iostream>
#include <random>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int rounds = 3;

class Kill : public ClusterTest {
 protected:
  /// Three times: writes go on, a random moment passes, `harm` is done, everything that does not run is started again.
  /// Writes must have come back before that start if `serves_meanwhile`.
  void kill_repeatedly(const std::function<void()>& harm, bool serves_meanwhile) {
    const unsigned seed = std::random_device{}();
    std::cout << "seed " << seed << "\n";
    std::mt19937 random(seed);
    ASSERT_NO_FATAL_FAILURE(start_cluster());
    Load load(cluster());
    ASSERT_NO_FATAL_FAILURE(load.start());
    for (int round = 1; round <= rounds; ++round) {
      SCOPED_TRACE("round " + std::to_string(round));
      ASSERT_TRUE(load.progresses(1 + random() % 100, Millis(10'000)));
      const auto start = std::chrono::steady_clock::now();
      harm();
      if (serves_meanwhile) {
        ASSERT_TRUE(load.progresses(20, Millis(20'000)));
      }
      ASSERT_TRUE(ok(cluster().heal()));
      ASSERT_NO_FATAL_FAILURE(expect_settled());
      ASSERT_TRUE(load.progresses(20, Millis(10'000)));
      std::cout << "write outage " << load.writer().outage(start, std::chrono::steady_clock::now()).count() << " ms\n";
    }
    load.stop();
    load.verify();
  }

  static pid_t postmaster_of(const lab::AutoctlDaemon& node) { return node.postmaster().value_or(-1); }
};

TEST_F(Kill, PostmasterOfThePrimary) {
  kill_repeatedly(
      [this] {
        lab::AutoctlDaemon& victim = primary();
        victim.signal_postmaster(SIGKILL);
        ASSERT_NO_FATAL_FAILURE(expect_settled());
        EXPECT_EQ(&primary(), &victim) << "a postmaster that died under a living keeper is restarted in place";
      },
      true);
}

TEST_F(Kill, PostmasterOfTheStandby) {
  kill_repeatedly([this] { standby().signal_postmaster(SIGKILL); }, true);
}

TEST_F(Kill, KeeperOfThePrimary) {
  kill_repeatedly(
      [this] {
        lab::AutoctlDaemon& victim = primary();
        const pid_t before = postmaster_of(victim);
        victim.signal_daemon(SIGKILL);
        EXPECT_EQ(postmaster_of(victim), before) << "Postgres lives on without its keeper";
      },
      true);
}

TEST_F(Kill, KeeperOfTheStandby) {
  kill_repeatedly([this] { standby().signal_daemon(SIGKILL); }, true);
}

TEST_F(Kill, WholePrimary) {
  kill_repeatedly([this] { primary().signal_node(SIGKILL); }, true);
}

TEST_F(Kill, WholeStandby) {
  kill_repeatedly([this] { standby().signal_node(SIGKILL); }, true);
}

TEST_F(Kill, MonitorDaemon) {
  kill_repeatedly([this] { cluster().monitor().signal_daemon(SIGKILL); }, true);
}

TEST_F(Kill, PostgresOfTheMonitor) {
  kill_repeatedly([this] { cluster().monitor().signal_postmaster(SIGKILL); }, true);
}

TEST_F(Kill, WholeMonitorAndThePrimaryWhileItIsAway) {
  kill_repeatedly(
      [this] {
        lab::AutoctlDaemon& victim = primary();
        cluster().monitor().signal_node(SIGKILL);
        victim.signal_node(SIGKILL);
      },
      false);
}

TEST_F(Kill, StandbyFindsItsPrimaryWhileTheMonitorIsAway) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  lab::AutoctlDaemon& victim = standby();
  cluster().monitor().signal_node(SIGKILL);
  victim.signal_node(SIGKILL);
  ASSERT_TRUE(ok(victim.thaw_or_run()));
  EXPECT_TRUE(load.progresses(20, Millis(20'000)))
      << "commits wait for this standby, and nobody is there to change that";
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
}

TEST_F(Kill, EverythingAtOnce) {
  kill_repeatedly(
      [this] {
        cluster().monitor().signal_node(SIGKILL);
        for (const auto& node : cluster().nodes()) node->signal_node(SIGKILL);
      },
      false);
}

TEST_F(Kill, EverythingIsStoppedAndStartedAgain) {
  kill_repeatedly(
      [this] {
        for (const auto& node : cluster().nodes()) EXPECT_TRUE(node->stop(Millis(30'000))) << node->name();
        EXPECT_TRUE(cluster().monitor().stop(Millis(30'000)));
      },
      false);
}

}  // namespace
}  // namespace autoctl::test
