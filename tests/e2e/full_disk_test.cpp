// A node whose disk is full: its role goes to the other one, and it comes back when there is room.
#include <sys/mount.h>
#include <sys/stat.h>

#include <fstream>
#include <iostream>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

class FullDisk : public ClusterTest {
 protected:
  void SetUp() override {
    if (!may_make_networks())
      GTEST_SKIP() << "a small file system needs a mount namespace: run ./scripts/test where it exists";
    ClusterTest::SetUp();
    small_ = directory() + "/small";
    ASSERT_EQ(::mkdir(small_.c_str(), 0700), 0);
    ASSERT_EQ(::mount("tmpfs", small_.c_str(), "tmpfs", 0, "size=320m,mode=0700"), 0) << strerror(errno);
  }
  void TearDown() override {
    ClusterTest::TearDown();
    if (small_.empty()) return;
    destroy_cluster();
    EXPECT_EQ(::umount2(small_.c_str(), MNT_DETACH), 0) << strerror(errno);
  }

  demo::LocalCluster::Place small_place() const {
    demo::LocalCluster::Place place;
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

  std::string small_;
};

TEST_F(FullDisk, OfThePrimary) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, small_place(), {}}));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(100, Millis(20'000)));
  fill();
  EXPECT_TRUE(demo::eventually(Millis(60'000), [this] { return cluster().primary() == cluster().find("node_2"); }));
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
  const demo::Agent* primary = cluster().find("node_1");
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
