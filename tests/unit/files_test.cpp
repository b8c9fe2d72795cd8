#include "common/config/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>

namespace autoctl::config {
namespace {

namespace fs = std::filesystem;

class FilesOnDisk : public testing::Test {
 protected:
  FilesOnDisk() {
    std::string name = (fs::temp_directory_path() / "autoctl-files-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~FilesOnDisk() override { fs::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  static unsigned mode(const std::string& file) {
    struct stat info {};
    return ::stat(file.c_str(), &info) == 0 ? info.st_mode & 07777U : 0;
  }
  auto entries() const { return std::distance(fs::directory_iterator(directory_), fs::directory_iterator()); }

  fs::path directory_;
};

TEST(Files, LieBesidePgdata) {
  EXPECT_EQ(Files("/var/lib/postgresql/15/main/").pgdata, "/var/lib/postgresql/15/main");
  EXPECT_EQ(Files("/var/lib/postgresql/15/main/").directory, "/var/lib/postgresql/15/main.autoctl");
  EXPECT_EQ(Files("/a/b/../c/.").pgdata, "/a/c");
  EXPECT_EQ(Files("data").pgdata, (fs::current_path() / "data").string());
  EXPECT_EQ(Files("/a").clone_directory(), "/a.clone");
  EXPECT_EQ(Files("/a").state(), "/a.autoctl/state.json");
}

TEST_F(FilesOnDisk, WriteThenRead) {
  const std::string text("with\0nul and \xff\n", 15);
  ASSERT_TRUE(write_file(path("a"), text));
  EXPECT_EQ(read_file(path("a")).value(), text);
  EXPECT_EQ(mode(path("a")), 0600U);
  const std::string large(300000, 'x');
  ASSERT_TRUE(write_file(path("a"), large, 0644));
  EXPECT_EQ(read_file(path("a")).value(), large);
  EXPECT_EQ(mode(path("a")), 0644U);
  EXPECT_EQ(entries(), 1) << "a temporary file was left behind";
}

TEST_F(FilesOnDisk, ReplacesTheTargetOfALink) {
  ASSERT_TRUE(write_file(path("target"), "old"));
  fs::create_symlink("target", path("link"));
  ASSERT_TRUE(write_file(path("link"), "new"));
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read_file(path("target")).value(), "new");
}

TEST_F(FilesOnDisk, ErrorsNameThePath) {
  const auto missing = read_file(path("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().message, testing::HasSubstr(path("none")));
  EXPECT_EQ(read_file(directory_.string()).error().code, Errc::system);

  const auto nowhere = write_file(path("none/file"), "x");
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code, Errc::system);
  EXPECT_THAT(nowhere.error().message, testing::HasSubstr("No such file"));
}

TEST_F(FilesOnDisk, AFailedWriteLeavesNothing) {
  fs::create_directory(path("taken"));
  EXPECT_EQ(write_file(path("taken"), "x").error().code, Errc::system);
  EXPECT_EQ(entries(), 1);
}

}  // namespace
}  // namespace autoctl::config
