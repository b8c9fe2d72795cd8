#include "common/config/own_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/config/config.h"
#include "tests/support/scratch.h"

namespace autoctl::config {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class OwnDirectory : public testing::Test {
 protected:
  void make(unsigned mode) {
    fs::create_directory(files_.directory);
    ASSERT_TRUE(write_file(files_.config(), "", 0600));
    ASSERT_EQ(::chmod(files_.directory.c_str(), mode), 0);
  }
  /// What it is refused for; empty if it is not.
  std::string wrong() const {
    const auto checked = check_own_directory(files_);
    if (checked) return {};
    EXPECT_EQ(checked.error().code, Errc::denied);
    EXPECT_NE(checked.error().hint, "");
    return checked.error().message;
  }

  test::ScratchDirectory scratch_;
  Files files_{scratch_.path() + "/pg"};
};

TEST_F(OwnDirectory, OursAloneIsFineAndSoIsNone) {
  EXPECT_EQ(wrong(), "");
  make(0700);
  EXPECT_EQ(wrong(), "");
  ASSERT_EQ(::chmod(files_.config().c_str(), 0666), 0);
  EXPECT_EQ(wrong(), "") << "nobody else gets to it";
}

TEST_F(OwnDirectory, WhatOthersCanWriteIsRefused) {
  for (const unsigned mode : {0770U, 0777U, 01777U, 0720U}) {
    make(mode);
    EXPECT_THAT(wrong(), HasSubstr(files_.directory + " can be written by other users")) << mode;
  }
  make(0755);
  EXPECT_EQ(wrong(), "");
  for (const unsigned mode : {0660U, 0606U}) {
    ASSERT_EQ(::chmod(files_.config().c_str(), mode), 0);
    EXPECT_THAT(wrong(), HasSubstr(files_.config() + " can be written by other users")) << mode;
  }
}

TEST_F(OwnDirectory, NobodyLoadsAConfigurationThatOthersCouldHaveWritten) {
  Config config;
  config.pgdata = files_.pgdata;
  make(0700);
  ASSERT_TRUE(save(files_, config));
  EXPECT_TRUE(load(files_));
  ASSERT_EQ(::chmod(files_.directory.c_str(), 0777), 0);
  EXPECT_EQ(load(files_).error().code, Errc::denied);
}

TEST_F(OwnDirectory, WhatBelongsToAnotherUserIsRefused) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t stranger = 12345;
  make(0700);
  ASSERT_EQ(::chown(files_.config().c_str(), stranger, stranger), 0);
  EXPECT_THAT(wrong(), HasSubstr(files_.config() + " belongs to another user"));
  fs::remove(files_.config());
  ASSERT_EQ(::symlink("/etc/hostname", files_.config().c_str()), 0);
  EXPECT_EQ(wrong(), "");
  ASSERT_EQ(::lchown(files_.config().c_str(), stranger, stranger), 0);
  EXPECT_THAT(wrong(), HasSubstr("belongs to another user")) << "a link leads where its owner wants";
  ASSERT_EQ(::chown(files_.directory.c_str(), stranger, stranger), 0);
  EXPECT_THAT(wrong(), HasSubstr(files_.directory + " belongs to another user"));
  EXPECT_THAT(load(files_).error().hint, HasSubstr("sudo -u '#12345'")) << "root is told how";
}

}  // namespace
}  // namespace autoctl::config
