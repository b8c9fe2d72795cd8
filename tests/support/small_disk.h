// A cluster test with a small file system of its own, which can be filled.
#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {

class SmallDiskTest : public ClusterTest {
 protected:
  explicit SmallDiskTest(int megabytes) : megabytes_(megabytes) {}

  void SetUp() override {
    if (!may_make_networks())
      GTEST_SKIP() << "a small file system needs a mount namespace: run ./scripts/test where it exists";
    ClusterTest::SetUp();
    small_ = directory() + "/small";
    ASSERT_EQ(::mkdir(small_.c_str(), 0700), 0);
    const std::string options = "size=" + std::to_string(megabytes_) + "m,mode=0700";
    ASSERT_EQ(::mount("tmpfs", small_.c_str(), "tmpfs", 0, options.c_str()), 0) << std::strerror(errno);
  }
  void TearDown() override {
    ClusterTest::TearDown();
    if (small_.empty()) return;
    destroy_cluster();
    EXPECT_EQ(::umount2(small_.c_str(), MNT_DETACH), 0) << std::strerror(errno);
  }

  std::string small_;  // where it is mounted

 private:
  int megabytes_;
};

}  // namespace autoctl::test
