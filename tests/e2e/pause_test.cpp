// A paused formation: the primary dies, and nobody takes over until an operator says so.
#include <signal.h>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class Pause : public ClusterTest {
 protected:
  Finished command(const std::string& verb) { return autoctl({verb, "--pgdata", cluster().monitor().pgdata()}); }
  bool shows(const std::vector<std::string>& what, const std::string& words) {
    std::vector<std::string> line = what;
    line.insert(line.end(), {"--pgdata", cluster().monitor().pgdata()});
    return autoctl(line).output.find(words) != std::string::npos;
  }
};

TEST_F(Pause, NobodyTakesOverBeforeItEnds) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_EQ(command("pause").exit_code, 0);
  EXPECT_TRUE(shows({"show", "state"}, "is paused"));
  const auto refused = autoctl({"perform", "switchover", "--pgdata", cluster().monitor().pgdata()});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_NE(refused.output.find("autoctl resume"), std::string::npos) << refused.output;

  lab::AutoctlDaemon* victim = cluster().primary();
  ASSERT_NE(victim, nullptr);
  victim->signal_postmaster(SIGKILL);
  ASSERT_TRUE(load.progresses(50, Millis(20'000))) << "a living keeper starts it again, as always";
  cluster().monitor().signal_node(SIGKILL);
  ASSERT_TRUE(ok(cluster().monitor().run()));
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
    return shows({"show", "state"}, "is paused");
  })) << "a pause survives a restart of the monitor";

  victim->signal_node(SIGKILL);
  EXPECT_TRUE(lab::eventually(Millis(30'000), [&] {
    return shows({"show", "events", "--count", "50"}, "paused: would fail over now because");
  }));
  EXPECT_NE(cluster().standby(), nullptr) << "it is a secondary still";
  ASSERT_EQ(command("resume").exit_code, 0);
  ASSERT_TRUE(load.progresses(50, Millis(20'000))) << "what was due happens now";
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_NE(cluster().primary(), victim);
  load.stop();
  load.verify();
}

}  // namespace
}  // namespace autoctl::test
