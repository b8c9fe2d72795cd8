// Workers and coordinators that change roles, planned and not, while an application writes through the coordinator.
// Runs on the stand-in too, where the rows stay on the coordinator.
#include <signal.h>

#include <iostream>

#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

class CitusFailover : public CitusTest {
 protected:
  /// Writes go on afterwards, everything comes to rest, pg_dist_node follows; prints what the writers felt.
  void expect_recovery(const std::string& what, TimePoint start) {
    ASSERT_TRUE(writers().progress(50, Millis(30'000))) << what << ": " << writers().trouble();
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled()) << what;
    ASSERT_TRUE(writers().progress(50, Millis(30'000))) << what << ": " << writers().trouble();
    std::cout << what << ": write outage " << writers().outage(start, Clock::now()).count() << " ms, longest statement "
              << writers().longest_statement(start).count() << " ms, errors " << writers().failures(start).size()
              << "\n";
  }
};

TEST_F(CitusFailover, MetadataFollowsAndNoRowIsLost) {
  ASSERT_NO_FATAL_FAILURE(start_citus());
  ASSERT_NO_FATAL_FAILURE(start_writers());
  for (const GroupId group : {1, 0}) {
    const std::string whose = group == 0 ? "the coordinator" : "a worker";
    lab::AutoctlDaemon* before = &primary(group);
    auto start = Clock::now();
    ASSERT_TRUE(ok(cluster().switchover(Millis(60'000), group)));
    ASSERT_NO_FATAL_FAILURE(expect_recovery("switchover of " + whose, start));
    EXPECT_NE(&primary(group), before);

    before = &primary(group);
    start = Clock::now();
    before->signal_node(SIGKILL);
    ASSERT_NO_FATAL_FAILURE(expect_recovery("death of " + whose, start));
    EXPECT_NE(&primary(group), before);
  }
  verify_writers();
}

/// Peers refuse that for 25 to 45 s.
TEST_F(CitusFailover, TablesCanBeDistributedRightAfterASwitchover) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_NO_FATAL_FAILURE(start_citus());
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000), 1)));
  query_primary(0, "CREATE TABLE distributed (id int PRIMARY KEY)");
  query_primary(0, "SELECT create_distributed_table('distributed', 'id')");
}

TEST_F(CitusFailover, DriftMadeByHandIsPutRight) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1));
  query_primary(0, "UPDATE pg_dist_node SET nodeport = 1 WHERE groupid = 1");
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows());
  const Finished events = autoctl({"show", "events", "--pgdata", cluster().monitor().pgdata(), "--count", "20"});
  EXPECT_NE(events.output.find("pg_dist_node"), std::string::npos) << events.output;
}

}  // namespace
}  // namespace autoctl::test
