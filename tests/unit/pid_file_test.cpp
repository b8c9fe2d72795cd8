#include "common/util/pid_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

namespace autoctl {
namespace {

class PidFileTest : public testing::Test {
 protected:
  std::string path_ = testing::TempDir() + "/autoctl-pid-" + std::to_string(::getpid());
  ~PidFileTest() override { std::filesystem::remove(path_); }
};

TEST_F(PidFileTest, TheLockGoesWithItsHolder) {
  ASSERT_TRUE(locked_pid(path_));
  EXPECT_FALSE(*locked_pid(path_));
  {
    const auto held = PidFile::acquire(path_);
    ASSERT_TRUE(held) << held.error().message;
    EXPECT_EQ(locked_pid(path_), ::getpid());
    const auto second = PidFile::acquire(path_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::conflict);
    EXPECT_NE(second.error().message.find(std::to_string(::getpid())), std::string::npos);
  }
  EXPECT_FALSE(*locked_pid(path_));
  EXPECT_TRUE(PidFile::acquire(path_));
}

TEST_F(PidFileTest, AKilledHolderLeavesNoLock) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto held = PidFile::acquire(path_);
    ::_exit(held ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  EXPECT_FALSE(*locked_pid(path_));
}

}  // namespace
}  // namespace autoctl
