// Copies of a node that start beside it, or in its place (docs/operations/twins.md): one of them is the node, at any time.
#include <signal.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <sstream>

#include "support/citus_cluster.h"
#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

constexpr int spare = 3;  // the place of the copy
/// A keeper takes another link every two seconds: an older copy is known as one.
constexpr Millis several_links{15'000};
/// silence_timeout, the probes, and the next try of the copy.
constexpr Millis taken_for_dead{20'000};

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What a test of copies needs of any cluster.
template <class Base>
class WithCopies : public Base {
 protected:
  void TearDown() override {
    if (this->HasFailure())
      for (const auto& copy : copies_)
        std::cout << "---- end of the log of the copy of " << copy->name() << "\n" << copy->log_tail(40);
    for (const auto& copy : copies_) copy->destroy();
    Base::TearDown();
  }
  /// The files of a node that may run meanwhile, as they are now, in another directory; at another place.
  lab::AutoctlDaemon& copy_of(const lab::AutoctlDaemon& node, const lab::LocalCluster::Place& place) {
    const std::string there = this->directory() + "/copy" + std::to_string(copies_.size());
    this->shell("mkdir " + there + " && cp -a " + node.pgdata() + " " + node.files().directory + " " + there);
    // On another machine its pid would be nobody's: here it is the node's own postmaster.
    this->shell("rm -f " + there + "/" + node.name() + "/postmaster.pid");
    copies_.push_back(std::make_unique<lab::AutoctlDaemon>(
        lab::Tool{autoctl_under_test(), place.launcher},
        lab::FailoverDaemon::Place{
            .name = node.name(), .directory = there, .host = place.host, .pgport = node.pgport()}));
    return *copies_.back();
  }
  protocol::NodeDocument seen(const std::string& name) {
    const auto state = this->cluster().state();
    EXPECT_TRUE(ok(state));
    if (!state) return {};
    const auto found = std::ranges::find(state->nodes, name, &protocol::NodeDocument::name);
    EXPECT_NE(found, state->nodes.end());
    return found == state->nodes.end() ? protocol::NodeDocument{} : *found;
  }
  testing::AssertionResult logs(const lab::AutoctlDaemon& agent, const std::string& words,
                                Millis timeout = Millis(15'000)) {
    if (lab::eventually(timeout, [&] { return text_of(agent.log_file()).find(words) != std::string::npos; }))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << agent.name() << " does not log \"" << words << "\":\n" << agent.log_tail(20);
  }
  bool happened(const std::string& words) {
    const auto events =
        this->autoctl({"show", "events", "--json", "--count", "200", "--pgdata", this->cluster().monitor().pgdata()});
    return events.output.find(words) != std::string::npos;
  }
  /// Everybody is told of it, and what to type.
  void expect_refused(lab::AutoctlDaemon& copy, const lab::AutoctlDaemon& node) {
    EXPECT_TRUE(logs(copy, "This is not the node that it says to be"));
    EXPECT_TRUE(logs(copy, "autoctl drop node"));
    EXPECT_TRUE(lab::eventually(Millis(10'000), [&] { return !seen(node.name()).twin.empty(); }));
    EXPECT_TRUE(happened("another keeper that says to be " + node.name()));
    const auto state = this->autoctl({"show", "state", "--pgdata", this->cluster().monitor().pgdata()});
    EXPECT_NE(state.output.find("another keeper that says to be " + node.name()), std::string::npos) << state.output;
    EXPECT_FALSE(copy.postmaster()) << "its Postgres runs";
    EXPECT_TRUE(copy.running()) << "it may become the node one day";
  }
  /// An instance.json with another link than this one.
  bool has_newer_link(const lab::AutoctlDaemon& node, const std::string& before) {
    const std::string now = text_of(node.files().instance());
    return !now.empty() && now != before;
  }
  void await_newer_links(const lab::AutoctlDaemon& node) {
    for (int i = 0; i < 3; ++i) {
      const std::string before = text_of(node.files().instance());
      ASSERT_TRUE(lab::eventually(several_links, [&] { return has_newer_link(node, before); }));
    }
  }

  std::vector<std::unique_ptr<lab::AutoctlDaemon>> copies_;
};

class Twins : public WithCopies<ClusterTest> {
 protected:
  void SetUp() override {
    if (!may_make_networks()) GTEST_SKIP() << "a second host needs network namespaces: run ./scripts/test";
    ClusterTest::SetUp();
    auto network = Network::make(1 + spare);
    ASSERT_TRUE(ok(network));
    network_.emplace(std::move(*network));
    ASSERT_NO_FATAL_FAILURE(start_cluster(2, {network_->place(0), network_->place(1), network_->place(2)}));
    load_.emplace(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    ASSERT_EQ(cluster().primary(), &first());
  }
  lab::AutoctlDaemon& first() { return *cluster().find("node_1"); }
  lab::AutoctlDaemon& second() { return *cluster().find("node_2"); }
  lab::AutoctlDaemon& copy_elsewhere(const lab::AutoctlDaemon& node) { return copy_of(node, network_->place(spare)); }
  void expect_nothing_lost() {
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    load_->stop();
    load_->verify();
  }

  std::optional<Network> network_;
  std::optional<Load> load_;
};

TEST_F(Twins, TheCopyOfAPrimaryThatRunsIsRefusedAlsoWhenThePrimaryDies) {
  lab::AutoctlDaemon& copy = copy_elsewhere(first());
  ASSERT_NO_FATAL_FAILURE(await_newer_links(first()));
  ASSERT_TRUE(ok(copy.run()));
  ASSERT_NO_FATAL_FAILURE(expect_refused(copy, first()));
  EXPECT_TRUE(logs(first(), "has a twin"));
  EXPECT_EQ(cluster().primary(), &first());
  EXPECT_EQ(seen("node_1").host, first().host()) << "nobody is sent to the copy";
  ASSERT_TRUE(load_->progresses(100, Millis(10'000)));

  first().signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return cluster().primary() == &second(); }));
  ASSERT_TRUE(load_->progresses(100, Millis(20'000)));
  EXPECT_FALSE(copy.postmaster());
  ASSERT_TRUE(ok(first().run()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_FALSE(copy.postmaster());

  // What the copy was told to type.
  ASSERT_TRUE(copy.stop(Millis(20'000)));
  const auto forgotten = autoctl({"drop", "node", "--pgdata", copy.pgdata()});
  EXPECT_EQ(forgotten.exit_code, 0) << forgotten.output;
  EXPECT_FALSE(std::ifstream(copy.files().config()).good());
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(cluster().state()->nodes.size(), 2U) << "the node itself stays";
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost());
}

TEST_F(Twins, TheFreshCopyOfAPrimaryIsRefusedAtOnce) {
  lab::AutoctlDaemon& copy = copy_elsewhere(first());
  ASSERT_TRUE(ok(copy.run()));
  ASSERT_NO_FATAL_FAILURE(expect_refused(copy, first()));
  EXPECT_EQ(cluster().primary(), &first());
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost());
}

TEST_F(Twins, TheCopyOfAStandbyAcknowledgesNothing) {
  lab::AutoctlDaemon& copy = copy_elsewhere(second());
  ASSERT_TRUE(ok(copy.run()));
  ASSERT_NO_FATAL_FAILURE(expect_refused(copy, second()));
  EXPECT_EQ(query(first(), "SELECT client_addr::text FROM pg_stat_replication"),
            std::vector<std::string>{second().host() + "/32"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost());
}

TEST_F(Twins, ACopyWaitsForAMonitorThatIsAway) {
  cluster().monitor().signal_node(SIGKILL);
  lab::AutoctlDaemon& copy = copy_elsewhere(first());
  ASSERT_TRUE(ok(copy.run()));
  ASSERT_TRUE(logs(copy, "waits for the monitor: this directory was copied or moved"));
  ASSERT_TRUE(load_->progresses(100, Millis(10'000)));
  EXPECT_FALSE(copy.postmaster());
  ASSERT_TRUE(ok(cluster().monitor().run()));
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return cluster().state().has_value(); }));
  ASSERT_NO_FATAL_FAILURE(expect_refused(copy, first()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(cluster().primary(), &first());
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost());
}

TEST_F(Twins, OfTwoThatStartAtTheSameMomentTheNodeItselfGoesOn) {
  second().signal_node(SIGKILL);
  lab::AutoctlDaemon& copy = copy_elsewhere(second());
  ASSERT_TRUE(ok(copy.run()));
  ASSERT_TRUE(ok(second().run()));
  ASSERT_NO_FATAL_FAILURE(expect_refused(copy, second()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost());
}

TEST_F(Twins, ADiskThatWasMovedIsTheNodeAndWhatIsLeftBehindIsNot) {
  second().signal_node(SIGKILL);
  lab::AutoctlDaemon& moved = copy_elsewhere(second());
  ASSERT_TRUE(ok(moved.run()));
  ASSERT_TRUE(lab::eventually(taken_for_dead, [&] { return happened("node_2 was moved"); })) << moved.log_tail(20);
  // Its configuration still has the address of the old machine, and the primary lets in whom that names.
  const auto known =
      autoctl({"set", "node", "metadata", "--pgdata", moved.pgdata(), "--hostname", network_->place(spare).host},
              Millis(90'000));
  EXPECT_EQ(known.exit_code, 0) << known.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());

  ASSERT_TRUE(ok(second().run()));
  EXPECT_TRUE(logs(second(), "This is not the node that it says to be"));
  EXPECT_FALSE(second().postmaster());
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  second().destroy();
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost());
}

/// A virtual machine that is set back.
TEST_F(Twins, AnOlderStateIsRefusedWhereTheNodeWas) {
  const lab::AutoctlDaemon& snapshot = copy_elsewhere(first());
  ASSERT_NO_FATAL_FAILURE(await_newer_links(first()));
  first().signal_node(SIGKILL);
  ASSERT_TRUE(shell("rm -rf node_1 node_1.autoctl && cp -a " + snapshot.directory() + "/. .").ok());
  ASSERT_TRUE(ok(first().run()));
  ASSERT_TRUE(logs(first(), "its state is older than what the monitor knows"));
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return cluster().primary() == &second(); }));
  EXPECT_FALSE(first().postmaster());
  ASSERT_TRUE(load_->progresses(100, Millis(20'000)));

  // What it was told to type makes a node of its data again.
  ASSERT_TRUE(first().stop(Millis(20'000)));
  const std::string monitor = cluster().monitor().pgdata();
  ASSERT_EQ(autoctl({"drop", "node", "--name", "node_1", "--force", "--pgdata", monitor}).exit_code, 0);
  ASSERT_EQ(autoctl({"drop", "node", "--pgdata", first().pgdata()}).exit_code, 0);
  ASSERT_TRUE(ok(first().create({"create", "postgres", "--auth", "trust", "--ssl-self-signed", "--pg-hba-lan", "--name",
                                 "node_1", "--pgport", std::to_string(first().pgport()), "--hostname", first().host(),
                                 "--monitor", cluster().monitor_uri()})));
  ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(90'000)));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_lost());
}

class CitusTwins : public WithCopies<CitusTest> {};

TEST_F(CitusTwins, NoStatementIsSentToTheCopyOfAWorkerOrAnotherCoordinator) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1));
  ASSERT_NO_FATAL_FAILURE(start_writers());
  for (const GroupId group : {1, 0}) {
    const lab::AutoctlDaemon& node = primary(group);
    lab::AutoctlDaemon& copy = copy_of(node, {});
    // On one machine two keepers need two ports, and the copy says that it is there.
    ASSERT_TRUE(shell("sed -i 's/" + std::to_string(node.pgport()) + "/" + std::to_string(node.pgport() + 700) +
                      "/; s/" + std::to_string(node.api_port()) + "/" + std::to_string(node.api_port() + 700) + "/' " +
                      copy.files().config())
                    .ok());
    ASSERT_TRUE(ok(copy.run()));
    ASSERT_NO_FATAL_FAILURE(expect_refused(copy, node));
    EXPECT_EQ(seen(node.name()).port, node.pgport());
    ASSERT_TRUE(writers().progress(50, Millis(30'000))) << writers().trouble();
  }
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows());
  verify_writers();
}

}  // namespace
}  // namespace autoctl::test
