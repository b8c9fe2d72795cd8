// What other people set, change and take away must not reach what autoctl depends on.
#include <gmock/gmock.h>
#include <signal.h>

#include "common/pg/own_settings.h"
#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

namespace fs = std::filesystem;

class OthersSettings : public PostgresTest {
 protected:
  Node& one() { return *nodes[0]; }
  Node& two() { return *nodes[1]; }
  static void append(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::app) << text; }
  static std::string conf(const Node& node) { return node.files.pgdata + "/postgresql.conf"; }
  static std::string hba(const Node& node) { return node.files.pgdata + "/pg_hba.conf"; }
  static void reload(const Node& node) { ::kill(node.postmaster_pid(), SIGHUP); }
  /// All that a keeper does in a session of its own.
  void expect_at_home(Node& node, bool primary) {
    ASSERT_TRUE(ok(node.postgres->observe(2s)));
    ASSERT_TRUE(ok(node.postgres->set_sync({})));
    ASSERT_TRUE(ok(node.postgres->sync_slots({NodeId{1}, NodeId{2}})));
    if (!primary) return;
    EXPECT_TRUE(ok(node.postgres->checkpoint(never)));
    EXPECT_TRUE(ok(node.postgres->create_roles("")));
    EXPECT_TRUE(ok(node.postgres->keep_replication_roles(node.roles({(&node == &one() ? two() : one()).peer()}))));
  }
};

TEST_F(OthersSettings, NoneReachesOurSessions) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const std::string me = one().sql("select quote_ident(current_user)");
  std::string script =
      "create role nobody_at_all; alter database postgres set session_preload_libraries = 'not_there';";
  for (const char* setting :
       {"statement_timeout = '1ms'", "lock_timeout = '1ms'", "role = 'nobody_at_all'",
        "default_transaction_isolation = 'serializable'", "default_transaction_read_only = on",
        "idle_session_timeout = '50ms'", "idle_in_transaction_session_timeout = '1ms'", "exit_on_error = on",
        "search_path = 'nowhere'", "session_replication_role = 'replica'", "synchronous_commit = 'remote_apply'"})
    script += "alter role " + me + " set " + setting + ";";
  EXPECT_EQ(one().sql("alter system set default_transaction_isolation = 'serializable'"), "");
  auto session = one().connect();
  ASSERT_TRUE(ok(session));
  ASSERT_TRUE(ok(session->script(script, 5s)));
  ASSERT_TRUE(eventually([&] { return two().sql("select 1").find("not_there") != std::string::npos; }));
  for (Node* node : {&one(), &two()}) {
    node->open();  // a keeper that starts now
    ASSERT_TRUE(node->postgres->adopt());
    ASSERT_NO_FATAL_FAILURE(expect_at_home(*node, node == &one()));
  }
  std::this_thread::sleep_for(100ms);  // the session that is kept is idle for longer than a role's may be
  EXPECT_TRUE(ok(one().postgres->observe(2s)));
  // A switchover, and the way back of the old primary: sessions on another node, too.
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  ASSERT_TRUE(ok(one().postgres->rewind(two().peer(), never, ignore_progress)));
}

/// Those of the role that standbys log in as are put away; what a superuser alone could keep out of its sessions is one
/// of them.
TEST_F(OthersSettings, NoneStaysAtANodesReplicationRole) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto is_put_back = [&] {
    const auto done = one().postgres->keep_replication_roles(one().roles({two().peer()}));
    EXPECT_TRUE(ok(done));
    return done && *done;
  };
  ASSERT_FALSE(is_put_back()) << "nobody has changed it";
  for (const char* change :
       {"password 'another'", "nologin", "superuser", "noreplication", "connection limit 0", "valid until '2001-01-01'",
        "set session_preload_libraries = 'not_there'", "in database postgres set statement_timeout = '1ms'"}) {
    SCOPED_TRACE(change);
    EXPECT_EQ(one().sql("alter role autoctl_standby_2 " + std::string(change)), "");
    ASSERT_TRUE(is_put_back());
    ASSERT_FALSE(is_put_back());
    EXPECT_THAT(one().postgres->take_news(), testing::ElementsAre(testing::HasSubstr("changed by somebody else")));
  }
  EXPECT_EQ(one().sql("revoke execute on function pg_catalog.pg_read_binary_file(text, bigint, bigint, boolean) from "
                      "pgautofailover_replicator"),
            "");
  EXPECT_TRUE(is_put_back());
  EXPECT_EQ(one().sql("drop owned by pgautofailover_replicator"), "");
  EXPECT_TRUE(is_put_back());
  ::kill(static_cast<pid_t>(std::stoi(two().sql("select pid from pg_stat_wal_receiver"))), SIGTERM);
  EXPECT_TRUE(eventually([&] { return two().seen().receiving; })) << "it can log in";
}

/// A shell's variables would move every connection and every child somewhere else.
TEST_F(OthersSettings, NoVariableOfLibpqReachesUs) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const std::vector<std::pair<const char*, const char*>> variables = {
      {"PGOPTIONS", "-c statement_timeout=1ms"}, {"PGHOSTADDR", "192.0.2.1"}, {"PGSSLMODE", "verify-full"},
      {"PGTARGETSESSIONATTRS", "standby"},       {"PGSERVICE", "nowhere"},    {"PGREQUIREPEER", "somebody"}};
  for (const auto& [name, value] : variables) ::setenv(name, value, 1);
  ::setenv("PG_OOM_ADJUST_FILE", "/proc/self/oom_score_adj", 1);
  const Command command = postgres::tool_command(tools, "postgres", {});
  EXPECT_THAT(command.without_env, testing::IsSupersetOf({"PGOPTIONS", "PGHOSTADDR", "PGSERVICE"}));
  EXPECT_THAT(command.without_env, testing::Not(testing::Contains("PG_OOM_ADJUST_FILE"))) << "for the postmaster";
  pg::forget_environment();
  for (const auto& [name, value] : variables) EXPECT_EQ(std::getenv(name), nullptr) << name;
  EXPECT_NE(std::getenv("PG_OOM_ADJUST_FILE"), nullptr);
  ::unsetenv("PG_OOM_ADJUST_FILE");
  ASSERT_TRUE(ok(two().postgres->observe(2s)));
}

/// Postgres' own defaults, and none at all; a short one of the user's beside a long one.
TEST_F(OthersSettings, AnIdleStandbyStreamsAtAnyTimeout) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  struct Timeouts {
    const char *status, *receiver, *sender;
  };
  for (const auto& [status, receiver, sender] :
       {Timeouts{"10s", "1min", "1min"}, Timeouts{"0", "0", "0"}, Timeouts{"1s", "10min", "1h"}}) {
    SCOPED_TRACE(fmt::format("{} {} {}", status, receiver, sender));
    for (Node* node : {&one(), &two()}) {
      append(conf(*node), fmt::format("\nwal_receiver_status_interval = {}\nwal_receiver_timeout = {}\n"
                                      "wal_sender_timeout = {}\n",
                                      status, receiver, sender));
      ASSERT_TRUE(ok(node->postgres->configure({node == &one() ? two().peer() : one().peer()})));
      ASSERT_TRUE(ok(node->postgres->stop(StopMode::fast, 10s)));
      ASSERT_TRUE(ok(node->postgres->start(never)));
    }
    EXPECT_EQ(two().sql("show wal_receiver_timeout"), std::string(receiver)) << "a matter of taste";
    EXPECT_EQ(one().sql("show wal_sender_timeout"), std::string(sender));
    const auto streams = [&] {
      const auto senders = one().seen().walsenders;
      return two().seen().receiving && std::ranges::any_of(senders, &Observed::Walsender::streaming);
    };
    ASSERT_TRUE(eventually(streams));
    for (const auto until = Clock::now() + 8s; Clock::now() < until; std::this_thread::sleep_for(100ms))
      ASSERT_TRUE(streams()) << "nothing is written, but it streams";
    const pid_t process = static_cast<pid_t>(std::stoi(one().sql("select pid from pg_stat_replication")));
    ::kill(process, SIGSTOP);
    EXPECT_TRUE(eventually([&] { return !two().seen().receiving; }, 5s)) << "a silent upstream is noticed as before";
    ::kill(process, SIGCONT);
  }
}

TEST_F(OthersSettings, WhatIsLeftOfARestoreIsOutOfForce) {
  Node& first = node(1);
  ASSERT_TRUE(ok(first.postgres->initdb(never)));
  fs::create_directory(first.files.pgdata + "/conf.d");
  append(conf(first), "restore_command = '/bin/false'\ninclude_dir 'conf.d'\n");
  append(first.files.pgdata + "/conf.d/restore.conf",
         "recovery_target_time = '2001-01-01 00:00:00'\nrecovery_target_action = 'shutdown'\n"
         "recovery_end_command = 'sleep 1000'\n");
  append(first.files.pgdata + "/postgresql.auto.conf", "recovery_target_lsn = '0/1'\nrestore_command = '/bin/false'\n");
  append(first.files.pgdata + "/recovery.signal", "");
  Node& second = node(2);
  ASSERT_NO_FATAL_FAILURE(first.become_primary({second.peer()}));
  EXPECT_FALSE(fs::exists(first.files.pgdata + "/recovery.signal"));
  EXPECT_THAT(first.postgres->take_news(), testing::Contains(testing::HasSubstr("recovery.signal")));
  ASSERT_NO_FATAL_FAILURE(second.make_standby(first, {first.peer()}));
  // Afterwards, where no file of ours is touched by it.
  EXPECT_EQ(second.sql("alter system set recovery_target_name = 'then'"), "");
  EXPECT_EQ(second.sql("alter system set promote_trigger_file = '" + conf(second) + "'"), "");
  EXPECT_EQ(second.sql("alter system set restore_command = '/bin/false'"), "");
  ASSERT_TRUE(second.postgres->configuration_is_changed());
  ASSERT_TRUE(ok(second.postgres->configure({first.peer()})));
  ASSERT_TRUE(ok(second.postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(second.postgres->start(never)));
  for (const char* name : {"restore_command", "recovery_target_time", "recovery_target_lsn", "recovery_target_name",
                           "recovery_end_command", "promote_trigger_file"})
    EXPECT_EQ(second.sql("show " + std::string(name)), "") << name;
  ASSERT_TRUE(second.streams());
  ASSERT_TRUE(ok(first.postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(second.postgres->stop_receiving()));
  ASSERT_TRUE(ok(second.postgres->promote(never)));
  ASSERT_TRUE(ok(second.postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(second.postgres->start(never))) << "it comes up as a primary after a crash, too";
  EXPECT_EQ(second.sql("select pg_is_in_recovery()"), "f");
}

/// A configuration tool puts its own files back, and reloads.
TEST_F(OthersSettings, FilesOfAToolArePutRight) {
  Node& first = node(1);
  ASSERT_TRUE(ok(first.postgres->initdb(never)));
  const std::string main_file = config::read_file(conf(first)).value_or("");
  const std::string hba_file = config::read_file(hba(first)).value_or("");
  Node& second = node(2);
  ASSERT_NO_FATAL_FAILURE(first.become_primary({second.peer()}));
  ASSERT_TRUE(ok(first.postgres->set_sync({1, {second.id}})));
  EXPECT_FALSE(first.postgres->configuration_is_changed()) << "that was ourselves";
  const auto replicators_lines = [&] {
    return first.sql("select count(*) > 0 from pg_hba_file_rules where '{autoctl_standby_2}' = user_name");
  };
  const auto put_right = [&] {
    EXPECT_TRUE(first.postgres->configuration_is_changed());
    EXPECT_TRUE(ok(first.postgres->configure({second.peer()})));
    EXPECT_FALSE(first.postgres->configuration_is_changed());
    EXPECT_TRUE(eventually([&] { return first.sql("show wal_receiver_status_interval") == "3s"; }));
    EXPECT_TRUE(eventually([&] { return first.sql("show synchronous_standby_names") != ""; }));
    EXPECT_EQ(replicators_lines(), "t");
    EXPECT_THAT(config::read_file(hba(first)).value_or(""), testing::StartsWith("# autoctl: begin"));
  };
  ASSERT_TRUE(config::write_file(conf(first), main_file));
  reload(first);
  ASSERT_TRUE(eventually([&] { return first.sql("show synchronous_standby_names") == ""; }));
  put_right();
  ASSERT_TRUE(config::write_file(hba(first), hba_file));
  reload(first);
  put_right();
  ASSERT_TRUE(config::write_file(hba(first), "local all all reject\n" + config::read_file(hba(first)).value_or("")));
  reload(first);
  ASSERT_TRUE(eventually([&] { return first.sql("select 1").find("reject") != std::string::npos; }));
  put_right();
  EXPECT_EQ(first.sql("alter system set wal_receiver_status_interval = '1min'"), "");
  reload(first);
  put_right();
}

/// Where it lies counts from the next start on; until then the one in force does.
TEST_F(OthersSettings, AnotherHbaFileGetsOurLines) {
  Node& first = node(1);
  Node& second = node(2);
  ASSERT_NO_FATAL_FAILURE(first.make_primary({second.peer()}));
  const std::string elsewhere = scratch + "/elsewhere.conf";
  append(elsewhere, "local all all trust\n");
  EXPECT_EQ(first.sql("alter system set hba_file = '" + elsewhere + "'"), "");
  ASSERT_TRUE(first.postgres->configuration_is_changed());
  ASSERT_TRUE(ok(first.postgres->configure({second.peer()})));
  EXPECT_THAT(config::read_file(elsewhere).value_or(""), testing::HasSubstr("autoctl_standby_2"));
  EXPECT_THAT(config::read_file(hba(first)).value_or(""), testing::HasSubstr("autoctl_standby_2"));
  ASSERT_TRUE(ok(first.postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(first.postgres->start(never)));
  EXPECT_EQ(first.sql("show hba_file"), elsewhere);
  ASSERT_NO_FATAL_FAILURE(second.make_standby(first, {first.peer()}));
  append(elsewhere, "# and a change there is seen\n");
  ASSERT_TRUE(ok(first.postgres->configure({second.peer()})));
  append(elsewhere, "# and another\n");
  EXPECT_TRUE(first.postgres->configuration_is_changed());
}

/// For ever, by its settings: a promotion does not wait for readers, whichever way they hold replay up.
TEST_F(OthersSettings, ReadersDoNotHoldUpAPromotion) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t as select generate_series(1, 1000) as v");
  for (const char* name : {"max_standby_streaming_delay", "max_standby_archive_delay"})
    two().sql("alter system set " + std::string(name) + " = -1");
  reload(two());
  ASSERT_TRUE(eventually([&] { return two().sql("show max_standby_streaming_delay") == "-1"; }));
  ASSERT_TRUE(eventually([&] { return two().sql("select count(*) from t") == "1000"; }));
  auto reader = two().connect();
  ASSERT_TRUE(ok(reader));
  ASSERT_TRUE(ok(reader->script("begin isolation level repeatable read; select count(*) from t", 5s)));
  one().sql("delete from t");
  one().sql("vacuum t");
  one().sql("alter table t add column w text");  // its lock waits behind the reader as well
  const std::string last = one().sql("select pg_current_wal_flush_lsn()");
  ASSERT_TRUE(eventually([&] { return two().sql("select pg_last_wal_receive_lsn() >= '" + last + "'") == "t"; }));
  EXPECT_EQ(two().sql("select pg_last_wal_replay_lsn() < '" + last + "'"), "t") << "it is held up";
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  const auto began = Clock::now();
  ASSERT_TRUE(ok(two().postgres->promote([&] { return Clock::now() - began > 20s; })));
  EXPECT_LT(Clock::now() - began, 5s);
  EXPECT_THAT(two().postgres->take_news(), testing::Contains(testing::HasSubstr("held up replay")));
  EXPECT_EQ(two().sql("select count(w) from t"), "0") << "all of it was replayed";
}

/// Raised on the primary, and the standby stops to replay for good: a start gives it enough.
TEST_F(OthersSettings, AStandbyWithLessThanItsPrimaryIsSeen) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  EXPECT_FALSE(two().postgres->has_less_than_primary().value_or(true));
  one().sql("alter system set max_connections = 150");
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(one().postgres->start(never)));
  ASSERT_TRUE(eventually([&] { return two().seen().replay_paused; }, 20s));
  EXPECT_TRUE(two().postgres->has_less_than_primary().value_or(false));
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(two().postgres->start(never)));
  EXPECT_EQ(two().sql("show max_connections"), "150");
  EXPECT_TRUE(two().streams());
  EXPECT_FALSE(two().seen().replay_paused);
}

/// A session is kept; where that one is gone as well, commits that hang are still let go.
TEST_F(OthersSettings, WithAllConnectionsTakenCommitsAreLetGo) {
  Node& first = node(1);
  ASSERT_TRUE(ok(first.postgres->initdb(never)));
  append(conf(first), "max_connections = 12\n");
  ASSERT_NO_FATAL_FAILURE(first.become_primary());
  ASSERT_TRUE(ok(first.postgres->set_sync({1, {NodeId{2}}})));
  ASSERT_TRUE(ok(first.postgres->observe(2s)));
  std::vector<pg::Connection> others;
  for (auto other = first.connect(); other; other = first.connect()) others.push_back(std::move(*other));
  ASSERT_GT(others.size(), 5U);
  ASSERT_TRUE(ok(first.postgres->set_sync({}))) << "by the session that is kept";
  EXPECT_EQ(parse_sync_names(first.seen().sync_names), SyncQuorum{});
  ASSERT_TRUE(ok(first.postgres->set_sync({1, {NodeId{2}}})));

  std::thread commit([&] { EXPECT_TRUE(ok(others.front().query("create table t(v text)", 20s))); });
  EXPECT_NE(first.sql("select 1"), "1");
  first.open();  // a keeper that starts has no session
  ASSERT_TRUE(first.postgres->adopt());
  while (auto more = first.connect()) others.push_back(std::move(*more));
  const auto blind = first.postgres->observe(2s);
  ASSERT_FALSE(blind);
  EXPECT_TRUE(pg::is_crowded(blind.error())) << blind.error().message;
  EXPECT_FALSE(first.postgres->set_sync({1, {NodeId{3}}})) << "this would have to be proved";
  ASSERT_TRUE(ok(first.postgres->set_sync({})));
  commit.join();
  others.clear();
  EXPECT_TRUE(eventually([&] {
    const auto seen = first.postgres->observe(2s);
    return seen && parse_sync_names(seen->sync_names) == SyncQuorum{};
  })) << "proved as soon as it can be";
}

}  // namespace
}  // namespace autoctl::keeper::test
