// Nodes that are dropped: gone for good, whatever they were and whatever they still believe.
#include <signal.h>

#include <algorithm>
#include <filesystem>

#include "common/postgres/tools.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

namespace fs = std::filesystem;

class DropNode : public ClusterTest {
 protected:
  Finished drop(const std::vector<std::string>& words) {
    std::vector<std::string> all = {"drop", "node", "--pgdata", cluster().monitor().pgdata()};
    all.insert(all.end(), words.begin(), words.end());
    return autoctl(all);
  }
  bool is_listed(const std::string& name) {
    const auto state = cluster().state();
    EXPECT_TRUE(ok(state));
    return state && std::ranges::any_of(state->nodes, [&](const auto& node) { return node.name == name; });
  }
  /// Of those that are listed; the cluster also counts those that it has made.
  void expect_rest() {
    EXPECT_TRUE(lab::eventually(Millis(60'000), [this] {
      const auto state = cluster().state();
      return state && lab::is_settled(*state);
    }));
  }
  /// It wakes up, hears that it was dropped, and stops for good.
  void expect_stopped(lab::AutoctlDaemon& node) {
    node.signal_daemon(SIGCONT);
    EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return !node.postmaster(); })) << node.log_tail(20);
    EXPECT_TRUE(lab::eventually(Millis(5'000), [&] {
      return node.log_tail(50).find("Reached dropped") != std::string::npos;
    })) << node.log_tail(20);
    EXPECT_EQ(node.await_exit_code(Millis(10'000)), 14) << node.log_tail(20);
  }
  void expect_dropped_and_well(lab::AutoctlDaemon& node, Load& load) {
    EXPECT_FALSE(is_listed(node.name()));
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    ASSERT_NO_FATAL_FAILURE(expect_stopped(node));
    expect_rest();
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    load.stop();
    load.verify();
  }
};

/// Its Postgres streams on, so that nobody can say that it is dead.
TEST_F(DropNode, StandbyThatCannotBeHeardNeedsForce) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& node = *cluster().find("node_3");
  node.signal_daemon(SIGSTOP);
  const auto patient = drop({"--name", "node_3", "--wait", "8"});
  EXPECT_EQ(patient.exit_code, 6) << patient.output;
  EXPECT_NE(patient.output.find("autoctl drop node --force"), std::string::npos) << patient.output;
  EXPECT_TRUE(is_listed("node_3"));
  const auto forced = drop({"--hostname", "127.0.0.1", "--pgport", std::to_string(node.pgport()), "--force"});
  EXPECT_TRUE(forced.ok()) << forced.output;
  ASSERT_NO_FATAL_FAILURE(expect_dropped_and_well(node, load));
}

/// Dropped from elsewhere, as a standby and as the primary: the keeper says so, and ends with the code that keeps
/// systemd from starting it again.
TEST_F(DropNode, EndsTheKeeper) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  for (const char* name : {"node_3", "node_1"}) {
    SCOPED_TRACE(name);
    lab::AutoctlDaemon& node = *cluster().find(name);
    const auto dropped = drop({"--name", name});
    EXPECT_TRUE(dropped.ok()) << dropped.output;
    EXPECT_EQ(node.await_exit_code(Millis(10'000)), 14) << node.log_tail(20);
    EXPECT_FALSE(node.postmaster());
    EXPECT_NE(node.log_tail(20).find("dropped and has stopped"), std::string::npos) << node.log_tail(20);
    EXPECT_EQ(autoctl({"run", "--pgdata", node.pgdata()}).exit_code, 14);
  }
  expect_rest();
}

/// The monitor goes away between its word and the node's: the node does not wait for it for ever.
TEST_F(DropNode, EndsTheKeeperAlsoWhereTheMonitorIsGone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  lab::AutoctlDaemon& node = *cluster().find("node_2");
  node.signal_postmaster(SIGSTOP);  // so that its stop takes a while
  EXPECT_EQ(drop({"--name", "node_2", "--wait", "0"}).exit_code, 0);
  ASSERT_TRUE(lab::eventually(Millis(10'000), [&] {
    return node.log_tail(50).find("Goal: dropped") != std::string::npos;
  })) << node.log_tail(20);
  cluster().monitor().signal_node(SIGKILL);
  EXPECT_EQ(node.await_exit_code(Millis(60'000)), 14) << node.log_tail(20);
  EXPECT_FALSE(node.postmaster());
}

/// A standby takes over, and what wakes up later acknowledges nothing.
TEST_F(DropNode, PrimaryThatIsForcedOutNeverWritesAgain) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& node = *cluster().find("node_1");
  ASSERT_EQ(cluster().primary(), &node);
  node.signal_node(SIGSTOP);
  const auto forced = drop({"--name", "node_1", "--force"});
  EXPECT_TRUE(forced.ok()) << forced.output;
  ASSERT_TRUE(load.progresses(50, Millis(30'000)));
  node.signal_node(SIGCONT);
  ASSERT_NO_FATAL_FAILURE(expect_dropped_and_well(node, load));
}

/// Its keeper was killed and left Postgres running: that is stopped before anything is removed.
TEST_F(DropNode, DestroyRemovesTheDataOfANodeWhoseKeeperIsGone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  lab::AutoctlDaemon& node = *cluster().find("node_3");
  node.signal_daemon(SIGKILL);
  const auto postmaster = node.postmaster();
  ASSERT_TRUE(postmaster);
  const auto dropped = autoctl({"drop", "node", "--pgdata", node.pgdata(), "--destroy"});
  EXPECT_TRUE(dropped.ok()) << dropped.output;
  EXPECT_NE(::kill(*postmaster, 0), 0);
  EXPECT_FALSE(fs::exists(node.pgdata()));
  EXPECT_FALSE(fs::exists(node.files().directory));
  EXPECT_FALSE(is_listed("node_3")) << "it said farewell";
  expect_rest();
  EXPECT_TRUE(lab::eventually(Millis(10'000), [this] {
    return query(*cluster().find("node_1"), "select count(*) from pg_replication_slots").at(0) == "1";
  }));
  const auto again = autoctl({"drop", "node", "--pgdata", node.pgdata(), "--destroy"});
  EXPECT_NE(again.exit_code, 0) << "nothing says that this directory was ours";
}

/// The monitor is away: nothing is removed, unless the operator insists.
TEST_F(DropNode, WithoutItsMonitorNeedsForce) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  lab::AutoctlDaemon& node = *cluster().find("node_2");
  cluster().monitor().signal_node(SIGKILL);
  const auto refused = autoctl({"drop", "node", "--pgdata", node.pgdata(), "--destroy"});
  EXPECT_EQ(refused.exit_code, 5) << refused.output;
  EXPECT_NE(refused.output.find("--force"), std::string::npos) << refused.output;
  EXPECT_TRUE(fs::exists(node.pgdata() + "/PG_VERSION"));
  const auto forced = autoctl({"drop", "node", "--pgdata", node.pgdata(), "--destroy", "--force"});
  EXPECT_TRUE(forced.ok()) << forced.output;
  EXPECT_FALSE(fs::exists(node.pgdata()));
  ASSERT_TRUE(ok(cluster().monitor().run()));
  ASSERT_TRUE(lab::eventually(Millis(20'000), [this] {
    return autoctl({"show", "state", "--pgdata", cluster().monitor().pgdata()}).ok();
  }));
  const auto gone = drop({"--name", "node_2"});
  EXPECT_TRUE(gone.ok()) << gone.output;
  EXPECT_FALSE(is_listed("node_2"));
}

/// Whatever starts it, it takes no writes: autoctl refuses, with the monitor away too, and Postgres comes up read-only.
TEST_F(DropNode, DroppedPrimaryCannotBeStartedByAccident) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  lab::AutoctlDaemon& node = *cluster().find("node_1");
  ASSERT_EQ(cluster().primary(), &node);
  const auto dropped = drop({"--name", "node_1"});
  ASSERT_TRUE(dropped.ok()) << dropped.output;
  expect_rest();
  ASSERT_TRUE(node.stop(Millis(20'000)));
  cluster().monitor().signal_node(SIGKILL);
  const auto run = autoctl({"run", "--pgdata", node.pgdata()});
  EXPECT_EQ(run.exit_code, 14) << run.output;
  EXPECT_NE(run.output.find("node_1 (node 1) was dropped"), std::string::npos) << run.output;
  EXPECT_NE(run.output.find("autoctl drop node"), std::string::npos) << run.output;
  const auto tools = postgres::find_tools("");
  ASSERT_TRUE(ok(tools));
  const std::string pg_ctl = tools->path("pg_ctl") + " -w -D " + node.pgdata();
  const auto by_hand = shell(pg_ctl + " start -l " + directory() + "/by_hand.log");
  ASSERT_TRUE(by_hand.ok()) << by_hand.output;
  EXPECT_EQ(query(node, "select pg_is_in_recovery()").at(0), "t");
  EXPECT_TRUE(shell(pg_ctl + " stop -m fast").ok());

  ASSERT_TRUE(ok(cluster().monitor().run()));
  const auto forgotten = autoctl({"drop", "node", "--pgdata", node.pgdata(), "--force"});
  EXPECT_TRUE(forgotten.ok()) << forgotten.output;
  EXPECT_TRUE(fs::exists(node.pgdata() + "/PG_VERSION"));
}

/// It has what nobody else has, and would go on taking writes.
TEST_F(DropNode, PrimaryThatWaitsForNobodyNeedsTheOperatorsWord) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  lab::AutoctlDaemon& node = *cluster().find("node_1");
  ASSERT_EQ(cluster().primary(), &node);
  cluster().find("node_2")->signal_node(SIGKILL);
  const auto is_alone = [&] {
    const auto state = cluster().state();
    return state && std::ranges::any_of(state->nodes, [](const auto& each) {
             return each.name == "node_1" && each.reported == NodeState::wait_primary;
           });
  };
  ASSERT_TRUE(lab::eventually(Millis(30'000), is_alone));
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--name", "node_1"}, {"--name", "node_1", "--force"}}) {
    const auto refused = drop(words);
    EXPECT_EQ(refused.exit_code, 4) << refused.output;
    EXPECT_NE(refused.output.find("--allow-data-loss"), std::string::npos) << refused.output;
  }
  EXPECT_TRUE(is_alone()) << "nothing has changed";
  node.signal_daemon(SIGSTOP);
  EXPECT_TRUE(lab::eventually(Millis(30'000), [&] {
    const auto refused = drop({"--name", "node_1", "--force"});
    return refused.exit_code == 4 && refused.output.find("goes on taking writes") != std::string::npos;
  }));
  const auto dropped = drop({"--name", "node_1", "--force", "--allow-data-loss"});
  EXPECT_TRUE(dropped.ok()) << dropped.output;
  EXPECT_FALSE(is_listed("node_1"));
  ASSERT_NO_FATAL_FAILURE(expect_stopped(node));
}

}  // namespace
}  // namespace autoctl::test
