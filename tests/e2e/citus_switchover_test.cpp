// Worker groups hand over and fail over while an application writes through the coordinator, on real Citus: what
// docs/operations/citus-switchover.md promises, measured.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <numeric>

#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int default_switchovers = 5;
constexpr Millis operation_timeout{60'000};

int from_environment(const char* name, int otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::atoi(value) : otherwise;
}

class CitusSwitchover : public CitusTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(CitusTest::SetUp());
    if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  }

  /// Two pairs of workers and eight writers, and one whose every row is on both groups.
  void start_all() {
    ASSERT_NO_FATAL_FAILURE(start_citus());
    ASSERT_NO_FATAL_FAILURE(start_writers(4));
  }
  /// Statements that failed since `from`, with the first one's words.
  std::string failures(TimePoint from) {
    std::string text;
    for (const auto& client : writers().clients())
      for (const auto& failure : client->failures(from))
        text += client->options().source + ": " + failure.message + "\n";
    return text;
  }
  void distribute_a_table(int number) {
    query_primary(0, fmt::format("CREATE TABLE at_once_{} (id bigint PRIMARY KEY)", number));
    query_primary(0, fmt::format("SELECT create_distributed_table('at_once_{}', 'id')", number));
    query_primary(0, fmt::format("DROP TABLE at_once_{}", number));
  }
  Millis since(TimePoint from) const { return std::chrono::duration_cast<Millis>(Clock::now() - from); }
  static Millis median(std::vector<Millis> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
  }
  static void print(const std::string& what, std::vector<Millis> values) {
    std::ranges::sort(values);
    std::cout << fmt::format("MEASURED {}: median {} ms, worst {} ms, of {}\n", what, median(values).count(),
                             values.back().count(), values.size());
  }
};

TEST_F(CitusSwitchover, OfAWorkerIsSeenByNoClient) {
  ASSERT_NO_FATAL_FAILURE(start_all());
  std::vector<Millis> longest;
  const int count = from_environment("AUTOCTL_SWITCHOVERS", default_switchovers);
  for (int number = 1; number <= count; ++number) {
    const GroupId group = 1 + number % 2;
    SCOPED_TRACE(fmt::format("switchover {} of group {}", number, group));
    const lab::AutoctlDaemon* before = cluster().primary(group);
    const auto start = Clock::now();
    ASSERT_TRUE(ok(cluster().switchover(operation_timeout, group)));
    ASSERT_NO_FATAL_FAILURE(distribute_a_table(number)) << "at once";
    ASSERT_TRUE(writers().progress(20, Millis(20'000))) << writers().trouble();
    EXPECT_NE(cluster().primary(group), before);
    EXPECT_EQ(failures(start), "");
    longest.push_back(writers().longest_statement(start));
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  }
  print("longest statement of a worker switchover", longest);
  EXPECT_LE(median(longest), Millis(from_environment("AUTOCTL_LONGEST_STATEMENT", 5'000)));
  verify_writers();
}

TEST_F(CitusSwitchover, OfTheCoordinatorIsShort) {
  ASSERT_NO_FATAL_FAILURE(start_all());
  std::vector<Millis> planned;
  std::vector<Millis> unplanned;
  for (int round = 0; round < 3; ++round) {
    auto start = Clock::now();
    ASSERT_TRUE(ok(cluster().switchover(operation_timeout)));
    ASSERT_TRUE(writers().progress(20, Millis(20'000))) << writers().trouble();
    planned.push_back(writers().outage(start, Clock::now()));
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
    start = Clock::now();
    primary(0).signal_node(SIGKILL);
    ASSERT_TRUE(writers().progress(20, Millis(20'000))) << writers().trouble();
    unplanned.push_back(writers().outage(start, Clock::now()));
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  }
  print("write outage of a coordinator switchover", planned);
  print("write outage of a coordinator's death", unplanned);
  verify_writers();
}

TEST_F(CitusSwitchover, AWorkersDeathLosesNothing) {
  ASSERT_NO_FATAL_FAILURE(start_all());
  std::vector<Millis> outages;
  for (int round = 0; round < 4; ++round) {
    const GroupId group = 1 + round % 2;
    const auto start = Clock::now();
    primary(group).signal_node(SIGKILL);
    ASSERT_TRUE(writers().progress(20, Millis(30'000))) << writers().trouble();
    outages.push_back(writers().outage(start, Clock::now()));
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  }
  print("write outage of a worker's death", outages);
  verify_writers();
}

/// A transaction on all groups that is left open.
pg::Connection idle_in_transaction(const std::string& coordinator) {
  auto session = pg::Connection::open(coordinator, Millis(5'000));
  EXPECT_TRUE(ok(session));
  EXPECT_TRUE(ok(session->script("BEGIN; INSERT INTO idle SELECT generate_series(1, 100)", Millis(10'000))));
  return std::move(*session);
}

TEST_F(CitusSwitchover, AnIdleSessionDelaysItNoLongerThanItsCooldown) {
  ASSERT_NO_FATAL_FAILURE(start_all());
  query_primary(0, "CREATE TABLE idle (id bigint)");
  query_primary(0, "SELECT create_distributed_table('idle', 'id')");
  auto idle = idle_in_transaction(coordinator());
  auto start = Clock::now();
  ASSERT_TRUE(ok(cluster().switchover(operation_timeout, 1)));
  std::cout << fmt::format("MEASURED planned, with an idle session: {} ms, longest statement {} ms\n",
                           since(start).count(), writers().longest_statement(start).count());
  EXPECT_EQ(failures(start), "");
  EXPECT_LT(since(start), Millis(12'000)) << "citus_switchover_cooldown is 5 s";
  EXPECT_FALSE(idle.script("COMMIT", Millis(5'000))) << "it was ended";
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  EXPECT_EQ(query_primary(0, "SELECT count(*) FROM idle"), std::vector<std::string>{"0"}) << "and rolled back";

  idle = idle_in_transaction(coordinator());
  start = Clock::now();
  primary(2).signal_node(SIGKILL);
  ASSERT_TRUE(writers().progress(20, Millis(30'000))) << writers().trouble();
  std::cout << fmt::format("MEASURED a worker's death, with an idle session: write outage {} ms\n",
                           writers().outage(start, Clock::now()).count());
  EXPECT_LT(writers().outage(start, Clock::now()), Millis(8'000)) << "citus_failover_cooldown is 0.5 s";
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  verify_writers();
}

/// The hand-over is called off when a session that must not be ended is in the way for longer than drain_timeout: here
/// the coordinator's keeper is frozen and cannot hold anything.
TEST_F(CitusSwitchover, IsRefusedWhileTheCoordinatorsKeeperIsAway) {
  ASSERT_NO_FATAL_FAILURE(start_all());
  lab::AutoctlDaemon& coordinator_now = primary(0);
  const lab::AutoctlDaemon* before = cluster().primary(1);
  coordinator_now.signal_daemon(SIGSTOP);
  const auto start = Clock::now();
  const auto done = cluster().switchover(Millis(60'000), 1);
  EXPECT_FALSE(done);
  if (!done) {
    EXPECT_NE(done.error().message.find("coordinator"), std::string::npos) << done.error().message;
  }
  EXPECT_EQ(failures(start), "") << "the primary goes on as before";
  coordinator_now.signal_daemon(SIGCONT);
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  EXPECT_EQ(cluster().primary(1), before);
  ASSERT_TRUE(ok(cluster().switchover(operation_timeout, 1)));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  verify_writers();
}

}  // namespace
}  // namespace autoctl::test
