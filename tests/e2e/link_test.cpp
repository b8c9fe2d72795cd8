// Links that drop packets without a word: no refusal, no reset, only silence.
#include <iostream>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

constexpr int monitor = 0;
constexpr int first_node = 1;
constexpr int second_node = 2;

class Link : public ClusterTest {
 protected:
  void SetUp() override {
    if (!may_make_networks()) GTEST_SKIP() << "cut links need network namespaces: run ./scripts/test where they exist";
    ClusterTest::SetUp();
    auto network = Network::make(3);
    ASSERT_TRUE(ok(network));
    network_.emplace(std::move(*network));
    ASSERT_NO_FATAL_FAILURE(
        start_cluster(2, {network_->place(monitor), network_->place(first_node), network_->place(second_node)}));
    load_.emplace(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    ASSERT_EQ(cluster().primary(), cluster().find("node_1"));
    start_ = std::chrono::steady_clock::now();
  }

  /// Ends all cuts; everything must come back to normal with nothing lost.
  void heal_and_verify() {
    ASSERT_TRUE(ok(network_->heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_TRUE(load_->progresses(50, Millis(10'000)));
    std::cout << "write outage " << outage().count() << " ms\n";
    load_->stop();
    load_->verify();
  }

  Millis outage() const { return load_->writer().outage(start_, std::chrono::steady_clock::now()); }
  bool primary_is(const std::string& name) {
    const demo::Agent* node = cluster().primary();
    return node != nullptr && node->name() == name;
  }

  std::optional<Network> network_;  // outlives the cluster's clients
  std::optional<Load> load_;
  std::chrono::steady_clock::time_point start_;
};

TEST_F(Link, PrimaryCutFromEverybodyIsReplaced) {
  ASSERT_TRUE(ok(network_->isolate(first_node)));
  EXPECT_TRUE(demo::eventually(Millis(30'000), [this] { return primary_is("node_2"); }));
  ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
  EXPECT_LT(outage(), Millis(15'000));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
  EXPECT_TRUE(primary_is("node_2"));
}

TEST_F(Link, PrimaryCutFromTheMonitorOnlyKeepsItsRole) {
  ASSERT_TRUE(ok(network_->cut(first_node, monitor)));
  ASSERT_TRUE(ok(network_->cut(monitor, first_node)));
  // Longer than every timeout by which a silent primary could be judged.
  EXPECT_FALSE(demo::eventually(Millis(15'000), [this] { return primary_is("node_2"); }));
  EXPECT_LT(outage(), Millis(2'000));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
  EXPECT_TRUE(primary_is("node_1"));
}

TEST_F(Link, PrimaryCutFromTheStandbyOnlyGoesOnAlone) {
  ASSERT_TRUE(ok(network_->cut(first_node, second_node)));
  ASSERT_TRUE(ok(network_->cut(second_node, first_node)));
  ASSERT_TRUE(load_->progresses(2000, Millis(60'000)));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
}

TEST_F(Link, OneWayFromPrimaryToStandbyGoesOnAlone) {
  ASSERT_TRUE(ok(network_->cut(first_node, second_node)));
  ASSERT_TRUE(load_->progresses(2000, Millis(60'000)));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
}

TEST_F(Link, StandbyCutFromEverybodyDelaysNobodyForLong) {
  ASSERT_TRUE(ok(network_->isolate(second_node)));
  ASSERT_TRUE(load_->progresses(1000, Millis(60'000)));
  EXPECT_LT(outage(), Millis(15'000));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
  EXPECT_TRUE(primary_is("node_1"));
}

TEST_F(Link, MonitorCutFromEverybodyChangesNothing) {
  ASSERT_TRUE(ok(network_->isolate(monitor)));
  ASSERT_TRUE(load_->progresses(2000, Millis(60'000)));
  EXPECT_LT(outage(), Millis(2'000));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
  EXPECT_TRUE(primary_is("node_1"));
}

}  // namespace
}  // namespace autoctl::test
