// Two servers: copied, streaming, fenced, promoted, rewound.
#include <gmock/gmock.h>
#include <signal.h>

#include <algorithm>

#include "common/fsm/ancestry.h"
#include "common/tls/certificate.h"
#include "keeper/postgres/instance_impl.h"
#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// A process that does nothing for a while.
class PostgresReplication : public PostgresTest {
 protected:
  Node& one() { return *nodes[0]; }
  Node& two() { return *nodes[1]; }
  /// What the agent does: commits wait for node 2, and it has all there is.
  void make_synchronous() {
    ASSERT_TRUE(ok(one().postgres->set_sync({1, {two().id}})));
    const Lsn written = one().seen().lsn;
    ASSERT_TRUE(eventually([&] { return two().seen().lsn >= written; }));
  }
};

TEST_F(PostgresReplication, ACopyStreamsAndIsSeenFromBothSides) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  EXPECT_EQ(two().sql("show primary_slot_name"), "autoctl_standby_2");
  const Observed standby = two().seen();
  EXPECT_TRUE(standby.in_recovery);
  EXPECT_TRUE(standby.receiving);
  EXPECT_EQ(standby.system_id, one().seen().system_id);
  EXPECT_EQ(standby.timeline, Timeline{1});
  const Observed primary = one().seen();
  ASSERT_EQ(primary.walsenders.size(), 1U);
  EXPECT_EQ(primary.walsenders[0].application_name, "autoctl_standby_2");
  EXPECT_TRUE(primary.walsenders[0].streaming);
  EXPECT_TRUE(eventually([&] { return one().seen().walsenders[0].flushed == one().seen().lsn; }));

  one().sql("create table t(v text)");
  write(one(), "a");
  EXPECT_TRUE(eventually([&] { return rows(two()) == "a"; }));
  EXPECT_TRUE(ok(two().postgres->advance_slots()));
  EXPECT_EQ(two().sql("select restart_lsn = pg_last_wal_replay_lsn() from pg_replication_slots "
                      "where slot_name = 'autoctl_standby_1'"),
            "t");
  EXPECT_THAT(config::read_file("/proc/" + std::to_string(two().postmaster_pid()) + "/cmdline").value_or(""),
              testing::Not(testing::HasSubstr("secret")));
}

TEST_F(PostgresReplication, StreamsAndRewindsOverTlsWithAPassword) {
  for (int number : {1, 2}) {
    Node& node = this->node(number);
    std::filesystem::create_directory(node.files.directory);
    ASSERT_TRUE(ok(tls::write_self_signed(node.files.certificate(), node.files.key(), {"127.0.0.1"})));
    node.config.auth = "scram-sha-256";
    node.config.ssl.enabled = true;
    node.config.ssl.mode = "require";
    node.config.ssl.server_cert = node.files.certificate();
    node.config.ssl.server_key = node.files.key();
    node.open();
  }
  ASSERT_NO_FATAL_FAILURE(one().make_primary({two().peer()}));
  ASSERT_NO_FATAL_FAILURE(two().make_standby(one(), {one().peer()}));
  EXPECT_EQ(one().sql("select ssl from pg_stat_ssl join pg_stat_replication using (pid)"), "t");
  EXPECT_EQ(two().sql("show ssl_cert_file"), two().files.certificate()) << "its own, not its primary's";
  const auto intruder = pg::Connection::open(
      fmt::format("host=127.0.0.1 port={} user=autoctl_standby_2 dbname=postgres password=wrong", one().config.pgport),
      5s);
  ASSERT_FALSE(intruder);
  EXPECT_EQ(intruder.error().code, Errc::denied) << intruder.error().message;

  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  one().sql("create table lost()");
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::immediate, 10s)));
  ASSERT_TRUE(ok(one().postgres->rewind(two().peer(), never, ignore_progress)));
}

TEST_F(PostgresReplication, AnIdleStandbyStaysFreshAndOneWhosePrimaryFreezesDoesNot) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  for (const auto until = Clock::now() + 5s; Clock::now() < until; std::this_thread::sleep_for(100ms))
    ASSERT_TRUE(two().seen().receiving) << "nothing is written, but the receiver asks";
  const pid_t walsender = static_cast<pid_t>(std::stoi(one().sql("select pid from pg_stat_replication")));
  ::kill(walsender, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return !two().seen().receiving; }, 5s));
  ::kill(walsender, SIGCONT);
  EXPECT_TRUE(two().streams());
}

/// Postgres itself would say "streaming" until wal_sender_timeout.
TEST_F(PostgresReplication, APrimarySoonSeesThatAStandbyIsSilent) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto streaming = [&] {
    const auto senders = one().seen().walsenders;
    return std::ranges::any_of(senders, &Observed::Walsender::streaming);
  };
  for (const auto until = Clock::now() + 5s; Clock::now() < until; std::this_thread::sleep_for(100ms))
    ASSERT_TRUE(streaming()) << "nothing is written, but the standby replies";
  const pid_t receiver = static_cast<pid_t>(std::stoi(two().sql("select pid from pg_stat_wal_receiver")));
  ::kill(receiver, SIGSTOP);
  EXPECT_TRUE(eventually([&] { return !streaming(); }, 5s));
  ::kill(receiver, SIGCONT);
  EXPECT_TRUE(eventually(streaming));
}

TEST_F(PostgresReplication, StoppedReceivingMeansNoAcknowledgementEver) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  ASSERT_NO_FATAL_FAILURE(make_synchronous());
  write(one(), "acknowledged");

  const auto began = Clock::now();
  const auto received = two().postgres->stop_receiving();
  std::printf("stop_receiving: %.3f s\n", seconds_since(began));
  ASSERT_TRUE(ok(received));
  EXPECT_GE(*received, Lsn{1});
  EXPECT_EQ(one().sql("insert into t values ('hangs')", 1s),
            "Postgres did not answer a statement within the time allowed");
  EXPECT_EQ(two().seen().lsn, *received) << "nothing came in meanwhile";
  EXPECT_EQ(rows(two()), "acknowledged");
  const auto reloads = [&] {
    const std::string log = two().log();
    std::size_t count = 0;
    for (auto at = log.find("SIGHUP"); at != std::string::npos; at = log.find("SIGHUP", at + 1)) ++count;
    return count;
  };
  const auto reloads_before = reloads();
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  EXPECT_EQ(reloads(), reloads_before) << "though nothing changed";

  // Somebody gives it an upstream; the next step must not rely on the one before.
  const std::string primary = "host=127.0.0.1 port=1";
  two().sql("alter system set primary_conninfo = '" + primary + "'");
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  two().sql("select pg_reload_conf()");
  EXPECT_EQ(two().sql("select count(*) from pg_file_settings where sourcefile like '%auto.conf'"), "0");
  two().sql("alter system set primary_conninfo = '" + primary + "'");
  two().sql("select pg_reload_conf()");
  ASSERT_TRUE(eventually([&] { return two().sql("show primary_conninfo") == primary; }));
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  EXPECT_EQ(two().sql("show primary_conninfo"), "");
  EXPECT_EQ(two().sql("select count(*) from pg_stat_activity where backend_type = 'walreceiver'"), "0");

  // Not even after it was restarted, and by another keeper.
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  two().open();
  ASSERT_TRUE(ok(two().postgres->start(never)));
  const auto again = two().postgres->stop_receiving();
  ASSERT_TRUE(ok(again));
  EXPECT_EQ(*again, *received);
  EXPECT_FALSE(two().seen().receiving);

  const protocol::Peer upstream = one().peer();
  ASSERT_TRUE(ok(two().postgres->set_upstream(&upstream, two().id)));
  EXPECT_TRUE(two().streams());
  EXPECT_TRUE(eventually([&] { return rows(one()) == "acknowledged,hangs"; })) << "its commit is released now";
}

TEST_F(PostgresReplication, FencesWhileReplayWaitsForAQuery) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t as select generate_series(1, 1000) as v");
  const Lsn written = one().seen().lsn;
  ASSERT_TRUE(eventually([&] { return two().seen().replayed >= written; }));
  auto reader = two().connect();
  ASSERT_TRUE(ok(reader));
  ASSERT_TRUE(ok(reader->script("begin isolation level repeatable read; select count(*) from t", 5s)));
  // Replay of the lock stops behind the reader, for max_standby_streaming_delay (30 s).
  one().sql("drop table t");
  const Lsn dropped = one().seen().lsn;
  ASSERT_TRUE(eventually([&] { return two().seen().lsn >= dropped; }));
  ASSERT_LT(two().seen().replayed, dropped);
  const auto began = Clock::now();
  const auto received = two().postgres->stop_receiving();
  ASSERT_TRUE(ok(received));
  EXPECT_GE(*received, dropped);
  EXPECT_LT(seconds_since(began), 3.0);
}

TEST_F(PostgresReplication, PromotionOpensForWritesAtOnce) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  ASSERT_NO_FATAL_FAILURE(make_synchronous());
  write(one(), "before");
  ::kill(one().postmaster_pid(), SIGKILL);
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  ASSERT_TRUE(ok(two().postgres->set_sync({})));
  const auto began = Clock::now();
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  const double took = seconds_since(began);
  write(two(), "after");
  std::printf("promote: %.3f s\n", took);
  EXPECT_LT(took, 2.0);
  EXPECT_EQ(rows(two()), "after,before");
  const Observed seen = two().seen();
  EXPECT_FALSE(seen.in_recovery);
  EXPECT_EQ(seen.timeline, Timeline{2}) << "known before any checkpoint";
  EXPECT_EQ(read_history(two().files.pgdata, Timeline{2}).size(), 1U);
  EXPECT_TRUE(ok(two().postgres->promote(never))) << "already done";
  EXPECT_FALSE(std::filesystem::exists(two().files.pgdata + "/standby.signal"));
}

/// Promoted, it crashes before its first checkpoint on its timeline: pg_control does not know that one yet.
TEST_F(PostgresReplication, APrimaryThatIsStoppedInItsCrashRecoveryIsNotTakenForAStandby) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  ASSERT_NO_FATAL_FAILURE(make_synchronous());
  one().sql("create table much as select repeat('x', 500) from generate_series(1, 200000)");  // takes time to replay
  write(one(), "before");
  const auto crash = [](Node& node) {
    ::kill(node.postmaster_pid(), SIGKILL);
    return eventually([&] { return !node.postgres->running(); });
  };
  ASSERT_TRUE(crash(one()));
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  ASSERT_TRUE(ok(two().postgres->set_sync({})));
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  write(two(), "only here");
  ASSERT_TRUE(crash(two()));
  Millis patience{0};
  ASSERT_TRUE(eventually(
      [&] {
        const auto until = Clock::now() + patience;  // too early it has not begun, too late it is over
        patience += Millis{5};
        static_cast<void>(two().postgres->start([&] { return Clock::now() >= until; }));
        EXPECT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
        const auto control = read_control_data(two().postgres->tools(), two().files.pgdata);
        return control && control->cluster_state == "shut down in recovery";
      },
      30s));

  ASSERT_TRUE(ok(one().postgres->start(never)));
  ASSERT_TRUE(ok(one().postgres->set_sync({})));
  write(one(), "after");
  const protocol::Peer upstream = one().peer();
  ASSERT_TRUE(ok(two().postgres->rewind(upstream, never, {})));
  ASSERT_TRUE(ok(two().postgres->set_upstream(&upstream, two().id)));
  ASSERT_TRUE(ok(two().postgres->start(never)));
  EXPECT_TRUE(two().streams());
  EXPECT_TRUE(eventually([&] { return rows(two()) == "after,before"; })) << rows(two());
  EXPECT_EQ(two().seen().timeline, Timeline{1});
}

TEST_F(PostgresReplication, APlannedHandOverNeedsNoRewind) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(ok(one().postgres->checkpoint(never)));
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  const auto stopped = one().postgres->inspect();
  ASSERT_TRUE(ok(stopped));
  ASSERT_TRUE(eventually([&] { return two().seen().lsn >= stopped->lsn; })) << "the shutdown checkpoint arrived, too";
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  ASSERT_TRUE(ok(two().postgres->configure({one().peer()})));

  const Lineage own{stopped->timeline, stopped->lsn, stopped->history, stopped->clean_shutdown};
  const Lineage upstream{Timeline{2}, {}, read_history(two().files.pgdata, Timeline{2})};
  EXPECT_EQ(compare_ancestry(own, upstream), Ancestry::follows)
      << to_string(stopped->lsn) << " against " << to_string(upstream.history.at(0).switch_lsn);
  const protocol::Peer peer = two().peer();
  ASSERT_TRUE(ok(one().postgres->set_upstream(&peer, one().id)));
  ASSERT_TRUE(ok(one().postgres->configure({peer})));
  ASSERT_TRUE(ok(one().postgres->start(never)));
  EXPECT_TRUE(one().streams());
  EXPECT_TRUE(eventually([&] { return one().seen().timeline == Timeline{2}; }));
}

/// What tells after a restart that clients may have written there is that standby.signal is gone.
TEST_F(PostgresReplication, AStandbyThatWasPromotedByHandIsNotToldWhomToFollow) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  two().sql("select pg_promote()");
  const protocol::Peer peer = one().peer();
  const auto set = two().postgres->set_upstream(&peer, two().id);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().code, Errc::conflict);
  EXPECT_FALSE(std::filesystem::exists(two().files.pgdata + "/standby.signal"));
}

TEST_F(PostgresReplication, AnOldPrimaryIsRewoundAndKeepsItsOwnConfiguration) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  write(one(), "common");
  const Lsn written = one().seen().lsn;
  ASSERT_TRUE(eventually([&] { return two().seen().lsn >= written; }));
  std::ofstream(one().files.pgdata + "/postgresql.conf", std::ios::app) << "work_mem = '7MB'\n";
  ASSERT_TRUE(config::write_file(one().files.pgdata + "/own.crt", "own"));
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  write(one(), "never seen by two");
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  ASSERT_TRUE(ok(two().postgres->configure({one().peer()})));
  write(two(), "new");
  ::kill(one().postmaster_pid(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return !one().postgres->running(); }));

  int last_percent = -1;
  const auto began = Clock::now();
  ASSERT_TRUE(
      ok(one().postgres->rewind(two().peer(), never, [&](int percent, const auto&) { last_percent = percent; })));
  std::printf("rewind: %.3f s\n", seconds_since(began));
  EXPECT_EQ(last_percent, 100);
  const auto found = one().postgres->inspect();
  ASSERT_TRUE(ok(found));
  EXPECT_TRUE(found->standby_signal);
  EXPECT_FALSE(found->rewinding);
  const protocol::Peer peer = two().peer();
  ASSERT_TRUE(ok(one().postgres->set_upstream(&peer, one().id)));
  ASSERT_TRUE(ok(one().postgres->configure({peer})));
  ASSERT_TRUE(ok(one().postgres->start(never)));
  EXPECT_TRUE(one().streams());
  EXPECT_TRUE(eventually([&] { return rows(one()) == "common,new"; }));
  EXPECT_EQ(one().sql("show work_mem"), "7MB");
  EXPECT_EQ(one().sql("show port"), std::to_string(one().config.pgport));
  EXPECT_EQ(config::read_file(one().files.pgdata + "/own.crt").value_or(""), "own");
  EXPECT_TRUE(ok(one().postgres->sync_slots({two().id})));
}

TEST_F(PostgresReplication, AStandbyThatWasPromotedByHandIsNoLongerOnItsTimelineAfterARewind) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  write(one(), "common");
  const Lsn written = one().seen().lsn;
  ASSERT_TRUE(eventually([&] { return two().seen().lsn >= written; }));
  two().sql("select pg_promote()");
  write(two(), "own");
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(two().postgres->rewind(one().peer(), never, ignore_progress)));
  for (const auto& file : std::filesystem::directory_iterator(two().files.pgdata + "/pg_wal"))
    EXPECT_FALSE(file.path().filename().string().starts_with("00000002")) << "whoever looks there takes it for that";
  const protocol::Peer peer = one().peer();
  ASSERT_TRUE(ok(two().postgres->set_upstream(&peer, two().id)));
  ASSERT_TRUE(ok(two().postgres->start(never)));
  EXPECT_EQ(two().seen().timeline, Timeline{1});
  EXPECT_TRUE(two().streams());
  EXPECT_TRUE(eventually([&] { return rows(two()) == "common"; })) << rows(two());
}

/// Each promotion takes the next number that its node knows of; pg_rewind finds nothing to do between the two.
TEST_F(PostgresReplication, TwoTimelinesOfTheSameNumberAreNotTakenForOne) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  const Lsn written = one().seen().lsn;
  ASSERT_TRUE(eventually([&] { return two().seen().lsn >= written; }));
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  write(one(), "own");
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  ASSERT_TRUE(ok(one().postgres->set_upstream(nullptr, one().id)));
  ASSERT_TRUE(ok(one().postgres->start(never)));
  for (Node* node : {&one(), &two()}) {
    ASSERT_TRUE(ok(node->postgres->promote(never)));
    ASSERT_EQ(node->seen().timeline, Timeline{2});
  }
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  const auto rewound = one().postgres->rewind(two().peer(), never, ignore_progress);
  ASSERT_FALSE(rewound);
  EXPECT_EQ(rewound.error().code, Errc::conflict) << "a copy is what helps";
  EXPECT_THAT(rewound.error().message, testing::HasSubstr("each have a timeline 2"));
}

TEST_F(PostgresReplication, ACrashedStandbyIsRewoundWithoutWritingIntoTheSharedTimeline) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  write(one(), "before");
  const Lsn written = one().seen().lsn;
  ASSERT_TRUE(eventually([&] { return two().seen().lsn >= written; }));
  ::kill(two().postmaster_pid(), SIGKILL);
  ASSERT_TRUE(eventually([&] { return !two().postgres->running(); }));
  write(one(), "meanwhile");

  ASSERT_TRUE(ok(two().postgres->rewind(one().peer(), never, ignore_progress)));
  const auto stopped = two().postgres->inspect();
  ASSERT_TRUE(ok(stopped));
  EXPECT_EQ(stopped->cluster_state, "shut down in recovery") << "a shutdown checkpoint would be WAL of its own";
  const protocol::Peer peer = one().peer();
  ASSERT_TRUE(ok(two().postgres->set_upstream(&peer, two().id)));
  ASSERT_TRUE(ok(two().postgres->start(never)));
  EXPECT_TRUE(two().streams());
  write(one(), "after");
  EXPECT_TRUE(eventually([&] { return rows(two()) == "after,before,meanwhile"; })) << rows(two());
}

TEST_F(PostgresReplication, AStartThatOnlyWaitsForWalEnds) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  // A copy that was never started lacks the end of its backup as long as nobody sends it.
  std::filesystem::remove_all(two().files.pgdata);
  ASSERT_TRUE(ok(two().postgres->clone(one().peer(), two().id, never, ignore_progress)));
  std::filesystem::remove_all(two().files.pgdata + "/pg_wal");
  std::filesystem::create_directory(two().files.pgdata + "/pg_wal");
  ASSERT_TRUE(ok(two().postgres->set_upstream(nullptr, two().id)));
  ASSERT_TRUE(ok(two().postgres->configure({one().peer()})));
  const auto deadline = Clock::now() + 90s;
  const auto started = two().postgres->start([&] { return Clock::now() > deadline; });
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::timeout) << started.error().message;
}

TEST_F(PostgresReplication, ARewindThatWasCutShortCannotBeStartedButRepeated) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  one().sql("insert into t select generate_series(1, 1000)::text");
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  ASSERT_TRUE(ok(two().postgres->configure({one().peer()})));
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  // As if the keeper had been killed just after it began: the node's own settings are aside, the marker is there.
  std::filesystem::create_directory(one().files.directory + "/saved-configuration");
  ASSERT_TRUE(config::write_file(one().files.directory + "/saved-configuration/postgresql.conf", "work_mem = '9MB'\n"));
  ASSERT_TRUE(config::write_file(one().files.directory + "/rewind.unfinished", ""));
  one().open();
  const auto started = one().postgres->start(never);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::conflict);
  EXPECT_TRUE(one().postgres->inspect()->rewinding);
  ASSERT_TRUE(ok(one().postgres->rewind(two().peer(), never, ignore_progress)));
  const protocol::Peer peer = two().peer();
  ASSERT_TRUE(ok(one().postgres->set_upstream(&peer, one().id)));
  ASSERT_TRUE(ok(one().postgres->start(never)));
  EXPECT_TRUE(one().streams());
  EXPECT_EQ(one().sql("show work_mem"), "9MB") << "what was saved first is the original";
}

TEST_F(PostgresReplication, WithoutTheNeededWalARewindIsProvenImpossibleAndACopyHelps) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  ASSERT_TRUE(ok(two().postgres->stop_receiving()));
  write(one(), "diverged");
  ASSERT_TRUE(ok(two().postgres->promote(never)));
  ASSERT_TRUE(ok(two().postgres->configure({one().peer()})));
  ASSERT_TRUE(ok(two().postgres->sync_slots({one().id})));
  // Diverged WAL in later segments, the ones before removed: this user wants it so.
  std::ofstream(one().files.pgdata + "/postgresql.conf", std::ios::app) << "wal_keep_size = 0\n";
  ASSERT_TRUE(ok(one().postgres->configure({two().peer()})));
  ASSERT_TRUE(eventually([&] { return one().sql("show wal_keep_size") == "0"; }));
  ASSERT_TRUE(ok(one().postgres->sync_slots({})));
  for (int i = 0; i < 3; ++i)
    one().sql("select pg_switch_wal() from (select pg_logical_emit_message(false, 'x', 'x')) a");
  one().sql("checkpoint");
  one().sql("checkpoint");
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));
  const auto rewound = one().postgres->rewind(two().peer(), never, ignore_progress);
  ASSERT_FALSE(rewound);
  EXPECT_EQ(rewound.error().code, Errc::conflict) << rewound.error().message;
  EXPECT_FALSE(one().postgres->inspect()->rewinding) << "nothing was touched";

  std::ofstream(one().files.pgdata + "/postgresql.conf", std::ios::app) << "work_mem = '7MB'\n";
  ASSERT_TRUE(ok(one().postgres->clone(two().peer(), one().id, never, ignore_progress)));
  ASSERT_TRUE(ok(one().postgres->start(never)));
  EXPECT_TRUE(one().streams());
  EXPECT_EQ(one().sql("show work_mem"), "7MB") << "the node's configuration stays its own";
  EXPECT_EQ(one().sql("show synchronous_standby_names"), "");
  EXPECT_FALSE(std::filesystem::exists(one().files.pgdata + ".old"));
  EXPECT_FALSE(std::filesystem::exists(one().files.clone_directory()));
}

TEST_F(PostgresReplication, AForeignClusterIsNeitherRewoundNorDeclaredHopeless) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  Node& other = node(3);
  ASSERT_NO_FATAL_FAILURE(other.make_primary());
  ASSERT_TRUE(ok(one().postgres->keep_replication_roles(one().roles({two().peer(), other.peer()}))));
  ASSERT_TRUE(ok(other.postgres->stop(StopMode::fast, 10s)));
  const auto rewound = other.postgres->rewind(one().peer(), never, ignore_progress);
  ASSERT_FALSE(rewound);
  EXPECT_EQ(rewound.error().code, Errc::bad_config) << rewound.error().message;
}

TEST_F(PostgresReplication, ACopyThatFailsLeavesTheOldDataAndNothingElse) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  one().sql("create table t(v text)");
  Node& three = node(3);
  ASSERT_NO_FATAL_FAILURE(three.make_primary());
  ASSERT_TRUE(ok(one().postgres->keep_replication_roles(one().roles({two().peer(), three.peer()}))));
  three.sql("create table precious()");
  ASSERT_TRUE(ok(three.postgres->stop(StopMode::fast, 10s)));
  // No slot for node 3 on node 1.
  const auto refused = three.postgres->clone(one().peer(), three.id, never, ignore_progress);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable) << refused.error().message;
  EXPECT_FALSE(std::filesystem::exists(three.files.clone_directory()));

  ASSERT_TRUE(ok(one().postgres->sync_slots({two().id, three.id})));
  one().sql("insert into t select repeat(md5(i::text), 10) from generate_series(1, 20000) i");
  three.config.maximum_backup_rate = "1M";
  three.open();
  int copied = -1;
  const auto cancelled = three.postgres->clone(
      one().peer(), three.id, [&] { return copied > 0; }, [&](int percent, const auto&) { copied = percent; });
  ASSERT_FALSE(cancelled);
  EXPECT_EQ(cancelled.error().code, Errc::unavailable);
  EXPECT_FALSE(std::filesystem::exists(three.files.clone_directory()));
  ASSERT_TRUE(ok(three.postgres->start(never)));
  EXPECT_EQ(three.sql("select count(*) from precious"), "0");
}

}  // namespace
}  // namespace autoctl::keeper::test
