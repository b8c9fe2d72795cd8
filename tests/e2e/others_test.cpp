// Clusters in which somebody else sets, changes and takes away what the nodes depend on.
#include <signal.h>

#include <fstream>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class Others : public ClusterTest {
 protected:
  static Result<pg::Connection> connect(const lab::AutoctlDaemon& node) {
    return pg::Connection::open(lab::conninfo({{node.host(), node.pgport()}}, "postgres", "any"), Millis(5000));
  }
  /// One value; the error's words where there is none, as while the server reads its files again.
  static std::string ask(const lab::AutoctlDaemon& node, const std::string& sql) {
    auto connection = connect(node);
    if (!connection) return connection.error().message;
    const auto rows = connection->query(sql, Millis(10'000));
    return rows ? rows->text(0, 0) : rows.error().message;
  }
  /// In a session of a user's; no rows are expected.
  void alter(const lab::AutoctlDaemon& node, const std::string& sql) {
    auto connection = connect(node);
    ASSERT_TRUE(ok(connection));
    EXPECT_TRUE(ok(connection->script(sql, Millis(10'000)))) << sql;
  }
  static void reload(const lab::AutoctlDaemon& node) { node.signal_postmaster(SIGHUP); }
  /// The primary dies, and the standby takes over.
  void expect_failover(Load& load) {
    lab::AutoctlDaemon& old = primary();
    old.signal_node(SIGKILL);
    ASSERT_TRUE(load.progresses(50, Millis(20'000)));
    EXPECT_NE(cluster().primary(), &old);
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
};

TEST_F(Others, SettingsOfServerRoleAndDatabaseBlindNoKeeper) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  const std::string user = ask(primary(), "select quote_ident(current_user)");
  for (const auto& node : cluster().nodes()) {
    ASSERT_NO_FATAL_FAILURE(alter(*node, "alter system set default_transaction_isolation = 'serializable'"));
    reload(*node);
  }
  ASSERT_NO_FATAL_FAILURE(alter(primary(), "alter role " + user + " set lock_timeout = '1ms'; alter role " + user +
                                               " set exit_on_error = on; alter database postgres set "
                                               "default_transaction_isolation = 'serializable'"));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(expect_failover(load));
  ASSERT_NO_FATAL_FAILURE(expect_failover(load));
  load.stop();
  load.verify();
}

/// As a configuration tool does it: its own files, and a reload. Each is put right within seconds.
TEST_F(Others, ConfigurationIsPutBackWithinSeconds) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, {.auth = "scram-sha-256"}, {.auth = "scram-sha-256"}}));
  lab::AutoctlDaemon& first = primary();
  const auto within_seconds = [&](const lab::AutoctlDaemon& node, const std::string& sql, const std::string& answer) {
    EXPECT_TRUE(lab::eventually(Millis(8'000), [&] { return ask(node, sql) == answer; })) << sql << "\n"
                                                                                          << node.log_tail(20);
  };
  for (const auto& node : cluster().nodes()) {
    SCOPED_TRACE(node->name());
    std::ofstream(node->pgdata() + "/pg_hba.conf") << "local all all trust\nhost all all all trust\n";
    reload(*node);
    const std::string role = "autoctl_standby_" + (node.get() == &first ? standby() : first).name().substr(5);
    within_seconds(*node, "select count(*) > 0 from pg_hba_file_rules where '{" + role + "}' = user_name", "t");
    std::ofstream(node->pgdata() + "/postgresql.conf") << "work_mem = '7MB'\nssl = off\n";
    reload(*node);
    within_seconds(*node, "show wal_receiver_status_interval", "3s");
    within_seconds(*node, "show work_mem", "7MB");  // what is the tool's stays
    ASSERT_TRUE(ok(config::write_file(node->pgdata() + "/postgresql-autoctl.conf", "")));
    reload(*node);
    within_seconds(*node, "show wal_receiver_status_interval", "3s");
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
  const std::string role = "autoctl_standby_" + standby().name().substr(5);
  ASSERT_NO_FATAL_FAILURE(alter(first, "alter role " + role + " password 'another' nologin"));
  within_seconds(first, "select rolcanlogin from pg_roles where rolname = '" + role + "'", "t");
  // It connects again, with the password that it has. SQL cannot end it: it is no backend.
  const std::string receiver = ask(standby(), "select pid from pg_stat_wal_receiver");
  ASSERT_EQ(::kill(std::stoi(receiver), SIGTERM), 0) << receiver;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(expect_failover(load));
  load.stop();
  load.verify();
}

/// All of them superusers', on the primary; then the standby dies, and every commit waits for it.
TEST_F(Others, AllConnectionsTakenDoNotHoldUpCommits) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  lab::AutoctlDaemon& first = primary();
  lab::AutoctlDaemon& other = standby();
  std::vector<pg::Connection> sessions;
  const auto take_all = [&] {
    for (auto more = connect(first); more; more = connect(first)) sessions.push_back(std::move(*more));
  };
  take_all();
  ASSERT_GT(sessions.size(), 50U);
  other.signal_node(SIGKILL);
  EXPECT_TRUE(ok(sessions.front().query("create table commits_go_on()", Millis(30'000)))) << first.log_tail(20);
  // A keeper that starts now has no session at all: it neither takes the primary for dead nor stops it.
  first.signal_daemon(SIGKILL);
  const auto postmaster = first.postmaster();
  take_all();
  ASSERT_TRUE(ok(first.run()));
  EXPECT_FALSE(lab::eventually(Millis(25'000), [&] { return first.postmaster() != postmaster; }));
  EXPECT_TRUE(ok(sessions.front().query("create table and_on()", Millis(30'000)))) << first.log_tail(20);
  sessions.clear();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(&primary(), &first);
}

/// `reload` takes in what a running node can, and says what it was and what waits for a restart.
TEST_F(Others, ReloadSaysWhatChangedAndWhatWaits) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  lab::AutoctlDaemon& node = primary();
  const auto set = [&](const std::string& key, const std::string& value) {
    EXPECT_TRUE(autoctl({"config", "set", key, value, "--pgdata", node.pgdata()}).ok()) << key;
  };
  const auto reloaded = [&] { return autoctl({"reload", "--pgdata", node.pgdata()}); };
  EXPECT_NE(reloaded().output.find("nothing has changed"), std::string::npos);
  set("postgresql.pg_hba_lan", "true");
  set("replication.maximum_backup_rate", "50M");
  set("postgresql.listen", "127.0.0.1,127.0.0.2");
  const auto answer = reloaded();
  EXPECT_EQ(answer.exit_code, 0) << answer.output;
  for (const char* words : {"postgresql.pg_hba_lan: ", "maximum_backup_rate: ",
                            "waits for a restart (`autoctl restart postgres`): listen_addresses"})
    EXPECT_NE(answer.output.find(words), std::string::npos) << words << "\n" << answer.output;
  EXPECT_EQ(ask(node, "select count(*) > 0 from pg_hba_file_rules where address = 'samenet'"), "t");
  EXPECT_TRUE(autoctl({"restart", "postgres", "--pgdata", node.pgdata()}).ok());
  EXPECT_EQ(ask(node, "show listen_addresses"), "127.0.0.1,127.0.0.2");
}

/// What a restore has left, on both nodes, and afterwards a failover there and back.
TEST_F(Others, LeftOverRecoverySettingsDoNotEndAFailover) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  for (const auto& node : cluster().nodes()) {
    std::ofstream(node->pgdata() + "/postgresql.conf", std::ios::app) << "restore_command = '/bin/false'\n";
    ASSERT_NO_FATAL_FAILURE(alter(*node, "alter system set recovery_target_time = '2001-01-01'"));
    ASSERT_NO_FATAL_FAILURE(alter(*node, "alter system set recovery_end_command = 'sleep 1000'"));
    reload(*node);
  }
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(expect_failover(load));
  standby().signal_postmaster(SIGKILL);
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_failover(load));
  load.stop();
  load.verify();
}

/// Whoever waits for it to be applied hangs: that is said, not hidden behind "healthy"; and it keeps no standby from
/// taking over.
TEST_F(Others, ReplayThatSomebodyPausedIsToldAndEndsWithAPromotion) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  const auto says = [&](const std::string& what, const std::string& words) {
    return lab::eventually(Millis(10'000), [&] {
      return autoctl({"show", what, "--pgdata", cluster().monitor().pgdata()}).output.find(words) != std::string::npos;
    });
  };
  ASSERT_NO_FATAL_FAILURE(alter(primary(), "alter system set synchronous_commit = remote_apply"));
  reload(primary());
  ASSERT_TRUE(
      lab::eventually(Millis(10'000), [&] { return ask(primary(), "show synchronous_commit") == "remote_apply"; }));
  lab::AutoctlDaemon& other = standby();
  ask(other, "select pg_wal_replay_pause()");
  auto client = connect(primary());
  ASSERT_TRUE(ok(client));
  EXPECT_FALSE(client->query("create table hangs()", Millis(3'000))) << "it did not wait for the standby";
  EXPECT_TRUE(says("state", "replay is paused"));
  EXPECT_TRUE(says("events", "replay is paused"));
  ask(other, "select pg_wal_replay_resume()");
  EXPECT_TRUE(says("events", "replay goes on"));
  ASSERT_NO_FATAL_FAILURE(alter(primary(), "create table commits()"));

  ask(other, "select pg_wal_replay_pause()");
  EXPECT_TRUE(says("state", "replay is paused"));
  ASSERT_NO_FATAL_FAILURE(alter(primary(), "set synchronous_commit = on; create table not_replayed_yet()"));
  primary().signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return cluster().primary() == &other; })) << other.log_tail(20);
  EXPECT_EQ(ask(other, "select count(*) from not_replayed_yet"), "0");
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

}  // namespace
}  // namespace autoctl::test
