// Partitions: every node and the monitor in a network of its own, links that drop packets without a word (no refusal,
// no reset, only silence), or only some of them, or late. Clients reach everybody but where the test says otherwise.
// What is promised for each is in docs/partitions.md; that no acknowledged row is lost and no two nodes acknowledge,
// everywhere.
#include <signal.h>

#include <functional>
#include <iostream>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int monitor = 0;
constexpr int first_node = 1;  // the primary
constexpr int second_node = 2;

/// Longer than every timeout by which somebody silent is judged.
constexpr Millis longer_than_every_timeout{9'000};
/// Longer than it takes to judge somebody whom the monitor alone does not hear: silence_timeout, and a probe.
constexpr Millis longer_than_silence{6'000};
/// silence_timeout, the client's own seconds, and a slow machine.
constexpr Millis verdict_on_one_of_two{8'000};
/// The client gives up a try after a second, and may meet the silent host again before it meets the new primary.
constexpr Millis one_more_host{2'000};
/// The lease is over, and the standbys have been silent for 3 s.
constexpr Millis fenced_by{8'000};
/// A standby that is cut off is silent for 3 s before it counts as stalled, and for standby_stall_timeout then.
constexpr Millis standby_given_up{10'000};
/// Until another node takes writes: about 3 s until the standbys have heard nothing for long, primary_cut_timeout, and a
/// heartbeat.
constexpr Millis cut_from_all_standbys{6'000};
/// Shorter than what standbys take for silence, and a connection survives it.
constexpr Millis a_moment{2'000};
/// Nobody was judged: what a busy machine does to a writer.
constexpr Millis no_pause{1'500};

class Partition : public ClusterTest {
 protected:
  void SetUp() override { set_up(2, Network::Links::plain); }
  void set_up(int nodes, Network::Links links) {
    if (!may_make_networks()) GTEST_SKIP() << "partitions need network namespaces: run ./scripts/test where they exist";
    ClusterTest::SetUp();
    auto network = Network::make(1 + nodes, links);
    ASSERT_TRUE(ok(network));
    network_.emplace(std::move(*network));
    std::vector<lab::LocalCluster::Place> places;
    for (int place = monitor; place <= nodes; ++place) places.push_back(network_->place(place));
    ASSERT_NO_FATAL_FAILURE(start_cluster(nodes, places));
    load_.emplace(cluster());
    ASSERT_NO_FATAL_FAILURE(load_->start());
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    ASSERT_TRUE(primary_is("node_1"));
    start_ = Clock::now();
  }

  void cut(int from, int to) { ASSERT_TRUE(ok(network_->cut(from, to))); }
  void cut_both_ways(int one, int other) {
    ASSERT_NO_FATAL_FAILURE(cut(one, other));
    ASSERT_NO_FATAL_FAILURE(cut(other, one));
  }
  /// Ends all cuts; everything must come back to normal.
  void heal() {
    ASSERT_TRUE(ok(network_->heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_TRUE(load_->progresses(50, Millis(10'000)));
    std::cout << "write outage " << outage().count() << " ms\n";
  }
  /// With nothing lost.
  void heal_and_verify() {
    ASSERT_NO_FATAL_FAILURE(heal());
    load_->stop();
    load_->verify();
  }
  /// The next of several cuts that one group must bear, one after the other.
  void begin_next_cut() { start_ = Clock::now(); }

  Millis one_verdict() const {
    return verdict_on_one_of_two + one_more_host * (static_cast<int>(cluster().nodes().size()) - 2);
  }
  Millis outage() const { return load_->writer().outage(start_, Clock::now()); }
  bool primary_is(const std::string& name) {
    const lab::AutoctlDaemon* node = cluster().primary();
    return node != nullptr && node->name() == name;
  }
  bool is_replaced() {
    const lab::AutoctlDaemon* node = cluster().primary();
    return node != nullptr && node->name() != "node_1";
  }
  std::optional<protocol::NodeDocument> seen(const std::string& name) {
    const auto state = cluster().state();
    if (state)
      for (const auto& node : state->nodes)
        if (node.name == name) return node;
    return std::nullopt;
  }
  /// The primary stays, and the writer hardly feels anything.
  void expect_primary_serves_on(Millis during = longer_than_every_timeout, Millis pause = no_pause) {
    EXPECT_FALSE(lab::eventually(during, [this] { return is_replaced(); }));
    ASSERT_TRUE(load_->progresses(10, Millis(30'000)));
    EXPECT_LT(outage(), pause);
  }
  /// The primary pauses for a verdict on its standbys, and goes on without them.
  void expect_primary_goes_on_alone() {
    EXPECT_TRUE(lab::eventually(Millis(20'000), [this] {
      const auto node = seen("node_1");
      return node && node->reported == NodeState::wait_primary;
    }));
    ASSERT_TRUE(load_->progresses(500, Millis(20'000)));
    EXPECT_LT(outage(), standby_given_up);
  }
  struct Ways {
    bool there, back;
  };
  /// It is alive, and the monitor hears it; whoever is the primary just then.
  void expect_each_cut_from_all_standbys_moves_the_primary(const std::vector<Ways>& ways) {
    const int nodes = static_cast<int>(cluster().nodes().size());
    for (const auto& [there, back] : ways) {
      SCOPED_TRACE(std::string(there ? "from" : "") + (back ? " to" : "") + " the primary");
      begin_next_cut();
      const lab::AutoctlDaemon* primary = cluster().primary();
      ASSERT_NE(primary, nullptr);
      const std::string old = primary->name();
      const int place = std::stoi(old.substr(old.find('_') + 1));
      for (int other = 1; other <= nodes; ++other) {
        if (other == place) continue;
        if (there) {
          ASSERT_NO_FATAL_FAILURE(cut(place, other));
        }
        if (back) {
          ASSERT_NO_FATAL_FAILURE(cut(other, place));
        }
      }
      EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
        const lab::AutoctlDaemon* node = cluster().primary();
        return node != nullptr && node->name() != old;
      }));
      ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
      EXPECT_LT(outage(), cut_from_all_standbys);
      ASSERT_NO_FATAL_FAILURE(heal());
    }
  }
  /// After all cuts: nobody was ever promoted.
  void expect_same_primary_at_the_end() {
    ASSERT_NO_FATAL_FAILURE(heal_and_verify());
    EXPECT_TRUE(primary_is("node_1"));
    EXPECT_EQ(seen("node_1")->timeline, Timeline{1});
  }
  void expect_nothing_happens(Millis pause = no_pause) {
    ASSERT_NO_FATAL_FAILURE(expect_primary_serves_on(longer_than_every_timeout, pause));
    ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
  }
  /// Another node takes over, once, and stays the primary when the old one is back.
  void expect_standby_takes_over() {
    EXPECT_TRUE(lab::eventually(Millis(20'000), [this] { return is_replaced(); }));
    ASSERT_TRUE(load_->progresses(500, Millis(20'000)));
    EXPECT_LT(outage(), one_verdict());
  }
  void expect_old_primary_rejoins() {
    ASSERT_NO_FATAL_FAILURE(heal_and_verify());
    EXPECT_TRUE(is_replaced());
    EXPECT_EQ(seen("node_1")->timeline, Timeline{2});
  }
  /// It is cut off now but for its clients, and answers none of them any more: writes at once, reads when its lease is
  /// over.
  void expect_old_primary_fences_itself() {
    const TimePoint cut_off = Clock::now();
    const lab::AutoctlDaemon& old = *cluster().find("node_1");
    const auto answers = [&] {
      const auto there = lab::conninfo({{old.host(), old.pgport()}}, "postgres", "any");
      return pg::Connection::open(there, Millis(1'000)).has_value();
    };
    EXPECT_TRUE(lab::eventually(fenced_by, [&] { return !answers(); }));
    ASSERT_NO_FATAL_FAILURE(expect_standby_takes_over());
    EXPECT_FALSE(answers());
    EXPECT_EQ(acknowledged_by("node_1", cut_off + Millis(500)), 0U);
    ASSERT_NO_FATAL_FAILURE(expect_old_primary_rejoins());
  }
  void expect_frozen_primary_is_replaced(std::chrono::seconds frozen_for) {
    lab::AutoctlDaemon& old = *cluster().find("node_1");
    const TimePoint frozen = Clock::now();
    old.signal_node(SIGSTOP);
    ASSERT_NO_FATAL_FAILURE(expect_standby_takes_over());
    std::this_thread::sleep_until(frozen + frozen_for);  // the promise is about this long
    old.signal_node(SIGCONT);
    ASSERT_NO_FATAL_FAILURE(expect_old_primary_rejoins());
    EXPECT_EQ(acknowledged_by("node_1", frozen + Millis(500)), 0U);
    // It is as good as any other again: it has slots for those that are to follow it.
    ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_TRUE(primary_is("node_1"));
  }
  /// Both ways, and each way.
  void expect_primary_goes_on_alone_without(const std::vector<int>& standbys) {
    for (const auto& [there, back] : {Ways{true, true}, Ways{true, false}, Ways{false, true}}) {
      SCOPED_TRACE(std::string(there ? "from" : "") + (back ? " to" : "") + " the primary");
      begin_next_cut();
      for (const int standby : standbys) {
        if (there) {
          ASSERT_NO_FATAL_FAILURE(cut(first_node, standby));
        }
        if (back) {
          ASSERT_NO_FATAL_FAILURE(cut(standby, first_node));
        }
      }
      ASSERT_NO_FATAL_FAILURE(expect_primary_goes_on_alone());
      ASSERT_NO_FATAL_FAILURE(heal());
    }
  }
  /// One after the other: somebody hears the primary all the time.
  void expect_cuts_around_the_monitor_change_nothing() {
    const std::vector<std::pair<const char*, std::function<void()>>> cuts = {
        {"primary and monitor", [this] { cut_both_ways(first_node, monitor); }},
        {"primary to monitor", [this] { cut(first_node, monitor); }},
        {"monitor to primary", [this] { cut(monitor, first_node); }},
        {"standby and monitor", [this] { cut_both_ways(second_node, monitor); }},
        {"monitor and everybody", [this] { ASSERT_TRUE(ok(network_->isolate(monitor))); }}};
    for (const auto& [name, apply] : cuts) {
      SCOPED_TRACE(name);
      begin_next_cut();
      ASSERT_NO_FATAL_FAILURE(apply());
      ASSERT_NO_FATAL_FAILURE(expect_primary_serves_on(longer_than_silence));
      ASSERT_NO_FATAL_FAILURE(heal());
    }
  }
  /// The primary's link, by cuts that end before anybody is judged.
  void expect_nothing_while_the_link_flaps() {
    for (int i = 0; i < 6; ++i) {
      ASSERT_TRUE(ok(network_->isolate(first_node)));
      std::this_thread::sleep_for(Millis(1'500));
      ASSERT_TRUE(ok(network_->heal()));
      ASSERT_TRUE(load_->progresses(5, Millis(5'000))) << "round " << i;
    }
    EXPECT_LT(outage(), Millis(4'000));
  }
  /// Acknowledged by `name` since then, to whomever.
  std::size_t acknowledged_by(const std::string& name, TimePoint since) const {
    return load_->acknowledged_by(*cluster().find(name), since);
  }

  std::optional<Network> network_;  // outlives the cluster's clients
  std::optional<Load> load_;
  TimePoint start_;
};

TEST_F(Partition, CutsAroundTheMonitorChangeNothing) {
  ASSERT_NO_FATAL_FAILURE(expect_cuts_around_the_monitor_change_nothing());
  ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
}

/// The standby is the witness.
TEST_F(Partition, PrimaryThatDiesWhileCutFromTheMonitorIsReplaced) {
  ASSERT_NO_FATAL_FAILURE(cut_both_ways(first_node, monitor));
  ASSERT_TRUE(lab::eventually(Millis(20'000), [this] {
    const auto node = seen("node_1");
    return node && node->health == "unreachable";
  }));
  cluster().find("node_1")->signal_node(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(expect_standby_takes_over());
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_old_primary_rejoins());
}

TEST_F(Partition, PrimaryCutFromTheStandbyGoesOnAlone) {
  ASSERT_NO_FATAL_FAILURE(expect_primary_goes_on_alone_without({second_node}));
  ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
}

TEST_F(Partition, StandbyCutFromEverybodyLetsThePrimaryGoOnAlone) {
  ASSERT_TRUE(ok(network_->isolate(second_node)));
  ASSERT_NO_FATAL_FAILURE(expect_primary_goes_on_alone());
  ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
}

TEST_F(Partition, PrimaryCutFromEverybodyIsReplaced) {
  ASSERT_TRUE(ok(network_->isolate(first_node)));
  ASSERT_NO_FATAL_FAILURE(expect_standby_takes_over());
  ASSERT_NO_FATAL_FAILURE(expect_old_primary_rejoins());
}

TEST_F(Partition, PrimaryCutFromMonitorAndStandbyFencesItself) {
  ASSERT_NO_FATAL_FAILURE(cut_both_ways(first_node, monitor));
  ASSERT_NO_FATAL_FAILURE(cut_both_ways(first_node, second_node));
  ASSERT_NO_FATAL_FAILURE(expect_old_primary_fences_itself());
}

/// Its keeper and every process of its Postgres.
TEST_F(Partition, FrozenPrimaryAcknowledgesNothingWhenItWakesUp) {
  expect_frozen_primary_is_replaced(std::chrono::seconds(15));
}

TEST_F(Partition, FlappingLinkOfThePrimaryReplacesNobody) {
  ASSERT_NO_FATAL_FAILURE(expect_nothing_while_the_link_flaps());
  ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
}

/// Cuts that last long enough to be judged, of whoever is the primary just then.
TEST_F(Partition, FlappingLinkOfEachPrimaryCostsOneFailoverEach) {
  for (std::uint32_t failovers = 1; failovers <= 2; ++failovers) {
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    const bool first = primary_is("node_1");
    ASSERT_TRUE(ok(network_->isolate(first ? first_node : second_node)));
    ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return primary_is(first ? "node_2" : "node_1"); }));
    ASSERT_TRUE(ok(network_->heal()));
    ASSERT_TRUE(load_->progresses(20, Millis(20'000)));
  }
  EXPECT_LT(outage(), one_verdict());
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
  EXPECT_EQ(seen("node_1")->timeline, Timeline{3});
}

/// One primary, two standbys: number_sync_standbys is 1 by itself.
class PartitionOfThree : public Partition {
 protected:
  void SetUp() override { set_up(3, Network::Links::plain); }
};

TEST_F(PartitionOfThree, PrimaryCutFromBothStandbysIsReplaced) {
  ASSERT_NO_FATAL_FAILURE(
      expect_each_cut_from_all_standbys_moves_the_primary({{true, true}, {true, false}, {false, true}}));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
}

TEST_F(PartitionOfThree, ACutOfAMomentMovesNobody) {
  for (int times = 0; times < 3; ++times) {
    const TimePoint mended = Clock::now() + a_moment;
    for (const int standby : {2, 3}) ASSERT_NO_FATAL_FAILURE(cut_both_ways(first_node, standby));
    EXPECT_FALSE(
        lab::eventually(std::chrono::duration_cast<Millis>(mended - Clock::now()), [this] { return is_replaced(); }));
    ASSERT_NO_FATAL_FAILURE(heal());
  }
  ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
}

/// One primary, three standbys, commits wait for one of the three.
class PartitionOfFour : public Partition {
 protected:
  void SetUp() override { set_up(4, Network::Links::plain); }
};

TEST_F(PartitionOfFour, PrimaryCutFromMonitorAndStandbysFencesItself) {
  for (const int other : {0, 2, 3, 4}) ASSERT_NO_FATAL_FAILURE(cut_both_ways(first_node, other));
  ASSERT_NO_FATAL_FAILURE(expect_old_primary_fences_itself());
}

TEST_F(PartitionOfFour, PrimaryThatOneStandbyHearsServesOn) {
  for (const int other : {0, 2, 3}) ASSERT_NO_FATAL_FAILURE(cut_both_ways(first_node, other));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_happens());
}

/// Each commit may be on the standby beside the primary alone: the others cannot know it, and elect nobody.
TEST_F(PartitionOfFour, PrimaryWithOneStandbyInAHalfOfItsOwnServesOn) {
  for (const int ours : {1, 2})
    for (const int other : {0, 3, 4}) ASSERT_NO_FATAL_FAILURE(cut_both_ways(ours, other));
  ASSERT_NO_FATAL_FAILURE(expect_nothing_happens());
}

TEST_F(PartitionOfFour, CutsAroundTheMonitorOrOneStandbyChangeNothing) {
  ASSERT_NO_FATAL_FAILURE(expect_cuts_around_the_monitor_change_nothing());
  begin_next_cut();
  ASSERT_NO_FATAL_FAILURE(cut_both_ways(first_node, second_node));
  ASSERT_NO_FATAL_FAILURE(expect_primary_serves_on());
  ASSERT_NO_FATAL_FAILURE(heal());
  begin_next_cut();
  ASSERT_TRUE(ok(network_->isolate(second_node)));
  ASSERT_NO_FATAL_FAILURE(expect_primary_serves_on());
  ASSERT_NO_FATAL_FAILURE(heal());
  ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
}

TEST_F(PartitionOfFour, FlappingLinkOfThePrimaryReplacesNobody) {
  ASSERT_NO_FATAL_FAILURE(expect_nothing_while_the_link_flaps());
  ASSERT_NO_FATAL_FAILURE(expect_same_primary_at_the_end());
}

/// However few standbys a commit needs.
TEST_F(PartitionOfFour, PrimaryCutFromAllStandbysIsReplaced) {
  ASSERT_NO_FATAL_FAILURE(expect_each_cut_from_all_standbys_moves_the_primary({{true, true}}));
  const auto lowered =
      autoctl({"set", "formation", "number-sync-standbys", "0", "--pgdata", cluster().monitor().pgdata()});
  ASSERT_EQ(lowered.exit_code, 0) << lowered.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_each_cut_from_all_standbys_moves_the_primary({{true, true}}));
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
}

/// From everybody, both ways and each way, whoever is the primary just then.
TEST_F(PartitionOfFour, EachCutOfThePrimaryCostsOneFailover) {
  const std::vector<std::function<Result<>(int)>> cuts = {[this](int place) { return network_->isolate(place); },
                                                          [this](int place) { return network_->mute(place); },
                                                          [this](int place) { return network_->deafen(place); }};
  for (const auto& apply : cuts) {
    begin_next_cut();
    const lab::AutoctlDaemon* primary = cluster().primary();
    ASSERT_NE(primary, nullptr);
    const std::string old = primary->name();
    ASSERT_TRUE(ok(apply(std::stoi(old.substr(old.find('_') + 1)))));
    ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
      const lab::AutoctlDaemon* node = cluster().primary();
      return node != nullptr && node->name() != old;
    }));
    ASSERT_TRUE(load_->progresses(50, Millis(20'000)));
    EXPECT_LT(outage(), one_verdict());
    ASSERT_NO_FATAL_FAILURE(heal());
  }
  ASSERT_NO_FATAL_FAILURE(heal_and_verify());
  EXPECT_EQ(seen("node_1")->timeline, Timeline{1 + static_cast<std::uint32_t>(cuts.size())});
}

TEST_F(PartitionOfFour, FrozenPrimaryAcknowledgesNothingWhenItWakesUp) {
  expect_frozen_primary_is_replaced(std::chrono::seconds(60));
}

/// 200 ms more from one machine to another and back, on each link one packet in twenty lost.
class SlowPartition : public Partition {
 protected:
  void SetUp() override { set_up(2, Network::Links::adjustable); }
  void expect_slow_writes_and_nothing_else() {
    for (int place = monitor; place <= static_cast<int>(cluster().nodes().size()); ++place)
      network_->adjust(place, {Millis(50), 5});
    ASSERT_TRUE(load_->progresses(20, Millis(60'000)));
    ASSERT_NO_FATAL_FAILURE(expect_nothing_happens(Millis(8'000)));
  }
};

TEST_F(SlowPartition, SlowLinksMakeWritesSlowAndNothingElse) {
  expect_slow_writes_and_nothing_else();
}

class SlowPartitionOfFour : public SlowPartition {
 protected:
  void SetUp() override { set_up(4, Network::Links::adjustable); }
};

TEST_F(SlowPartitionOfFour, SlowLinksMakeWritesSlowAndNothingElse) {
  expect_slow_writes_and_nothing_else();
}

}  // namespace
}  // namespace autoctl::test
