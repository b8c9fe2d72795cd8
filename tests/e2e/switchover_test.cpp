// Planned hand-overs, back and forth, while an application writes.
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int round_trips = 10;

class Switchover : public ClusterTest {};

TEST_F(Switchover, BackAndForthTwentyTimesLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  for (int i = 0; i < 2 * round_trips; ++i) {
    const lab::AutoctlDaemon* before = cluster().primary();
    ASSERT_NE(before, nullptr);
    ASSERT_TRUE(ok(cluster().switchover(Millis(60'000)))) << "switchover " << i + 1;
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_NE(cluster().primary(), before) << "switchover " << i + 1;
    ASSERT_TRUE(load.progresses(50, Millis(10'000))) << "after switchover " << i + 1;
  }
  load.stop();
  load.verify();
}

}  // namespace
}  // namespace autoctl::test
