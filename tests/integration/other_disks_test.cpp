// What a user keeps elsewhere through links stays there when a node is copied or rewound: WAL, tablespaces, logs.
#include <gmock/gmock.h>

#include <filesystem>

#include "mount.h"
#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

namespace fs = std::filesystem;

class OtherDisks : public PostgresTest {
 protected:
  Node& one() { return *nodes[0]; }
  Node& two() { return *nodes[1]; }
  std::string directory(const std::string& name) const {
    fs::create_directory(scratch + "/" + name);
    return scratch + "/" + name;
  }
  /// As a user does it: what is there moves, and a link takes its place.
  static void move_away(const Node& node, const std::string& name, const std::string& target) {
    fs::remove_all(target);
    fs::rename(node.files.pgdata + "/" + name, target);
    fs::create_directory_symlink(target, node.files.pgdata + "/" + name);
  }
  static std::string target_of(const Node& node, const std::string& link) {
    std::error_code error;
    return fs::read_symlink(node.files.pgdata + "/" + link, error).string();
  }
  /// What the user's directory holds, but for what is ours.
  static int entries(const std::string& directory) {
    int count = 0;
    for (const auto& entry : fs::directory_iterator(directory))
      count += entry.path().filename().string().starts_with(".autoctl") ? 0 : 1;
    return count;
  }
  void copy(Node& node, const Node& from) {
    ASSERT_TRUE(ok(node.postgres->stop(StopMode::fast, 10s)));
    ASSERT_TRUE(ok(node.postgres->clone(from.peer(), node.id, never, ignore_progress)));
    ASSERT_TRUE(ok(node.postgres->start(never)));
    ASSERT_TRUE(node.streams());
  }
};

TEST_F(OtherDisks, ACopyKeepsWalOnItsDisk) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  const std::string wal = directory("wal");
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  move_away(two(), "pg_wal", wal);
  std::ofstream(wal + "/notes.txt") << "the user's";
  ASSERT_TRUE(ok(two().postgres->start(never)));
  for (int times = 0; times < 3; ++times) {
    ASSERT_NO_FATAL_FAILURE(copy(two(), one()));
    EXPECT_TRUE(target_of(two(), "pg_wal").starts_with(wal)) << target_of(two(), "pg_wal");
    EXPECT_EQ(entries(wal), 1) << "the old WAL is gone, and nothing else";
    EXPECT_EQ(std::distance(fs::directory_iterator(wal), {}), 2) << "of earlier copies nothing is left";
  }
  write(one(), "a");
  EXPECT_TRUE(eventually([&] { return rows(two()) == "a"; }));
}

TEST_F(OtherDisks, ACopyPutsWalWhereTheOptionSays) {
  const std::string wal = scratch + "/own-wal";
  Node& primary = node(1);
  Node& standby = node(2);
  primary.config.waldir = scratch + "/first-wal";
  standby.config.waldir = wal;
  for (Node* each : {&primary, &standby}) each->open();
  ASSERT_NO_FATAL_FAILURE(primary.make_primary({standby.peer()}));
  EXPECT_EQ(target_of(primary, "pg_wal"), primary.config.waldir) << "of initdb, too";
  ASSERT_NO_FATAL_FAILURE(standby.make_standby(primary, {primary.peer()}));
  EXPECT_EQ(target_of(standby, "pg_wal"), wal);
}

/// Both servers are on one machine: the primary's own tablespace is in the way, as an earlier data directory's would be.
TEST_F(OtherDisks, ATablespaceWhoseDirectoryIsNotEmptyIsCopiedBeside) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const std::string there = directory("space");
  const std::string elsewhere = directory("elsewhere");
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  one().sql("set allow_in_place_tablespaces = off");
  EXPECT_EQ(one().sql("create tablespace s location '" + there + "'"), "");
  one().sql("create table t(v text) tablespace s");
  write(one(), "a");
  two().config.tablespace_mapping = there + "=" + elsewhere;
  two().open();
  const std::string oid = one().sql("select oid from pg_tablespace where spcname = 's'");
  for (int times = 0; times < 3; ++times) {
    ASSERT_NO_FATAL_FAILURE(copy(two(), one()));
    EXPECT_TRUE(target_of(two(), "pg_tblspc/" + oid).starts_with(elsewhere)) << target_of(two(), "pg_tblspc/" + oid);
    EXPECT_EQ(rows(two()), "a");
    EXPECT_EQ(std::distance(fs::directory_iterator(elsewhere), {}), 1) << "of earlier copies nothing is left";
  }
  EXPECT_EQ(entries(there), 1) << "the primary's own";

  two().config.tablespace_mapping.clear();
  two().open();
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  fs::remove_all(two().files.pgdata);
  ASSERT_TRUE(ok(two().postgres->clone(one().peer(), two().id, never, ignore_progress)));
  EXPECT_TRUE(target_of(two(), "pg_tblspc/" + oid).starts_with(there + "/")) << "what lies there is not ours to remove";
  ASSERT_TRUE(ok(two().postgres->start(never)));
  EXPECT_EQ(rows(two()), "a");
  EXPECT_EQ(rows(one()), "a");
}

/// pg_rewind refuses a link where the source has a directory, removes one that the source has not, and ends half-way at a
/// file that it cannot write.
TEST_F(OtherDisks, ARewindAndACopyKeepLinksAndReadOnlyFiles) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  write(one(), "common");
  const Lsn written = one().seen().lsn;
  ASSERT_TRUE(eventually([&] { return two().seen().lsn >= written; }));
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  ASSERT_TRUE(ok(two().postgres->configure({one().peer()})));
  write(one(), "lost");
  write(two(), "new");
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  fs::create_directory_symlink(directory("logs"), one().files.pgdata + "/log");
  fs::create_directory(two().files.pgdata + "/log");
  std::ofstream(two().files.pgdata + "/log/of-two") << "log";
  const auto read_only = [&] { return one().files.pgdata + "/own.key"; };
  std::ofstream(read_only()) << "own";
  std::ofstream(two().files.pgdata + "/own.key") << "of two";
  fs::permissions(read_only(), fs::perms::owner_read);
  fs::permissions(one().files.pgdata + "/global/pg_filenode.map", fs::perms::owner_read);

  const auto expect_kept = [&] {
    EXPECT_EQ(target_of(one(), "log"), scratch + "/logs");
    EXPECT_EQ(config::read_file(read_only()).value_or(""), "own");
    EXPECT_EQ(fs::status(read_only()).permissions(), fs::perms::owner_read);
    const protocol::Peer peer = two().peer();
    ASSERT_TRUE(ok(one().postgres->set_upstream(&peer, one().id)));
    ASSERT_TRUE(ok(one().postgres->start(never)));
    EXPECT_TRUE(one().streams());
    EXPECT_TRUE(eventually([&] { return rows(one()) == "common,new"; }));
  };
  ASSERT_TRUE(ok(one().postgres->rewind(two().peer(), never, ignore_progress)));
  ASSERT_TRUE(ok(two().postgres->sync_slots({one().id})));
  ASSERT_NO_FATAL_FAILURE(expect_kept());
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(one().postgres->clone(two().peer(), one().id, never, ignore_progress)));
  ASSERT_NO_FATAL_FAILURE(expect_kept());
}

/// Another user's, say; here it is a disk. The copy is complete without it, and the next one is not kept from being.
TEST_F(OtherDisks, OldDataThatCannotBeRemovedKeepsNoCopyFromBeingMade) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const std::string old = two().files.pgdata + ".old";
  const std::string locked = old + "/locked";
  fs::create_directories(locked);
  const Mount mount(locked, "tmpfs", "tmpfs", 0, "size=1m,mode=0700");
  REQUIRE_MOUNT(mount);
  for (int times = 0; times < 2; ++times) ASSERT_NO_FATAL_FAILURE(copy(two(), one()));
  EXPECT_TRUE(fs::exists(locked));
  EXPECT_FALSE(fs::exists(old + ".1")) << "what can be removed is";
}

}  // namespace
}  // namespace autoctl::keeper::test
