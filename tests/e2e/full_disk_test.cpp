// A node whose disk is full: its role goes to the other one, and it comes back when there is room.
#include <fstream>
#include <iostream>

#include "support/small_disk.h"

namespace autoctl::test {
namespace {

class FullDisk : public SmallDiskTest {
 protected:
  FullDisk() : SmallDiskTest(320) {}

  lab::LocalCluster::Place small_place() const {
    lab::LocalCluster::Place place;
    place.directory = small_;
    return place;
  }
  std::string ballast() const { return small_ + "/ballast"; }
  void fill() const {
    const Finished finished =
        shell("dd if=/dev/zero of=" + ballast() + " bs=64k; dd if=/dev/zero bs=1 >> " + ballast());
    EXPECT_NE(finished.output.find("No space left"), std::string::npos) << finished.output;
  }
  void make_room() const { EXPECT_EQ(::unlink(ballast().c_str()), 0); }
};

TEST_F(FullDisk, OfThePrimary) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, small_place(), {}}));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(100, Millis(20'000)));
  fill();
  EXPECT_TRUE(lab::eventually(Millis(60'000), [this] { return cluster().primary() == cluster().find("node_2"); }));
  ASSERT_TRUE(load.progresses(100, Millis(30'000)));
  make_room();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
}

TEST_F(FullDisk, OfTheStandby) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, {}, small_place()}));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(100, Millis(20'000)));
  fill();
  // More than the standby's disk can take in recycled files, so that it must notice.
  const lab::AutoctlDaemon* primary = cluster().find("node_1");
  query(*primary, "CREATE TABLE ballast AS SELECT i, repeat('x', 1000) FROM generate_series(1, 60000) i");
  ASSERT_TRUE(load.progresses(500, Millis(60'000)));
  EXPECT_EQ(cluster().primary(), primary);
  make_room();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(120'000)));
  load.stop();
  load.verify();
}

}  // namespace
}  // namespace autoctl::test
