// Commands of a test are typed as users of pg_auto_failover type them.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>

#include "support/cluster_test.h"

namespace autoctl::test {

/// autoctl_under_test() is `pg_autoctl` while this lives.
class UnderItsOtherName {
 public:
  UnderItsOtherName() {
    const char* named = std::getenv(variable);
    if (named != nullptr) before_ = named;
    const std::filesystem::path program = autoctl_under_test();
    ::setenv(variable, (program.parent_path() / "pg_autoctl").c_str(), 1);
  }
  ~UnderItsOtherName() { before_.empty() ? ::unsetenv(variable) : ::setenv(variable, before_.c_str(), 1); }
  UnderItsOtherName(const UnderItsOtherName&) = delete;
  UnderItsOtherName& operator=(const UnderItsOtherName&) = delete;

 private:
  static constexpr const char* variable = "AUTOCTL_BIN";
  std::string before_;
};

}  // namespace autoctl::test
