// The demonstrations, as somebody who has just built autoctl runs them.
#include <gmock/gmock.h>

#include <filesystem>

#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;

constexpr Millis patience{400'000};

class DemoTest : public CitusTest {
 protected:
  /// `autoctl demo WORDS` with its scratch directory in ours, which must be empty afterwards.
  Finished demo(const std::string& words) const {
    Finished finished = shell("mkdir demo; TMPDIR=$PWD/demo " + autoctl_under_test() + " demo " + words, patience);
    EXPECT_TRUE(std::filesystem::is_empty(directory() + "/demo")) << "it cleans up";
    return finished;
  }
};

TEST_F(DemoTest, ShowsASwitchoverAndACrashOfAPair) {
  const Finished finished = demo("");
  EXPECT_TRUE(finished.ok()) << finished.output;
  EXPECT_THAT(finished.output, AllOf(ContainsRegex("[0-9] \\| planned switchover\n"),
                                     HasSubstr("SIGKILL of the primary's Postgres and keeper\n"), HasSubstr("lost 0")));
}

TEST_F(DemoTest, ShowsRoleChangesOfACitusCluster) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  const Finished finished = demo("--citus --workers 1");
  EXPECT_TRUE(finished.ok()) << finished.output;
  EXPECT_THAT(finished.output,
              AllOf(HasSubstr("planned switchover of worker group 1\n"), HasSubstr("keeper of worker group 1\n"),
                    HasSubstr("planned switchover of the coordinator\n"), HasSubstr("keeper of the coordinator\n"),
                    HasSubstr("lost 0; on one of their two groups only: 0")));
}

TEST_F(DemoTest, WorkersAreForCitusOnly) {
  const Finished finished = demo("--workers 3");
  EXPECT_FALSE(finished.ok());
  EXPECT_THAT(finished.output, HasSubstr("--citus"));
}

}  // namespace
}  // namespace autoctl::test
