// Others start and stop Postgres under a living keeper: with pg_ctl, and with autoctl on purpose.
#include <signal.h>

#include <filesystem>

#include "common/postgres/tools.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class Service : public ClusterTest {
 protected:
  Finished pg_ctl(const lab::AutoctlDaemon& agent, const std::string& words) {
    const auto tools = postgres::find_tools("");
    EXPECT_TRUE(ok(tools));
    return shell(tools->path("pg_ctl") + " -w -D " + agent.pgdata() + " " + words);
  }
  Finished node_service(const std::string& verb, const lab::AutoctlDaemon& agent) {
    return autoctl({verb, "postgres", "--pgdata", agent.pgdata()});
  }
  bool has_event(const std::string& words) {
    return autoctl({"show", "events", "--count", "200", "--pgdata", cluster().monitor().pgdata()}).output.find(words) !=
           std::string::npos;
  }
  void comes_back(const lab::AutoctlDaemon& agent) {
    EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return agent.postmaster().has_value(); })) << agent.log_tail(20);
  }
  bool monitor_answers() { return autoctl({"show", "state", "--pgdata", cluster().monitor().pgdata()}).ok(); }
};

TEST_F(Service, PgCtlStopAndRestartWork) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  lab::AutoctlDaemon& first = primary();
  for (int round = 0; round < 4; ++round) {
    for (lab::AutoctlDaemon* node :
         {&first, cluster().find(&first == cluster().find("node_1") ? "node_2" : "node_1"), &cluster().monitor()}) {
      SCOPED_TRACE(node->name());
      const auto stopped = pg_ctl(*node, "stop -t 20 -m fast");
      EXPECT_TRUE(stopped.ok()) << stopped.output;
      ASSERT_NO_FATAL_FAILURE(comes_back(*node));
      ASSERT_TRUE(lab::eventually(Millis(20'000), [this] { return monitor_answers(); }));
      ASSERT_NO_FATAL_FAILURE(expect_settled());
    }
  }
  EXPECT_EQ(&primary(), &first) << "nobody was failed over";
  EXPECT_TRUE(lab::eventually(Millis(10'000), [&] { return has_event("stopped by somebody else"); }));
  EXPECT_NE(cluster().monitor().log_tail(400).find("was stopped by somebody else"), std::string::npos);
  const auto restarted = pg_ctl(first, "restart -m fast -l " + directory() + "/by_hand.log");
  EXPECT_TRUE(restarted.ok()) << restarted.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_NE(first.log_tail(100).find("stopped by somebody else"), std::string::npos);
}

/// It is nobody's wish: it starts again before a second has passed.
TEST_F(Service, ACrashIsNotLeftAlone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  lab::AutoctlDaemon& node = primary();
  const auto before = node.postmaster();
  ASSERT_TRUE(before);
  const auto began = std::chrono::steady_clock::now();
  node.signal_postmaster(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
    const auto now = node.postmaster();
    return now && now != before;
  }));
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(900));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_FALSE(has_event("stopped by somebody else"));
}

TEST_F(Service, RestartKeepsTheRole) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& first = primary();
  for (lab::AutoctlDaemon* node : {&first, &standby()}) {
    const auto before = node->postmaster();
    const auto restarted = node_service("restart", *node);
    EXPECT_TRUE(restarted.ok()) << restarted.output;
    EXPECT_NE(node->postmaster(), before);
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  }
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(&primary(), &first);
  EXPECT_FALSE(has_event("stopped by somebody else"));
  load.stop();
  load.verify();
}

/// A primary is replaced; the keeper goes on, also when it starts again.
TEST_F(Service, StopHoldsUntilStart) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& old = primary();
  const auto stopped = node_service("stop", old);
  EXPECT_TRUE(stopped.ok()) << stopped.output;
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  EXPECT_NE(cluster().primary(), &old);
  EXPECT_FALSE(old.postmaster());
  ASSERT_TRUE(old.running()) << "its keeper goes on";
  EXPECT_EQ(node_service("restart", old).exit_code, 4);
  old.signal_daemon(SIGKILL);
  ASSERT_TRUE(ok(old.run()));
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return has_event("autoctl start postgres"); }));
  EXPECT_FALSE(old.postmaster());
  const auto started = node_service("start", old);
  EXPECT_TRUE(started.ok()) << started.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
  EXPECT_EQ(node_service("stop", cluster().monitor()).exit_code, 2) << "a monitor is nothing without its Postgres";
}

}  // namespace
}  // namespace autoctl::test
