// One server: made, started, killed, adopted, configured.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "common/postgres/port_probe.h"
#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

using PostgresServer = PostgresTest;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TEST_F(PostgresServer, IsMadeStartedObservedAndStopped) {
  Node& one = node(1);
  const auto before = one.postgres->inspect();
  ASSERT_TRUE(ok(before));
  EXPECT_FALSE(before->exists);

  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  EXPECT_TRUE(one.postgres->running());
  EXPECT_GE(one.postgres->pidfd(), 0);
  const Observed seen = one.seen();
  EXPECT_FALSE(seen.in_recovery);
  EXPECT_EQ(seen.timeline, Timeline{1});
  EXPECT_EQ(seen.sync_names, "");
  EXPECT_TRUE(seen.lsn_final);
  EXPECT_TRUE(seen.walsenders.empty());

  ASSERT_TRUE(ok(one.postgres->stop(StopMode::fast, 10s)));
  EXPECT_FALSE(one.postgres->running());
  EXPECT_EQ(one.postgres->pidfd(), -1);
  const auto stopped = one.postgres->inspect();
  ASSERT_TRUE(ok(stopped));
  EXPECT_TRUE(stopped->is_postgres);
  EXPECT_TRUE(stopped->clean_shutdown);
  EXPECT_EQ(stopped->cluster_state, "shut down");
  EXPECT_EQ(stopped->system_id, seen.system_id);
  EXPECT_EQ(stopped->timeline, Timeline{1});
  EXPECT_GT(stopped->lsn, seen.lsn);
  EXPECT_EQ(one.postgres->observe(1s).error().code, Errc::unavailable);
}

TEST_F(PostgresServer, InitdbRefusesForeignFilesAndRepeatsItsOwnHalfDoneTry) {
  Node& one = node(1);
  std::filesystem::create_directories(one.files.pgdata);
  ASSERT_TRUE(config::write_file(one.files.pgdata + "/precious", "data"));
  const auto refused = one.postgres->initdb(never);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_TRUE(std::filesystem::exists(one.files.pgdata + "/precious"));

  std::filesystem::remove(one.files.pgdata + "/precious");
  int asked = 0;
  const auto cancelled = one.postgres->initdb([&] { return ++asked > 3; });
  ASSERT_FALSE(cancelled) << "cancelled after some 200 ms, which is too short for initdb";
  EXPECT_TRUE(std::filesystem::is_empty(one.files.pgdata));

  // As if the keeper had been killed in the middle.
  ASSERT_TRUE(config::write_file(one.files.directory + "/initdb.unfinished", ""));
  ASSERT_TRUE(config::write_file(one.files.pgdata + "/PG_VERSION", "15\n"));
  EXPECT_TRUE(ok(one.postgres->initdb(never)));
  EXPECT_TRUE(one.postgres->inspect()->is_postgres);
}

TEST_F(PostgresServer, ComesBackFastFromASigkillWithClientsConnected) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  one.sql("create table t(i int)");
  auto busy = one.connect();
  ASSERT_TRUE(ok(busy));
  std::thread sleeper([&] { static_cast<void>(busy->query("select pg_sleep(60)", 60s)); });

  const pid_t pid = one.postmaster_pid();
  const int watched = one.postgres->pidfd();
  ::kill(pid, SIGKILL);
  ASSERT_TRUE(eventually([&] { return !one.postgres->running(); }));
  const auto killed = Clock::now();
  EXPECT_TRUE(ok(one.postgres->start(never)));
  const double took = seconds_since(killed);
  sleeper.join();
  RecordProperty("restart_seconds", std::to_string(took));
  std::printf("restart in place after SIGKILL: %.3f s\n", took);
  EXPECT_LT(took, 2.0);
  EXPECT_EQ(one.sql("insert into t values (1) returning i"), "1");
  EXPECT_NE(one.postmaster_pid(), pid);
  EXPECT_EQ(one.postgres->pidfd(), watched) << "the number to poll stays the same";
}

TEST_F(PostgresServer, ARecycledPidInTheLockFileDoesNotBlockTheStart) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  ASSERT_TRUE(ok(one.postgres->stop(StopMode::immediate, 10s)));
  // init lives for ever, is no Postgres, and may not even be asked.
  ASSERT_TRUE(config::write_file(one.files.pgdata + "/postmaster.pid",
                                 "1\n" + one.files.pgdata + "\n1700000000\n5432\n/tmp\nlocalhost\n 1 1\nready\n"));
  ASSERT_TRUE(
      config::write_file(fmt::format("{}/.s.PGSQL.{}.lock", scratch, one.config.pgport),
                         fmt::format("1\n{}\n1700000000\n{}\n{}\n", one.files.pgdata, one.config.pgport, scratch)));
  EXPECT_FALSE(one.postgres->adopt());
  EXPECT_TRUE(ok(one.postgres->start(never)));
}

TEST_F(PostgresServer, OutlivesItsKeeperAndIsAdopted) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  const pid_t pid = one.postmaster_pid();
  one.postgres.reset();
  EXPECT_EQ(::kill(pid, 0), 0);
  one.open();
  EXPECT_FALSE(one.postgres->running());
  EXPECT_TRUE(one.postgres->adopt());
  EXPECT_TRUE(one.postgres->running());
  EXPECT_EQ(one.seen().timeline, Timeline{1});
  EXPECT_TRUE(ok(one.postgres->start(never))) << "already runs";
  EXPECT_EQ(one.postmaster_pid(), pid);
  EXPECT_TRUE(ok(one.postgres->stop(StopMode::fast, 10s)));
  EXPECT_FALSE(one.postgres->adopt());
}

TEST_F(PostgresServer, IsEndedFromAnotherThreadAtOnceEvenWhenFrozen) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  ::kill(one.postmaster_pid(), SIGSTOP);
  std::thread([&] { one.postgres->kill_now(); }).join();
  EXPECT_TRUE(eventually([&] { return !one.postgres->running(); }));
  EXPECT_TRUE(ok(one.postgres->stop(StopMode::immediate, 1s))) << "already gone";
  one.postgres->kill_now();  // nothing to hit
  EXPECT_TRUE(ok(one.postgres->start(never)));
}

TEST_F(PostgresServer, AFastStopThatDoesNotEndBecomesAnImmediateOne) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  // A frozen backend ignores SIGTERM and SIGQUIT; the postmaster kills it 5 s after SIGQUIT.
  auto client = one.connect();
  ASSERT_TRUE(ok(client));
  const auto backend = static_cast<pid_t>(client->query("select pg_backend_pid()", 5s)->number(0, 0));
  ::kill(backend, SIGSTOP);
  const auto began = Clock::now();
  EXPECT_TRUE(ok(one.postgres->stop(StopMode::fast, 200ms)));
  EXPECT_LT(seconds_since(began), 15.0);
  EXPECT_FALSE(one.postgres->running());
  EXPECT_TRUE(eventually([&] { return ::kill(backend, 0) != 0; }));
}

TEST_F(PostgresServer, APortInUseIsAConflictThatSaysWhatToDo) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  Node& two = node(2);
  two.config.pgport = one.config.pgport;
  two.open();
  ASSERT_TRUE(ok(two.postgres->initdb(never)));
  ASSERT_TRUE(ok(two.postgres->configure({})));
  const auto started = two.postgres->start(never);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::conflict);
  EXPECT_THAT(started.error().message, testing::HasSubstr(std::to_string(one.config.pgport)));
  EXPECT_FALSE(started.error().hint.empty());
}

TEST_F(PostgresServer, AStartThatFailsTellsPostgresOwnWords) {
  Node& one = node(1);
  ASSERT_TRUE(ok(one.postgres->initdb(never)));
  std::ofstream(one.files.pgdata + "/postgresql.conf", std::ios::app) << "shared_buffers = '1kB'\n";
  const auto started = one.postgres->start(never);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::postgres);
  EXPECT_THAT(started.error().message, testing::HasSubstr("shared_buffers"));
  EXPECT_FALSE(one.postgres->running());
}

TEST_F(PostgresServer, SyncNamesAreInForceAgainstAnAlterSystem) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  const SyncQuorum quorum{1, {NodeId{2}, NodeId{3}}};
  const auto began = Clock::now();
  ASSERT_TRUE(ok(one.postgres->set_sync(quorum)));
  std::printf("set_sync: %.3f s\n", seconds_since(began));
  EXPECT_EQ(parse_sync_names(one.seen().sync_names), quorum);
  EXPECT_EQ(one.sql("show synchronous_standby_names"), "ANY 1 (autoctl_standby_2, autoctl_standby_3)");
  EXPECT_EQ(one.sql("create table t()", 300ms), "Postgres did not answer a statement within the time allowed");

  one.sql("alter system set synchronous_standby_names = ''");  // and no reload: that one may come from anybody
  ASSERT_TRUE(ok(one.postgres->set_sync(quorum)));
  EXPECT_EQ(parse_sync_names(one.seen().sync_names), quorum);
  EXPECT_EQ(one.sql("select count(*) from pg_file_settings where sourcefile like '%auto.conf'"), "0");

  const std::string log = one.log();
  ASSERT_TRUE(ok(one.postgres->set_sync(quorum)));
  EXPECT_EQ(one.log(), log) << "reloaded though nothing changed";

  ASSERT_TRUE(ok(one.postgres->set_sync({})));
  EXPECT_EQ(one.seen().sync_names, "");
  EXPECT_EQ(one.sql("select count(*) from pg_class where relname = 't'"), "1");
}

TEST_F(PostgresServer, ACheckpointDelaysTheProofThatSyncNamesAreInForce) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  const auto checkpointer =
      static_cast<pid_t>(std::stoi(one.sql("select pid from pg_stat_activity where backend_type = 'checkpointer'")));
  // As one that is busy; what a signal has stopped is continued.
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, checkpointer, nullptr, nullptr), 0) << std::strerror(errno);
  ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, checkpointer, nullptr, nullptr), 0) << std::strerror(errno);
  ASSERT_EQ(::waitpid(checkpointer, nullptr, __WALL), checkpointer);
  Result<> set;
  std::thread setter([&] { set = one.postgres->set_sync({1, {NodeId{2}}}); });
  EXPECT_TRUE(eventually([&] { return one.sql("show synchronous_standby_names") != ""; }));
  EXPECT_EQ(one.sql("create table t()", 2s), "") << "no backend waits yet, whatever SHOW says";
  setter.join();
  EXPECT_EQ(set.error().code, Errc::timeout);
  EXPECT_FALSE(parse_sync_names(one.seen().sync_names)) << "not reported as in force";
  ASSERT_EQ(::ptrace(PTRACE_DETACH, checkpointer, nullptr, nullptr), 0) << std::strerror(errno);
  EXPECT_TRUE(eventually([&] { return parse_sync_names(one.seen().sync_names) == SyncQuorum{1, {NodeId{2}}}; }));
  EXPECT_TRUE(ok(one.postgres->set_sync({})));
}

/// WAL that is not flushed is in nobody's way: an open transaction's lies in memory until somebody commits, or for 15 s.
TEST_F(PostgresServer, AnOpenTransactionWaitsForNoFlush) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  EXPECT_EQ(one.sql("create table t(v text)"), "");
  auto open = one.connect();
  ASSERT_TRUE(ok(open));
  ASSERT_TRUE(ok(open->query("begin", 1s)));
  const auto lies_in_memory = [&] {
    return one.sql("select pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()") == "t";
  };
  ASSERT_TRUE(eventually([&] { return open->query("insert into t values ('x')", 1s) && lies_in_memory(); }, 30s));
  EXPECT_FALSE(one.seen().flush_awaited);
  EXPECT_TRUE(lies_in_memory()) << "still, when it was observed";
}

TEST_F(PostgresServer, ACommitThatHangsInItsFlushWaitsForIt) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  EXPECT_EQ(one.sql("create table t(v text)"), "");
  auto client = one.connect();
  ASSERT_TRUE(ok(client));
  const auto backend = static_cast<pid_t>(client->query("select pg_backend_pid()", 1s)->number(0, 0));
  ASSERT_EQ(::ptrace(PTRACE_SEIZE, backend, nullptr, PTRACE_O_TRACESYSGOOD), 0) << std::strerror(errno);
  ASSERT_EQ(::ptrace(PTRACE_INTERRUPT, backend, nullptr, nullptr), 0) << std::strerror(errno);
  ASSERT_EQ(::waitpid(backend, nullptr, __WALL), backend);
  std::jthread commit([&] { static_cast<void>(client->query("insert into t values ('x')", 10s)); });
  const auto flushes = [&] {
    __ptrace_syscall_info call{};
    return ::ptrace(PTRACE_SYSCALL, backend, nullptr, nullptr) == 0 && ::waitpid(backend, nullptr, __WALL) == backend &&
           ::ptrace(PTRACE_GET_SYSCALL_INFO, backend, sizeof call, &call) > 0 && call.op == PTRACE_SYSCALL_INFO_ENTRY &&
           call.entry.nr == SYS_fdatasync;
  };
  ASSERT_TRUE(eventually(flushes)) << std::strerror(errno);
  EXPECT_TRUE(one.seen().flush_awaited);
  ASSERT_EQ(::ptrace(PTRACE_DETACH, backend, nullptr, nullptr), 0) << std::strerror(errno);
  commit.join();
  EXPECT_TRUE(eventually([&] { return !one.seen().flush_awaited; }));
}

TEST_F(PostgresServer, ProbesTellOpenRefusedAndSilent) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  EXPECT_EQ(postgres::probe_postgres("127.0.0.1", one.config.pgport, 2s), PortState::open);
  ::kill(one.postmaster_pid(), SIGSTOP);
  EXPECT_EQ(postgres::probe_postgres("127.0.0.1", one.config.pgport, 200ms), PortState::silent);
  ::kill(one.postmaster_pid(), SIGCONT);
  ASSERT_TRUE(ok(one.postgres->stop(StopMode::fast, 10s)));
  EXPECT_EQ(postgres::probe_postgres("127.0.0.1", one.config.pgport, 2s), PortState::refused);
  EXPECT_EQ(postgres::probe_postgres("no-such-host.invalid", 5432, 2s), PortState::silent);
}

TEST_F(PostgresServer, RolesAndDatabasesAreMadeOnceAndPasswordsStaySecret) {
  Node& one = node(1);
  one.config.username = "app";
  one.config.dbname = "shop";
  one.open();
  ASSERT_TRUE(ok(one.postgres->initdb(never)));
  std::ofstream(one.files.pgdata + "/postgresql.conf", std::ios::app) << "log_statement = all\n";
  ASSERT_TRUE(ok(one.postgres->configure({})));
  ASSERT_TRUE(ok(one.postgres->start(never)));
  ReplicationRoles roles{.nodes = {{NodeId{2}, tls::scram_verifier("t0p-s3cret")}}, .shared_password = "0ld-s3cret"};
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(ok(one.postgres->create_roles("formation")));
    ASSERT_TRUE(ok(one.postgres->keep_replication_roles(roles)));
  }
  EXPECT_EQ(one.sql("select string_agg(datname, ',' order by datname) from pg_database where datdba = 'app'::regrole"),
            "formation,shop");
  EXPECT_EQ(one.sql("select rolreplication from pg_roles where rolname = 'pgautofailover_replicator'"), "t");
  EXPECT_THAT(one.log(), testing::HasSubstr("pgautofailover_replicator"));
  EXPECT_THAT(one.log(), testing::Not(testing::HasSubstr("-s3cret")));
  for (const char* role : {"autoctl_standby_2", "pgautofailover_replicator"}) {
    auto session = pg::Connection::open(
        fmt::format("host={} port={} user={} dbname=postgres", scratch, one.config.pgport, role), 5s);
    ASSERT_TRUE(ok(session)) << role;
    EXPECT_TRUE(ok(session->query("select pg_read_binary_file('PG_VERSION')", 5s))) << role;
    EXPECT_TRUE(ok(session->query("checkpoint", 5s))) << role;
  }
}

TEST_F(PostgresServer, SlotsFollowThePeersAndForeignOnesStay) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  one.sql("select pg_create_physical_replication_slot('theirs')");
  const auto slots = [&] {
    return one.sql("select string_agg(slot_name, ',' order by slot_name) from pg_replication_slots");
  };
  ASSERT_TRUE(ok(one.postgres->sync_slots({NodeId{2}, NodeId{3}})));
  EXPECT_EQ(slots(), "autoctl_standby_2,autoctl_standby_3,theirs");
  ASSERT_TRUE(ok(one.postgres->sync_slots({NodeId{3}, NodeId{4}})));
  EXPECT_EQ(slots(), "autoctl_standby_3,autoctl_standby_4,theirs");
  EXPECT_EQ(one.sql("select count(*) from pg_replication_slots where restart_lsn is null"), "1") << "only theirs";
}

}  // namespace
}  // namespace autoctl::keeper::test
