// A standby that stays away must not fill its primary's disk with the WAL that is kept for it.
#include <algorithm>
#include <iostream>

#include "support/small_disk.h"

namespace autoctl::test {
namespace {

class Slots : public SmallDiskTest {
 protected:
  Slots() : SmallDiskTest(450) {}

  bool is_told(const std::string& words) {
    const auto events = cluster().api().events({.formation = "default", .count = 500}, Millis(5'000));
    EXPECT_TRUE(ok(events));
    return events && std::ranges::any_of(events->events, [&](const auto& event) {
             return event.description.find(words) != std::string::npos;
           });
  }
};

TEST_F(Slots, StandbyThatStaysAwayDoesNotFillTheDisk) {
  lab::LocalCluster::Place place;
  place.directory = small_;
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, place, {}}));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& primary = *cluster().find("node_1");
  lab::AutoctlDaemon& standby = *cluster().find("node_2");
  ASSERT_TRUE(standby.stop(Millis(20'000)));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  const auto alone = std::chrono::steady_clock::now();
  // Twice as much WAL as the disk holds, and nothing else that stays.
  for (int round = 0; round < 45; ++round) {
    query(primary, "create table ballast as select repeat('x', 1000) from generate_series(1, 20000)");
    query(primary, "drop table ballast");
  }
  EXPECT_TRUE(lab::eventually(Millis(10'000), [this] {
    return is_told("the replication slot autoctl_standby_2 of node_2 kept more WAL than max_slot_wal_keep_size");
  }));
  EXPECT_TRUE(load.writer().failures(alone).empty()) << load.writer().failures(alone).front().message;
  EXPECT_EQ(cluster().primary(), &primary);
  std::cout << "max_slot_wal_keep_size " << query(primary, "show max_slot_wal_keep_size").at(0) << ", pg_wal "
            << query(primary, "select pg_size_pretty(sum(size)) from pg_ls_waldir()").at(0) << "\n";
  ASSERT_TRUE(ok(standby.run()));
  ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(120'000)));
  EXPECT_NE(standby.log_tail(200).find("no longer has the WAL it needs"), std::string::npos);
  load.stop();
  load.verify();
}

class SlotsOfTwo : public ClusterTest {};

TEST_F(SlotsOfTwo, ASlotThatSomebodyDroppedComesBack) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  lab::AutoctlDaemon& primary = *cluster().find("node_1");
  lab::AutoctlDaemon& standby = *cluster().find("node_2");
  ASSERT_TRUE(standby.stop(Millis(20'000)));
  query(primary, "select pg_drop_replication_slot('autoctl_standby_2')");
  EXPECT_TRUE(lab::eventually(Millis(10'000), [&] {
    return query(primary, "select slot_name from pg_replication_slots") ==
           std::vector<std::string>{"autoctl_standby_2"};
  }));
  ASSERT_TRUE(ok(standby.run()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

}  // namespace
}  // namespace autoctl::test
