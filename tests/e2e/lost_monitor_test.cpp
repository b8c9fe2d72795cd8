// The monitor's node is gone for good, or is to be another one: the nodes go to a new monitor, and nobody notices.
#include <signal.h>

#include "common/postgres/tools.h"
#include "support/citus_cluster.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* started_at = "SELECT pg_postmaster_start_time()::text";

class LostMonitor : public ClusterTest {
 protected:
  /// Two nodes that differ from what is made by default, and clients that write.
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(ClusterTest::SetUp());
    lab::LocalCluster::Place second;
    second.words = {"--candidate-priority", "70"};
    ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, {}, second}));
    ASSERT_TRUE(
        autoctl({"set", "formation", "silence-timeout", "9000", "--pgdata", cluster().monitor().pgdata()}).ok());
    load_.emplace(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    start_ = Clock::now();
    before_ = what_is_known();
  }

  /// What must be the same under the new monitor.
  std::string what_is_known() {
    std::string text;
    const auto state = cluster().state();
    EXPECT_TRUE(ok(state));
    if (!state) return text;
    for (const auto& node : state->nodes)
      text += node.formation + " " + std::to_string(node.group) + " " + std::to_string(node.id.value) + " " +
              node.name + " " + std::string(to_string(node.reported)) + " " + std::string(to_string(node.assigned)) +
              " " + std::to_string(node.candidate_priority) + (node.replication_quorum ? " quorum" : "") +
              (node.electable ? " electable" : "") + "\n";
    const auto settings = cluster().api().settings("default", Millis(5'000));
    EXPECT_TRUE(ok(settings));
    if (settings)
      for (const auto& [name, value] : settings->values) text += name + " = " + value + "\n";
    for (const auto& node : cluster().nodes()) text += query(*node, started_at).at(0) + "\n";
    return text;
  }

  void enable(const std::string& name) {
    const auto done =
        autoctl({"enable", "monitor", "--pgdata", cluster().find(name)->pgdata(), cluster().monitor_uri()});
    ASSERT_TRUE(done.ok()) << done.output;
    ASSERT_TRUE(load_->progresses(20, Millis(10'000)));
  }
  void disable(const std::string& name) {
    const auto done = autoctl({"disable", "monitor", "--pgdata", cluster().find(name)->pgdata()});
    ASSERT_TRUE(done.ok()) << done.output;
    ASSERT_TRUE(load_->progresses(20, Millis(10'000)));
  }
  /// The one that the nodes know is `old_` from then on.
  void replace_monitor() {
    old_ = cluster().give_up_monitor();
    ASSERT_TRUE(shell("mkdir another").ok());
    ASSERT_TRUE(ok(cluster().create_monitor({.directory = directory() + "/another"})));
  }
  void lose_monitor() {
    cluster().monitor().destroy();
    ASSERT_TRUE(load_->progresses(20, Millis(10'000)));
    ASSERT_NO_FATAL_FAILURE(replace_monitor());
  }
  /// It knows both nodes, and neither listens.
  void expect_old_one_commands_nobody() {
    ASSERT_TRUE(lab::eventually(Millis(10'000), [this] {
      return autoctl({"show", "state", "--pgdata", old_->pgdata()}).ok();
    }));
    const auto refused = autoctl({"perform", "switchover", "--pgdata", old_->pgdata(), "--wait", "5"});
    EXPECT_FALSE(refused.ok()) << refused.output;
    const auto dropped = autoctl({"drop", "node", "--pgdata", old_->pgdata(), "--name", "node_1", "--wait", "2"});
    EXPECT_FALSE(dropped.ok()) << dropped.output;
    ASSERT_TRUE(load_->progresses(20, Millis(10'000)));
  }
  /// All is as it was, writers have felt nothing, and the new monitor fails over.
  void expect_as_before() {
    ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(10'000)));
    EXPECT_EQ(what_is_known(), before_);
    EXPECT_LT(load_->writer().outage(start_, Clock::now()), Millis(1'000));
    EXPECT_TRUE(load_->writer().failures(start_).empty()) << load_->writer().failures(start_).front().message;

    cluster().find("node_1")->signal_node(SIGKILL);
    EXPECT_TRUE(lab::eventually(Millis(20'000), [this] { return cluster().primary() == cluster().find("node_2"); }));
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    load_->stop();
    load_->verify();
  }

  void TearDown() override {
    ClusterTest::TearDown();
    if (old_) old_->destroy();
  }

  std::unique_ptr<lab::AutoctlDaemon> old_;
  std::optional<Load> load_;
  TimePoint start_;
  std::string before_;
};

TEST_F(LostMonitor, PrimaryGoesFirst) {
  ASSERT_NO_FATAL_FAILURE(lose_monitor());
  ASSERT_NO_FATAL_FAILURE(enable("node_1"));
  ASSERT_NO_FATAL_FAILURE(enable("node_2"));
  ASSERT_NO_FATAL_FAILURE(expect_as_before());
}

TEST_F(LostMonitor, StandbyGoesFirst) {
  ASSERT_NO_FATAL_FAILURE(lose_monitor());
  ASSERT_NO_FATAL_FAILURE(enable("node_2"));
  EXPECT_EQ(cluster().primary(), nullptr) << "the new monitor knows nothing of a primary";
  ASSERT_NO_FATAL_FAILURE(enable("node_1"));
  ASSERT_NO_FATAL_FAILURE(expect_as_before());
}

/// It was only frozen, and wakes up when it has been replaced.
TEST_F(LostMonitor, OldOneThatComesBackCommandsNobody) {
  cluster().monitor().signal_node(SIGSTOP);
  ASSERT_NO_FATAL_FAILURE(replace_monitor());
  ASSERT_NO_FATAL_FAILURE(enable("node_2"));
  ASSERT_NO_FATAL_FAILURE(enable("node_1"));
  old_->signal_node(SIGCONT);
  ASSERT_NO_FATAL_FAILURE(expect_old_one_commands_nobody());
  ASSERT_NO_FATAL_FAILURE(expect_as_before());
}

/// To another monitor while the present one lives.
TEST_F(LostMonitor, LivingOneIsLeftFirst) {
  ASSERT_NO_FATAL_FAILURE(replace_monitor());
  const auto refused = autoctl(
      {"enable", "monitor", "--pgdata", cluster().find("node_1")->pgdata(), "--monitor", cluster().monitor_uri()});
  EXPECT_FALSE(refused.ok());
  EXPECT_NE(refused.output.find("disable monitor"), std::string::npos) << refused.output;
  for (const char* name : {"node_1", "node_2"}) ASSERT_NO_FATAL_FAILURE(disable(name));
  for (const char* name : {"node_1", "node_2"}) ASSERT_NO_FATAL_FAILURE(enable(name));
  ASSERT_NO_FATAL_FAILURE(expect_old_one_commands_nobody());
  ASSERT_NO_FATAL_FAILURE(expect_as_before());
}

/// The monitor and the primary are lost together. What every commit waited for nobody who is left can tell.
class LostMonitorAndPrimary : public ClusterTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(ClusterTest::SetUp());
    lab::LocalCluster::Place preferred;
    preferred.words = {"--candidate-priority", "70"};
    ASSERT_NO_FATAL_FAILURE(start_cluster(3, {{}, {}, {}, preferred}));
    load_.emplace(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    cluster().monitor().destroy();
    ASSERT_TRUE(load_->progresses(20, Millis(10'000)));
    cluster().find("node_1")->signal_node(SIGKILL);
    cluster().give_up_monitor();
    ASSERT_TRUE(shell("mkdir another").ok());
    ASSERT_TRUE(ok(cluster().create_monitor({.directory = directory() + "/another"})));
  }
  void enable(const std::string& name) {
    const auto done =
        autoctl({"enable", "monitor", "--pgdata", cluster().find(name)->pgdata(), cluster().monitor_uri()});
    ASSERT_TRUE(done.ok()) << done.output;
  }
  Finished drop(const std::string& name, std::vector<std::string> words = {}) {
    words.insert(words.begin(), {"drop", "node", "--pgdata", cluster().monitor().pgdata(), "--name", name});
    return autoctl(words);
  }
  /// It comes back, whatever it was, as a standby of those who went on.
  void expect_first_one_joins() {
    ASSERT_TRUE(ok(cluster().find("node_1")->run()));
    ASSERT_NO_FATAL_FAILURE(enable("node_1"));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    load_->stop();
  }

  std::optional<Load> load_;
};

TEST_F(LostMonitorAndPrimary, ThoseWhoComeElectWhenAnOperatorGivesItUp) {
  ASSERT_NO_FATAL_FAILURE(enable("node_2"));
  ASSERT_NO_FATAL_FAILURE(enable("node_3"));
  for (const std::vector<std::string>& words : {std::vector<std::string>{}, {"--force"}}) {
    const auto refused = drop("node_1", words);
    EXPECT_EQ(refused.exit_code, 4) << refused.output;
    EXPECT_NE(refused.output.find("--allow-data-loss"), std::string::npos) << refused.output;
  }
  EXPECT_EQ(cluster().primary(), nullptr);
  const auto given_up = drop("node_1", {"--allow-data-loss"});
  ASSERT_TRUE(given_up.ok()) << given_up.output;
  ASSERT_TRUE(load_->progresses(50, Millis(30'000)));
  EXPECT_EQ(cluster().primary(), cluster().find("node_3")) << "of the higher priority";
  const auto events =
      autoctl({"show", "events", "--json", "--count", "100", "--pgdata", cluster().monitor().pgdata()}).output;
  EXPECT_NE(events.find("an operator gives up node_1, which was last seen as primary"), std::string::npos) << events;
  EXPECT_NE(events.find("standbys_elect"), std::string::npos) << "the quorum's members told how far they got";
  ASSERT_NO_FATAL_FAILURE(expect_first_one_joins());
  load_->verify();  // all who may have acknowledged have come
}

TEST_F(LostMonitorAndPrimary, TheOldPrimaryThatComesInTimeGoesOn) {
  ASSERT_NO_FATAL_FAILURE(enable("node_2"));
  const auto given_up = drop("node_1", {"--allow-data-loss"});
  ASSERT_TRUE(given_up.ok()) << given_up.output;
  ASSERT_TRUE(ok(cluster().find("node_1")->run()));
  ASSERT_NO_FATAL_FAILURE(enable("node_1"));
  ASSERT_NO_FATAL_FAILURE(enable("node_3"));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(cluster().primary(), cluster().find("node_1"));
  ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
  load_->stop();
  load_->verify();
}

/// Somebody helped himself while there was no monitor.
TEST_F(LostMonitorAndPrimary, SurvivorThatWasPromotedByHandIsSettledByAnOperator) {
  const auto tools = postgres::find_tools("");
  ASSERT_TRUE(ok(tools));
  lab::AutoctlDaemon& survivor = *cluster().find("node_2");
  const auto left = autoctl({"disable", "monitor", "--force", "--pgdata", survivor.pgdata()});
  ASSERT_TRUE(left.ok()) << left.output;
  const auto promoted = shell(tools->path("pg_ctl") + " -w -D " + survivor.pgdata() + " promote");
  ASSERT_TRUE(promoted.ok()) << promoted.output;
  query(survivor, "create table only_here as select generate_series(1, 1000) as i");
  ASSERT_NO_FATAL_FAILURE(enable("node_3"));
  ASSERT_NO_FATAL_FAILURE(enable("node_2"));
  const auto given_up = drop("node_1", {"--allow-data-loss"});
  ASSERT_TRUE(given_up.ok()) << given_up.output;
  const auto said = [&] { return autoctl({"show", "state", "--pgdata", cluster().monitor().pgdata()}).output; };
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
    return said().find("autoctl accept timeline") != std::string::npos;
  })) << said();
  EXPECT_EQ(cluster().primary(), nullptr);
  const auto accepted = autoctl({"accept", "timeline", "--tli", "2", "--reason", "it took writes meanwhile", "--pgdata",
                                 cluster().monitor().pgdata()});
  ASSERT_TRUE(accepted.ok()) << accepted.output;
  EXPECT_EQ(cluster().primary(), &survivor);
  EXPECT_EQ(query(survivor, "select count(*) from only_here").at(0), "1000");
  ASSERT_NO_FATAL_FAILURE(expect_first_one_joins());
}

class LostCitusMonitor : public CitusTest {};

TEST_F(LostCitusMonitor, CoordinatorAndWorkersGoToAnother) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1));
  ASSERT_NO_FATAL_FAILURE(start_writers());
  std::vector<std::string> started;
  for (const auto& node : cluster().nodes()) started.push_back(query(*node, started_at).at(0));
  const std::string before = lab::describe(*cluster().state());
  cluster().give_up_monitor()->destroy();
  ASSERT_TRUE(shell("mkdir another").ok());
  ASSERT_TRUE(ok(cluster().create_monitor({.directory = directory() + "/another"})));
  for (const char* name : {"worker1b", "coord0a", "worker1a", "coord0b"}) {
    const auto done =
        autoctl({"enable", "monitor", "--pgdata", cluster().find(name)->pgdata(), cluster().monitor_uri()});
    ASSERT_TRUE(done.ok()) << done.output;
    ASSERT_TRUE(writers().progress(20, Millis(10'000))) << name << ": " << writers().trouble();
  }
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  for (std::size_t i = 0; i < started.size(); ++i)
    EXPECT_EQ(query(*cluster().nodes()[i], started_at).at(0), started[i]) << cluster().nodes()[i]->name();
  EXPECT_EQ(lab::describe(*cluster().state()), before);
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000), 1)));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  ASSERT_TRUE(writers().progress(20, Millis(10'000)));
  verify_writers();
}

}  // namespace
}  // namespace autoctl::test
