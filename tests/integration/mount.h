// A file system of a test's own.
#pragma once

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <cstdlib>
#include <filesystem>
#include <string>

namespace autoctl::keeper::test {

/// scripts/sandbox lets tests mount; elsewhere those that need it are skipped.
class Mount {
 public:
  Mount(std::string path, const char* type, const std::string& source, unsigned long flags, const std::string& data)
      : path_(std::move(path)) {
    std::filesystem::create_directories(path_);
    done_ = ::mount(source.c_str(), path_.c_str(), type, flags, data.c_str()) == 0;
  }
  ~Mount() {
    if (done_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  Mount(const Mount&) = delete;
  Mount& operator=(const Mount&) = delete;
  explicit operator bool() const { return done_; }

 private:
  std::string path_;
  bool done_ = false;
};

#define REQUIRE_MOUNT(mount)                                                                       \
  if (!(mount)) {                                                                                  \
    const char* sandbox = std::getenv("AUTOCTL_SANDBOX");                                          \
    ASSERT_STRNE(sandbox == nullptr ? "no" : sandbox, "yes") << "the sandbox should let us mount"; \
    GTEST_SKIP() << "needs the right to mount: run through scripts/sandbox";                       \
  }

}  // namespace autoctl::keeper::test
