// A standby whose history its primary does not share: seen not to stream, found out from its log, brought back.
#include <filesystem>
#include <thread>

#include "keeper/agent/instance_server.h"
#include "keeper/core/core.h"
#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

namespace fs = std::filesystem;

class Join : public PostgresTest {
 protected:
  Node& primary() { return *nodes[0]; }
  Node& standby() { return *nodes[1]; }

  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(PostgresTest::SetUp());
    ASSERT_NO_FATAL_FAILURE(make_pair());
    primary().sql("create table t(v text)");
  }

  /// Its receiver calls itself "streaming" before it is refused.
  void expect_refused(const std::string& words) {
    ASSERT_TRUE(eventually([&] { return standby().log().find(words) != std::string::npos; })) << words;
    for (const auto until = Clock::now() + 2s; Clock::now() < until;) ASSERT_FALSE(standby().seen().receiving);
  }

  /// Its log tells; a standby that merely makes no progress is looked into after 10 s.
  void expect_joins() {
    const auto began = Clock::now();
    const Core core =
        run_keeper_until_settled({.state = NodeState::catchingup, .term = Term{2}, .upstream = primary().id});
    EXPECT_EQ(core.saved_state().state, NodeState::catchingup);
    EXPECT_LT(given_up - began, 8s);
    EXPECT_TRUE(standby().streams());
    write(primary(), "later");
    EXPECT_TRUE(eventually([&] { return rows(standby()) == rows(primary()); })) << rows(standby());
  }

 private:
  /// The standby's keeper core on its real Postgres, in this thread.
  Core run_keeper_until_settled(const Goal& goal) {
    const SavedState saved{.state = NodeState::secondary,
                           .term = Term{1},
                           .goal = {.state = NodeState::secondary, .term = Term{1}, .upstream = primary().id},
                           .peers = {primary().peer()},
                           .epoch = 1};
    StandbyRights rights;
    InstanceServer server(*standby().postgres, standby().config, standby().files, rights);
    Core core({.node = standby().id, .pgdata = standby().files.pgdata}, saved, Clock::now());
    protocol::Assignment assignment{.version = 1, .goal = goal, .peers = saved.peers};
    core.answered(assignment, Clock::now(), Clock::now());
    const auto first_server = standby().postgres->servers_seen();
    const auto deadline = Clock::now() + 60s;
    while (!(core.saved_state().settled() && core.saved_state().goal == goal) && Clock::now() < deadline) {
      do_what_is_ready(core, server);
      if (standby().postgres->servers_seen() == first_server) given_up = Clock::now();
    }
    return core;
  }

  static void do_what_is_ready(Core& core, InstanceServer& server) {
    const Ready ready = core.ready(Clock::now());
    if (ready.save) {
      core.saved(Clock::now());
    } else if (ready.order) {
      auto done = server.carry_out(
          *ready.order, core.saved_state(),
          {.cancelled = never, .progress = ignore_progress, .slots_given_up = [](const std::vector<NodeId>&) {}});
      if (done)
        core.finished(Clock::now());
      else
        core.failed(done.error(), Clock::now());
    } else {
      std::this_thread::sleep_until(std::min(ready.wake_at, Clock::now() + 100ms));
      core.observed(server.look({.probes_upstream = core.wants_upstream_probe(), .saved = core.saved_state()}),
                    Clock::now());
    }
  }

  Clock::time_point given_up;  // the last moment of the server that could not stream
};

TEST_F(Join, AStandbyThatWasPromotedIsRewound) {
  write(primary(), "common");
  ASSERT_TRUE(eventually([&] { return rows(standby()) == "common"; }));
  ASSERT_TRUE(ok(standby().postgres->promote(never)));
  write(standby(), "own");
  ASSERT_TRUE(ok(standby().postgres->stop(StopMode::fast, 10s)));
  const protocol::Peer peer = primary().peer();
  ASSERT_TRUE(ok(standby().postgres->set_upstream(&peer, standby().id)));
  ASSERT_TRUE(ok(standby().postgres->start(never)));

  ASSERT_NO_FATAL_FAILURE(expect_refused("is behind recovery timeline"));
  expect_joins();
}

/// As after a restored backup: nothing but the positions tells, the timeline is the same.
TEST_F(Join, AStandbyThatIsAheadOfItsPrimaryIsCopied) {
  const std::string& pgdata = primary().files.pgdata;
  ASSERT_TRUE(ok(primary().postgres->stop(StopMode::fast, 10s)));
  fs::copy(pgdata, pgdata + ".backup", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  ASSERT_TRUE(ok(primary().postgres->start(never)));
  primary().sql("select pg_switch_wal()");
  write(primary(), "lost");
  ASSERT_TRUE(eventually([&] { return rows(standby()) == "lost"; }));
  ASSERT_TRUE(ok(primary().postgres->stop(StopMode::fast, 10s)));
  fs::remove_all(pgdata);
  fs::rename(pgdata + ".backup", pgdata);
  fs::permissions(pgdata, fs::perms::owner_all);
  ASSERT_TRUE(ok(primary().postgres->start(never)));

  ASSERT_NO_FATAL_FAILURE(expect_refused("is ahead of the "));
  expect_joins();
}

}  // namespace
}  // namespace autoctl::keeper::test
