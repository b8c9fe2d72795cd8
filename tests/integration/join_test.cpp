// A standby whose history its primary does not share: seen not to stream, found out from its log, brought back.
#include "keeper/agent/join.h"

#include <filesystem>

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
    auto given_up = began;
    const auto first_server = standby().postgres->servers_seen();
    const auto breathe = [&] {
      if (standby().postgres->servers_seen() == first_server) given_up = Clock::now();
      return standby().postgres->observe(2s).value_or(Observed{});
    };
    const Goal goal{.state = NodeState::catchingup, .upstream = primary().id};
    const std::vector peers{primary().peer()};
    const StepContext context{.postgres = *standby().postgres,
                              .files = standby().files,
                              .self = standby().id,
                              .goal = goal,
                              .peers = peers,
                              .neighbours = {},
                              .formation_dbname = "",
                              .citus = false,
                              .breathe = breathe,
                              .cancelled = never,
                              .progress = ignore_progress};
    ASSERT_TRUE(ok(join_upstream(context)));
    EXPECT_LT(given_up - began, 8s);
    EXPECT_TRUE(standby().streams());
    write(primary(), "later");
    EXPECT_TRUE(eventually([&] { return rows(standby()) == rows(primary()); })) << rows(standby());
  }
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
