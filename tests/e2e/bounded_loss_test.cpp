// Commits wait for no standby, and an operator allows a failover to lose some of them, within bounds: a primary that is
// killed for good is replaced, and no more is lost than is said; where the standby lacks more, nobody is promoted.
#include <signal.h>

#include <algorithm>
#include <iostream>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

/// As most links and disks bear.
constexpr Millis may_be_lost{8'000};
/// The lease of the old primary, and a promotion.
constexpr Millis replaced_by{10'000};

class BoundedLoss : public ClusterTest {
 protected:
  bool is_primary(const lab::AutoctlDaemon& node) { return cluster().primary() == &node; }

  /// Two nodes that are in no quorum.
  void start_asynchronous_pair() {
    lab::LocalCluster::Place place;
    place.words = {"--replication-quorum", "false"};
    ASSERT_NO_FATAL_FAILURE(start_in({{}, place, place}));
  }
  void start_in(const std::vector<lab::LocalCluster::Place>& places) {
    ASSERT_TRUE(ok(cluster().create_monitor(places[0])));
    for (const int number : {1, 2}) {
      const auto& place = places[static_cast<std::size_t>(number)];
      ASSERT_TRUE(ok(cluster().create_node("node_" + std::to_string(number), place)));
      ASSERT_TRUE(lab::eventually(Millis(60'000), [this] { return cluster().primary() != nullptr; }));
    }
    ASSERT_TRUE(lab::eventually(Millis(60'000), [this] { return at_rest(); })) << at_monitor({"show", "state"}).output;
  }
  /// One primary that waits for nobody, and its secondary, which streams.
  bool at_rest() {
    const auto state = cluster().state();
    if (!state || state->nodes.size() != 2) return false;
    return std::ranges::all_of(
               state->nodes,
               [](const auto& node) {
                 return node.reported == node.assigned && node.health == "healthy" &&
                        (node.assigned == NodeState::wait_primary || node.assigned == NodeState::secondary);
               }) &&
           cluster().primary() != nullptr && cluster().standby() != nullptr;
  }
  void allow_loss() {
    ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "failover-max-lost-time", std::to_string(may_be_lost.count())}));
    // It counts from when the primary has said that it serves by its lease.
    ASSERT_TRUE(lab::eventually(Millis(20'000), [this] {
      const Finished told = at_monitor({"explain"});
      return told.exit_code == 0 && told.output.find("has not shown since when") == std::string::npos;
    })) << at_monitor({"explain"}).output;
  }
  /// How long before its last acknowledgement the old primary acknowledged the first row that is not there.
  static Millis lost_time(const lab::WritingClient& writer, const std::vector<std::int64_t>& lost, int port) {
    std::optional<TimePoint> first, last;
    for (const auto& row : writer.acknowledgements()) {
      if (row.port != port) continue;
      last = row.received;
      if (!first && std::ranges::binary_search(lost, row.id)) first = row.received;
    }
    return first ? std::chrono::duration_cast<Millis>(*last - *first) : Millis{0};
  }
};

TEST_F(BoundedLoss, APrimaryThatIsKilledForGoodIsReplaced) {
  ASSERT_NO_FATAL_FAILURE(start_asynchronous_pair());
  ASSERT_NO_FATAL_FAILURE(allow_loss());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(200, Millis(20'000)));
  lab::AutoctlDaemon& victim = *cluster().find("node_1");
  lab::AutoctlDaemon& standby = *cluster().find("node_2");
  ASSERT_TRUE(is_primary(victim));
  const auto killed = Clock::now();
  victim.signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(30'000), [&] { return is_primary(standby); }));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  const Millis outage = load.writer().outage(killed, Clock::now());
  std::cout << "write outage " << outage.count() << " ms\n";
  EXPECT_LE(outage, replaced_by);
  const std::string event = "node_2 takes over and may lack what node_1 acknowledged in its last ";
  EXPECT_TRUE(is_said({"show", "events", "--json", "--count", "100"}, event));
  EXPECT_TRUE(is_said({"show", "events", "--json", "--count", "100"}, "failover_with_bounded_loss"));

  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_TRUE(lab::eventually(Millis(60'000), [this] { return at_rest(); })) << "it comes back, rewound or copied";
  load.stop();
  const auto lost = load.writer().lost(cluster().read_write());
  ASSERT_TRUE(ok(lost));
  const Millis time = lost_time(load.writer(), *lost, victim.pgport());
  std::cout << lost->size() << " rows lost, of " << time.count() << " ms\n";
  EXPECT_LE(time, may_be_lost);
  EXPECT_EQ(load.split_brain(), std::nullopt);
}

TEST_F(BoundedLoss, NobodyIsPromotedWhereTheStandbyLacksMore) {
  ASSERT_NO_FATAL_FAILURE(start_asynchronous_pair());
  ASSERT_NO_FATAL_FAILURE(allow_loss());
  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "failover-max-lost-bytes", "100000"}));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& victim = *cluster().find("node_1");
  const auto receiver = query(*cluster().find("node_2"), "select pid from pg_stat_wal_receiver");
  ASSERT_EQ(receiver.size(), 1U);
  const pid_t pid = std::stoi(receiver.front());
  ASSERT_EQ(::kill(pid, SIGSTOP), 0) << "it gets nothing of what is acknowledged from now on";
  query(victim, "create table much as select n, repeat('x', 500) from generate_series(1, 2000) n");
  const auto told = query(victim, "select pg_current_wal_flush_lsn()");
  ASSERT_EQ(told.size(), 1U);
  ASSERT_TRUE(lab::eventually(Millis(2'000), [&] {
    const auto state = cluster().state();
    return state && std::ranges::any_of(state->nodes, [&](const auto& node) {
             return node.name == "node_1" && node.lsn >= parse_lsn(told.front()).value();
           });
  })) << "the monitor has heard of it";
  victim.signal_node(SIGKILL);
  ASSERT_EQ(::kill(pid, SIGKILL), 0) << "what waits in its socket goes with it";
  const std::string why = "more than is allowed (failover_max_lost_time 8000, failover_max_lost_bytes 100000)";
  EXPECT_TRUE(is_said({"show", "events", "--json", "--count", "100"}, why)) << at_monitor({"show", "events"}).output;
  EXPECT_TRUE(is_said({"show", "state"}, why));
  EXPECT_TRUE(is_said({"explain"}, why)) << at_monitor({"explain"}).output;
  EXPECT_EQ(cluster().standby(), cluster().find("node_2")) << "it has not been promoted";

  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_TRUE(lab::eventually(Millis(60'000), [this] { return at_rest(); }));
  EXPECT_TRUE(is_primary(victim)) << "with everything";
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  load.stop();
  load.verify();
}

/// No quorum fences it. Its keeper is killed, too, and cannot.
TEST_F(BoundedLoss, APrimaryWithoutItsKeeperDoesNotServeOn) {
  ASSERT_NO_FATAL_FAILURE(start_asynchronous_pair());
  ASSERT_NO_FATAL_FAILURE(allow_loss());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& victim = *cluster().find("node_1");
  const auto postmaster = victim.postmaster();
  ASSERT_TRUE(postmaster);
  ASSERT_EQ(::kill(victim.pid(), SIGKILL), 0);  // and not its guard, which is a process of its own
  ASSERT_TRUE(victim.await_end(Millis(5'000)));
  EXPECT_TRUE(lab::eventually(Millis(5'000), [&] { return !lab::find_process(*postmaster).has_value(); }));
  ASSERT_TRUE(lab::eventually(Millis(30'000), [&] { return is_primary(*cluster().find("node_2")); }));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_TRUE(lab::eventually(Millis(60'000), [this] { return at_rest(); }));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  load.stop();
  EXPECT_EQ(load.split_brain(), std::nullopt);
}

/// Each node in a network of its own: the primary hears neither the monitor nor its standby, and clients reach it.
TEST_F(BoundedLoss, APrimaryThatIsCutOffStopsBeforeAnotherOneAcknowledges) {
  if (!may_make_networks()) GTEST_SKIP() << "partitions need network namespaces: run ./scripts/test where they exist";
  auto network = Network::make(3);
  ASSERT_TRUE(ok(network));
  std::vector<lab::LocalCluster::Place> places;
  for (const int number : {0, 1, 2}) {
    places.push_back(network->place(number));
    if (number > 0) places.back().words = {"--replication-quorum", "false"};
  }
  ASSERT_NO_FATAL_FAILURE(start_in(places));
  ASSERT_NO_FATAL_FAILURE(allow_loss());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(200, Millis(20'000)));
  lab::AutoctlDaemon& victim = *cluster().find("node_1");
  for (const int peer : {0, 2}) {
    ASSERT_TRUE(ok(network->cut(1, peer)));
    ASSERT_TRUE(ok(network->cut(peer, 1)));
  }
  const auto cut = Clock::now();
  ASSERT_TRUE(lab::eventually(Millis(30'000), [&] { return is_primary(*cluster().find("node_2")); }));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  EXPECT_GT(load.acknowledged_by(victim, cut), 0U) << "clients reached it";
  ASSERT_TRUE(ok(network->heal()));
  ASSERT_TRUE(lab::eventually(Millis(60'000), [this] { return at_rest(); }));
  load.stop();
  EXPECT_EQ(load.split_brain(), std::nullopt);
  const auto lost = load.writer().lost(cluster().read_write());
  ASSERT_TRUE(ok(lost));
  const Millis time = lost_time(load.writer(), *lost, victim.pgport());
  std::cout << lost->size() << " rows lost, of " << time.count() << " ms\n";
  EXPECT_GT(lost->size(), 0U) << "what it acknowledged alone";
  EXPECT_LE(time, may_be_lost);
}

}  // namespace
}  // namespace autoctl::test
