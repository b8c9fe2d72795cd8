// Nodes go out of service and come back while an application writes.
#include <signal.h>

#include <algorithm>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class Maintenance : public ClusterTest {
 protected:
  Finished maintenance(const std::string& verb, const lab::AutoctlDaemon& node,
                       const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {verb, "maintenance", "--pgdata", node.pgdata()};
    words.insert(words.end(), more.begin(), more.end());
    return autoctl(words, Millis(90'000));
  }
  void enable(const lab::AutoctlDaemon& node, const std::vector<std::string>& more = {}) {
    const auto finished = maintenance("enable", node, more);
    ASSERT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_EQ(reported(node), NodeState::maintenance);
  }
  void disable(const lab::AutoctlDaemon& node) {
    const auto finished = maintenance("disable", node);
    ASSERT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_EQ(reported(node), NodeState::secondary);
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
  protocol::NodeDocument seen(const lab::AutoctlDaemon& node) {
    const auto state = cluster().state();
    if (!state) return {};
    const auto found = std::ranges::find(state->nodes, node.name(), &protocol::NodeDocument::name);
    return found == state->nodes.end() ? protocol::NodeDocument{} : *found;
  }
  NodeState reported(const lab::AutoctlDaemon& node) { return seen(node).reported; }
  NodeState assigned(const lab::AutoctlDaemon& node) { return seen(node).assigned; }
  void pg_ctl(const lab::AutoctlDaemon& node, const std::string& what) {
    const auto done = shell("\"$(pg_config --bindir 2>/dev/null || echo /usr/lib/postgresql/15/bin)\"/pg_ctl -w -D " +
                            node.pgdata() + " " + what);
    ASSERT_EQ(done.exit_code, 0) << done.output;
  }
  void start_by_hand(const lab::AutoctlDaemon& node) { pg_ctl(node, "-l " + node.pgdata() + ".by_hand.log start"); }
};

TEST_F(Maintenance, AStandbyIsTheOperatorsAndComesBack) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& node = standby();
  const auto running = node.postmaster();
  ASSERT_NO_FATAL_FAILURE(enable(node));
  EXPECT_EQ(node.postmaster(), running) << "its Postgres goes on";
  const auto again = maintenance("enable", node);
  EXPECT_NE(again.exit_code, 0);
  EXPECT_NE(again.output.find("in maintenance already"), std::string::npos) << again.output;

  ASSERT_NO_FATAL_FAILURE(pg_ctl(node, "-m fast stop"));
  ASSERT_TRUE(load.progresses(300, Millis(20'000))) << "nobody waits for it";
  EXPECT_FALSE(node.postmaster()) << "nobody starts it";
  node.signal_daemon(SIGKILL);
  ASSERT_TRUE(ok(node.run()));
  ASSERT_TRUE(load.progresses(300, Millis(20'000)));
  EXPECT_FALSE(node.postmaster()) << "nor does a keeper that starts";
  cluster().monitor().signal_node(SIGKILL);
  ASSERT_TRUE(ok(cluster().monitor().run()));
  ASSERT_TRUE(load.progresses(300, Millis(20'000)));
  EXPECT_FALSE(node.postmaster());

  ASSERT_NO_FATAL_FAILURE(start_by_hand(node));
  EXPECT_EQ(query(node, "select pg_is_in_recovery()"), std::vector<std::string>{"t"});
  ASSERT_NO_FATAL_FAILURE(pg_ctl(node, "-m immediate stop"));
  ASSERT_NO_FATAL_FAILURE(disable(node));
  EXPECT_NE(maintenance("disable", node).exit_code, 0) << "it is no longer in maintenance";
  load.stop();
  load.verify();
}

TEST_F(Maintenance, ThePrimaryHandsOverFirst) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& node = primary();
  const auto refused = maintenance("enable", node);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.output.find("--allow-failover"), std::string::npos) << refused.output;
  EXPECT_EQ(&primary(), &node);

  ASSERT_NO_FATAL_FAILURE(enable(node, {"--allow-failover"}));
  EXPECT_NE(&primary(), &node);
  ASSERT_TRUE(load.progresses(200, Millis(20'000)));
  const auto alone = maintenance("enable", primary(), {"--allow-failover"});
  EXPECT_NE(alone.exit_code, 0) << "nobody can take over";
  EXPECT_NE(alone.output.find("no standby can take over"), std::string::npos) << alone.output;

  // However the operator starts it, it is a standby of the new primary, whether it had joined that before or not.
  if (node.postmaster()) {
    ASSERT_NO_FATAL_FAILURE(pg_ctl(node, "-m fast stop"));
  }
  ASSERT_NO_FATAL_FAILURE(start_by_hand(node));
  EXPECT_EQ(query(node, "select pg_is_in_recovery()"), std::vector<std::string>{"t"});
  ASSERT_TRUE(load.progresses(200, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(disable(node));
  load.stop();
  load.verify();
}

/// What the operator must not do: the node was opened for writes while another one is the primary.
TEST_F(Maintenance, ASecondPrimaryIsStopped) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  lab::AutoctlDaemon& node = standby();
  ASSERT_NO_FATAL_FAILURE(enable(node));
  query(node, "select pg_promote()");
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return !node.postmaster(); }));
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
    return autoctl({"show", "state", "--pgdata", cluster().monitor().pgdata()}).output.find("opened for writes") !=
           std::string::npos;
  }));
  ASSERT_NO_FATAL_FAILURE(disable(node));
}

/// With three nodes the two others go on as if nothing had happened, a failover included. The last one takes over, and
/// with number_sync_standbys = 1, as it is by itself, it waits for one of the two who are away.
TEST_F(Maintenance, OfThreeTwoGoOnAndTheLastOneWaits) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& node = *cluster().find("node_2");
  ASSERT_NO_FATAL_FAILURE(enable(node));
  EXPECT_EQ(reported(primary()), NodeState::primary) << "commits wait for the other standby";
  node.signal_node(SIGKILL);
  ASSERT_TRUE(load.progresses(100, Millis(20'000)));
  lab::AutoctlDaemon& last = standby();
  lab::AutoctlDaemon& victim = primary();
  victim.signal_node(SIGKILL);
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return assigned(last) == NodeState::wait_primary; }));
  EXPECT_FALSE(lab::eventually(Millis(5'000), [&] { return load.acknowledged_by(last, {}) > 0; }));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_TRUE(load.progresses(100, Millis(20'000)));
  EXPECT_GT(load.acknowledged_by(last, {}), 0U);
  EXPECT_EQ(reported(node), NodeState::maintenance);
  ASSERT_NO_FATAL_FAILURE(disable(node));
  load.stop();
  load.verify();
}

/// Where nobody has to stay available the last one goes on alone.
TEST_F(Maintenance, OfThreeTwoGoOnAndFailOver) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  const auto lowered =
      autoctl({"set", "formation", "number-sync-standbys", "0", "--pgdata", cluster().monitor().pgdata()});
  ASSERT_EQ(lowered.exit_code, 0) << lowered.output;
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& node = standby();
  ASSERT_NO_FATAL_FAILURE(enable(node));
  EXPECT_EQ(reported(primary()), NodeState::primary) << "commits wait for the other standby";
  node.signal_node(SIGKILL);
  ASSERT_TRUE(load.progresses(100, Millis(20'000)));
  lab::AutoctlDaemon& victim = primary();
  victim.signal_node(SIGKILL);
  ASSERT_TRUE(load.progresses(100, Millis(20'000)));
  ASSERT_TRUE(ok(cluster().heal()));
  EXPECT_TRUE(lab::eventually(Millis(60'000), [&] { return reported(victim) == NodeState::secondary; }));
  EXPECT_EQ(reported(node), NodeState::maintenance);
  ASSERT_NO_FATAL_FAILURE(disable(node));
  load.stop();
  load.verify();
}

}  // namespace
}  // namespace autoctl::test
