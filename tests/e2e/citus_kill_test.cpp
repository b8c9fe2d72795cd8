// SIGKILL to any one process at random moments of worker switchovers. Within ten seconds of its restart nothing is
// left: no prepared transaction, no session of ours, no lock, pg_dist_node right on every node; no acknowledged row is
// lost and no transaction of two groups is half applied.
//   AUTOCTL_FAULTS=200 AUTOCTL_SEED=1 ./scripts/sandbox build/dev/tests/e2e_tests --gtest_filter='CitusKill.*'
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int default_kills = 8;
constexpr Millis longest_switchover{400};  // the moments that are struck
constexpr Millis restart_delay{100};       // systemd's RestartSec
constexpr Millis progress_timeout{60'000};
constexpr Millis settle_timeout{120'000};

long from_environment(const char* name, long otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtol(value, nullptr, 10) : otherwise;
}

class CitusKill : public CitusTest {
 protected:
  struct Victim {
    std::string name;
    std::function<void()> strike;
  };

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(CitusTest::SetUp());
    if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  }

  int roll(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }

  /// Chosen before the switchover begins: roles are those of that moment.
  Victim choose(GroupId group) {
    lab::AutoctlDaemon& old_primary = primary(group);
    lab::AutoctlDaemon* const standby = cluster().standby(group);
    lab::AutoctlDaemon& candidate = standby != nullptr ? *standby : old_primary;
    lab::AutoctlDaemon& coordinator_now = primary(0);
    switch (roll(9)) {
      case 0: return {"old primary's keeper", [&] { old_primary.signal_daemon(SIGKILL); }};
      case 1: return {"old primary's postmaster", [&] { old_primary.signal_postmaster(SIGKILL); }};
      case 2: return {"candidate's keeper", [&] { candidate.signal_daemon(SIGKILL); }};
      case 3: return {"candidate's postmaster", [&] { candidate.signal_postmaster(SIGKILL); }};
      case 4: return {"coordinator's keeper", [&] { coordinator_now.signal_daemon(SIGKILL); }};
      case 5: return {"coordinator's postmaster", [&] { coordinator_now.signal_postmaster(SIGKILL); }};
      case 6: return {"monitor", [&] { cluster().monitor().signal_daemon(SIGKILL); }};
      case 7: return {"monitor's postmaster", [&] { cluster().monitor().signal_postmaster(SIGKILL); }};
      default: return {"coordinator's session that holds", [&] { end_hold_session(coordinator_now); }};
    }
  }
  void end_hold_session(const lab::AutoctlDaemon& coordinator_now) {
    auto session = pg::Connection::open(
        lab::conninfo({{coordinator_now.host(), coordinator_now.pgport()}}, dbname_, "any"), Millis(2'000));
    if (session)
      static_cast<void>(session->query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'autoctl_hold%'",
          Millis(2'000)));
  }

  /// Until writers get on and nothing is left; how long that took since the restart.
  Millis recover() {
    const auto start = Clock::now();
    EXPECT_TRUE(writers().progress(20, progress_timeout)) << writers().trouble();
    return std::chrono::duration_cast<Millis>(Clock::now() - start);
  }

  std::mt19937 random_;
};

TEST_F(CitusKill, AtRandomMomentsOfSwitchoversLeavesNothingBehind) {
  const auto seed = static_cast<unsigned>(from_environment("AUTOCTL_SEED", std::random_device{}()));
  const long count = from_environment("AUTOCTL_FAULTS", default_kills);
  std::cout << fmt::format("{} kills, AUTOCTL_SEED={}\n", count, seed);
  random_.seed(seed);
  ASSERT_NO_FATAL_FAILURE(start_citus());
  ASSERT_NO_FATAL_FAILURE(start_writers(2));
  std::map<std::string, std::vector<Millis>> worst;
  for (long number = 1; number <= count; ++number) {
    const GroupId group = 1 + roll(2);
    const Victim victim = choose(group);
    const Millis moment(roll(static_cast<int>(longest_switchover.count())));
    SCOPED_TRACE(
        fmt::format("kill {}, seed {}: {} of group {} after {} ms", number, seed, victim.name, group, moment.count()));
    const auto start = Clock::now();
    (void)cluster().api().start_operation({.kind = "switchover", .group = group}, Millis(5'000));
    std::this_thread::sleep_for(moment);
    victim.strike();
    std::this_thread::sleep_for(restart_delay);
    ASSERT_TRUE(ok(cluster().heal()));
    const Millis recovered = recover();
    const Millis longest = writers().longest_statement(start);
    const std::size_t failed = writers().failures(start).size();
    ASSERT_NO_FATAL_FAILURE(expect_metadata_follows(Millis(10'000)));
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled(settle_timeout));
    std::cout << fmt::format("{:>4} {:<36} {:>4} ms: longest statement {:>6} ms, {} failed, {} ms to go on\n", number,
                             victim.name, moment.count(), longest.count(), failed, recovered.count())
              << std::flush;
    worst[victim.name].push_back(longest);
    ASSERT_FALSE(HasFailure());
    ASSERT_NO_FATAL_FAILURE(verify_writers());
    ASSERT_FALSE(HasFailure());
    if (number == count) break;
    for (const auto& client : writers().clients()) client->start();
    ASSERT_TRUE(writers().progress(20, progress_timeout)) << writers().trouble();
  }
  for (auto& [name, values] : worst)
    std::cout << fmt::format("MEASURED {}: worst statement {} ms, of {}\n", name, std::ranges::max(values).count(),
                             values.size());
  std::cout << fmt::format("{} kills, seed {}: {} rows acknowledged, {} in doubt\n", count, seed,
                           writers().acknowledged(), writers().in_doubt());
}

}  // namespace
}  // namespace autoctl::test
