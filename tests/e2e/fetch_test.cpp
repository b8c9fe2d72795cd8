// Three nodes of which the preferred one lacks WAL when the primary dies: it fetches what it lacks from the other one
// before it takes over. And a standby that stalls commits is no longer waited for, until it is back.
#include <signal.h>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

constexpr int first_node = 1;
constexpr int second_node = 2;
constexpr int third_node = 3;
/// From the moment on which it stops streaming: 3 s until it counts as silent, standby_stall_timeout, and what is left.
constexpr Millis stall_bound{10'000};

class GroupOnLinks : public ClusterTest {
 protected:
  void SetUp() override {
    if (!may_make_networks()) GTEST_SKIP() << "cut links need network namespaces: run ./scripts/test where they exist";
    ClusterTest::SetUp();
    auto network = Network::make(4);
    ASSERT_TRUE(ok(network));
    network_.emplace(std::move(*network));
    std::vector<lab::LocalCluster::Place> places;
    for (int place = 0; place < 4; ++place) places.push_back(network_->place(place));
    ASSERT_NO_FATAL_FAILURE(start_cluster(3, places));
    ASSERT_EQ(cluster().primary(), cluster().find("node_1"));
    const auto preferred = autoctl(
        {"set", "node", "candidate-priority", "100", "--name", "node_3", "--pgdata", cluster().monitor().pgdata()});
    ASSERT_EQ(preferred.exit_code, 0) << preferred.output;
    load_.emplace(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
  }
  void cut(int a, int b) {
    ASSERT_TRUE(ok(network_->cut(a, b)));
    ASSERT_TRUE(ok(network_->cut(b, a)));
  }
  std::string events() {
    return autoctl({"show", "events", "--json", "--count", "200", "--pgdata", cluster().monitor().pgdata()}).output;
  }
  bool happened(const std::string& words) { return events().find(words) != std::string::npos; }
  void heal_and_verify() {
    ASSERT_TRUE(ok(network_->heal()));
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    load_->stop();
    load_->verify();
  }
  /// node_3 gets nothing of what is written from now on, and the primary dies before anybody minds.
  void kill_primary_while_the_preferred_lags() {
    ASSERT_NO_FATAL_FAILURE(cut(first_node, third_node));
    ASSERT_TRUE(load_->progresses(50, Millis(5'000)));
    cluster().find("node_1")->signal_node(SIGKILL);
  }

  std::optional<Network> network_;  // outlives the cluster's clients
  std::optional<Load> load_;
};

TEST_F(GroupOnLinks, ThePreferredStandbyFetchesWhatItLacks) {
  ASSERT_NO_FATAL_FAILURE(kill_primary_while_the_preferred_lags());
  ASSERT_TRUE(load_->progresses(50, Millis(30'000)));
  EXPECT_TRUE(happened("it fetches the rest up to")) << events();
  ASSERT_NE(cluster().primary(), nullptr);
  EXPECT_EQ(cluster().primary()->name(), "node_3");
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
}

TEST_F(GroupOnLinks, TheElectionStartsAgainWhenTheSourceDiesWhileItIsFetchedFrom) {
  ASSERT_NO_FATAL_FAILURE(cut(second_node, third_node));
  ASSERT_NO_FATAL_FAILURE(kill_primary_while_the_preferred_lags());
  ASSERT_TRUE(lab::eventually(Millis(20'000), [this] { return happened("it fetches the rest up to"); })) << events();
  cluster().find("node_2")->signal_node(SIGKILL);
  EXPECT_TRUE(lab::eventually(Millis(20'000), [this] { return happened("fast_forward_failed"); })) << events();
  EXPECT_TRUE(lab::eventually(Millis(20'000), [this] { return happened("no standby can be elected: node_2 ("); }))
      << events();
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
}

/// What the primary waits for is asked of itself: whoever sees it wait for fewer finds the reason in the events.
TEST_F(GroupOnLinks, AStandbyThatStallsIsNotWaitedForUntilItIsBack) {
  const auto waits_for = [this] {
    const auto names = query(*cluster().find("node_1"), "show synchronous_standby_names");
    return names.empty() ? "" : names.front();
  };
  const std::string all = "ANY 1 (autoctl_standby_3, autoctl_standby_2)";  // the preferred one first
  ASSERT_TRUE(lab::eventually(Millis(5'000), [&] { return waits_for() == all; })) << waits_for();
  const auto start = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(cut(first_node, third_node));
  ASSERT_TRUE(lab::eventually(stall_bound, [&] { return waits_for() != all; }));
  EXPECT_TRUE(happened("node_3 has not streamed for")) << events();
  EXPECT_TRUE(lab::eventually(Millis(2'000), [this] { return happened("standby_stalled"); })) << events();
  EXPECT_TRUE(lab::eventually(Millis(2'000), [&] { return waits_for() == "ANY 1 (autoctl_standby_2)"; }));
  ASSERT_TRUE(load_->progresses(50, Millis(10'000)));
  EXPECT_LT(load_->writer().outage(start, std::chrono::steady_clock::now()), Millis(2'000)) << "node_2 was there";
  ASSERT_TRUE(ok(network_->heal()));
  EXPECT_TRUE(lab::eventually(Millis(60'000), [&] { return waits_for() == all; })) << waits_for();
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
}

}  // namespace
}  // namespace autoctl::test
