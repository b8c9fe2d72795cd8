// The primary and a standby that may have the last commits are gone: nobody is elected, and it is said why. An operator
// can give up what only they have.
#include <signal.h>

#include <nlohmann/json.hpp>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int refused = 4;  // docs/exit-codes.md: conflict

class ForcedFailover : public ClusterTest {
 protected:
  std::string said(const std::vector<std::string>& words) { return at_monitor(words).output; }
  /// node_2 gets nothing of what is acknowledged from now on, until the primary and node_3 are dead.
  void lose_all_but_one_that_lags(const Load& load) {
    const auto receiver = query(*cluster().find("node_2"), "select pid from pg_stat_wal_receiver");
    ASSERT_EQ(receiver.size(), 1U);
    const pid_t pid = std::stoi(receiver.front());
    ASSERT_EQ(::kill(pid, SIGSTOP), 0);
    EXPECT_TRUE(load.progresses(20, Millis(2'000))) << "node_3 acknowledges";
    cluster().find("node_3")->signal_node(SIGKILL);
    cluster().find("node_1")->signal_node(SIGKILL);
    ASSERT_EQ(::kill(pid, SIGKILL), 0) << "what waits in its socket goes with it";
  }
};

TEST_F(ForcedFailover, GivesUpWhatOnlyMissingNodesHave) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  ASSERT_EQ(cluster().primary(), cluster().find("node_1"));
  const std::string missing = "node_3 (dead) is missing from the quorum";
  const auto needless = at_monitor({"perform", "failover", "--allow-data-loss"});
  EXPECT_EQ(needless.exit_code, refused) << needless.output;
  EXPECT_NE(needless.output.find("nothing has to be lost"), std::string::npos) << needless.output;

  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(lose_all_but_one_that_lags(load));
  EXPECT_TRUE(is_said({"show", "state"}, "no standby can be elected: " + missing)) << said({"show", "state"});
  EXPECT_TRUE(is_said({"show", "events", "--json"}, "no standby can be elected: " + missing));
  EXPECT_TRUE(is_said({"explain"}, "no standby could be elected: " + missing)) << said({"explain"});
  EXPECT_EQ(at_monitor({"perform", "failover"}).exit_code, refused);
  EXPECT_EQ(cluster().find("node_2"), cluster().standby()) << "it has not been promoted";

  const auto forced = at_monitor({"perform", "failover", "--allow-data-loss"});
  EXPECT_EQ(forced.exit_code, 0) << forced.output;
  ASSERT_EQ(cluster().primary(), cluster().find("node_2"));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  const std::string events = said({"show", "events", "--json", "--count", "100"});
  EXPECT_NE(events.find("an operator asks for a failover and accepts that commits may be lost"), std::string::npos);
  EXPECT_NE(events.find("an operator accepts that commits may be lost: node_2 takes over at "), std::string::npos);
  EXPECT_NE(events.find("failover_forced"), std::string::npos) << events;

  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  load.stop();
  const auto lost = load.writer().lost(cluster().read_write());
  ASSERT_TRUE(ok(lost));
  EXPECT_GE(lost->size(), 20U) << "they were acknowledged by node_3 alone";
}

}  // namespace
}  // namespace autoctl::test
