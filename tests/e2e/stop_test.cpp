// A primary that is stopped hands over first; who must not wait for that does not.
#include <signal.h>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class Stop : public ClusterTest {
 protected:
  Finished stop(const lab::AutoctlDaemon& node, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {"stop", "--pgdata", node.pgdata()};
    words.insert(words.end(), more.begin(), more.end());
    return autoctl(words, Millis(90'000));
  }
  bool has_event(const std::string& words) {
    return autoctl({"show", "events", "--count", "100", "--pgdata", cluster().monitor().pgdata()}).output.find(words) !=
           std::string::npos;
  }
};

TEST_F(Stop, APrimaryHandsOverFirst) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  for (int round = 1; round <= 3; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    lab::AutoctlDaemon* old_primary = cluster().primary();
    ASSERT_NE(old_primary, nullptr);
    const auto finished = stop(*old_primary);
    ASSERT_EQ(finished.exit_code, 0) << finished.output;
    EXPECT_FALSE(old_primary->postmaster());
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_NE(cluster().primary(), old_primary);
  }
  EXPECT_TRUE(has_event("is about to stop, and hands over first"));
  EXPECT_FALSE(has_event("primary_is_dead")) << "no stop was a failover";
  load.stop();
  load.verify();
}

TEST_F(Stop, FastDoesNot) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  lab::AutoctlDaemon* primary = cluster().primary();
  ASSERT_NE(primary, nullptr);
  ASSERT_EQ(stop(*primary, {"--fast"}).exit_code, 0);
  EXPECT_FALSE(has_event("hands over first"));
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return has_event("primary_is_dead"); })) << "it is failed over";
}

TEST_F(Stop, IsNotHeldUpWhereNobodyCanTakeOver) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  lab::AutoctlDaemon* primary = cluster().primary();
  ASSERT_NE(primary, nullptr);
  cluster().monitor().signal_node(SIGKILL);
  const auto began = std::chrono::steady_clock::now();
  ASSERT_EQ(stop(*primary).exit_code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(15)) << "there is no monitor to ask";
  EXPECT_FALSE(primary->postmaster());
}

}  // namespace
}  // namespace autoctl::test
