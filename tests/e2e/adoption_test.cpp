// Servers that somebody else has made and runs become nodes: restarted where they must be, with their own files.
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "common/config/files.h"
#include "support/cluster_test.h"
#include "tests/support/scratch.h"

namespace autoctl::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* tools = "PATH=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1):$PATH; ";

class Adoption : public ClusterTest {
 protected:
  std::string path(const std::string& name) const { return directory() + "/" + name; }
  void run_script(const std::string& script) const {
    const Finished finished = shell(std::string("set -e; ") + tools + script);
    ASSERT_TRUE(finished.ok()) << script << "\n" << finished.output;
  }
  void append(const std::string& file, const std::string& text) const { std::ofstream(file, std::ios::app) << text; }

  /// As before autoctl came: without checksums, so that wal_log_hints counts.
  void make_cluster(const std::string& name, const std::string& settings = {}) const {
    run_script("initdb $(initdb --help | grep -o -e --no-data-checksums) -D " + path(name) + " -A trust >/dev/null");
    append(path(name) + "/postgresql.conf", "unix_socket_directories = '" + directory() +
                                                "'\nwork_mem = '7MB'\nport = " + std::to_string(port) + "\n" +
                                                settings);
  }
  void start_by_hand(const std::string& pgdata, const std::string& options = {}) const {
    run_script("pg_ctl -w -D " + pgdata + " -l " + directory() + "/by_hand.log" +
               (options.empty() ? "" : " -o '" + options + "'") + " start >/dev/null");
  }
  /// While its keeper is away.
  void restart_by_hand(lab::AutoctlDaemon& node, const std::string& options) const {
    node.signal_daemon(SIGKILL);
    ASSERT_TRUE(lab::eventually(Millis(10'000), [&] { return !node.running(); }));
    run_script("pg_ctl -w -D " + node.pgdata() + " -m fast stop >/dev/null; pg_ctl -W -D " + node.pgdata() + " -l " +
               directory() + "/by_hand.log -o '" + options + "' start >/dev/null");
    ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return has_started(node.pgdata()); }));
  }
  static bool has_started(const std::string& pgdata) {
    const std::string lock = config::read_file(pgdata + "/postmaster.pid").value_or("");
    return lock.find("\nready") != std::string::npos || lock.find("\nstandby") != std::string::npos;
  }
  /// `create` beside the server that runs or lies there, and `run`.
  lab::AutoctlDaemon& adopt(const std::string& name, std::vector<std::string> words = {}) {
    const auto node = cluster().create_node(name, {.pgport = port, .words = std::move(words)});
    EXPECT_TRUE(ok(node));
    return node ? **node : cluster().monitor();
  }
  /// `create` alone, as a user would type it.
  Finished create(const std::string& pgdata, int pgport) {
    const lab::AutoctlDaemon& monitor = cluster().monitor();
    return autoctl({"create", "postgres", "--pgdata", pgdata, "--pgport", std::to_string(pgport), "--auth", "trust",
                    "--no-ssl", "--monitor",
                    "postgres://autoctl_node@" + monitor.host() + ":" + std::to_string(monitor.pgport()) +
                        "/pg_auto_failover?sslmode=require"});
  }
  std::string ask(const lab::AutoctlDaemon& node, const std::string& sql) const {
    const auto rows = query(node, sql);
    return rows.empty() ? "(no row)" : rows.front();
  }
  std::string show(const std::string& what) const {
    return autoctl({"show", what, "--pgdata", path("monitor")}).output;
  }
  bool shows(const std::string& what, const std::string& words) const {
    return lab::eventually(Millis(20'000), [&] { return show(what).find(words) != std::string::npos; });
  }
  /// A second node joins and takes over: it has what was there.
  void expect_group_works(const std::string& first) {
    query(*cluster().find(first), "create table kept as select generate_series(1, 75) as id");
    ASSERT_TRUE(ok(cluster().create_node("second", {})));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_TRUE(autoctl({"perform", "switchover", "--pgdata", path("monitor")}).ok());
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_EQ(primary().name(), "second");
    EXPECT_EQ(ask(*cluster().find("second"), "select count(*) from kept"), "75");
  }

  const int port = free_port();
};

TEST_F(Adoption, RestartsARunningServerThatReplicationCannotWorkWith) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first",
                                       "wal_level = minimal\nmax_wal_senders = 0\nmax_replication_slots = 0\n"
                                       "hot_standby = off\nwal_log_hints = off\nlisten_addresses = 'localhost'\n"));
  ASSERT_NO_FATAL_FAILURE(start_by_hand(path("first")));
  lab::AutoctlDaemon& first = adopt("first");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const std::string log = first.log_tail(100);
  EXPECT_THAT(log, HasSubstr("RESTARTS it once for")) << "said by `create`, before anything is done";
  for (const char* need :
       {"wal_level (minimal, needs replica)", "max_wal_senders (0, needs 10)", "max_replication_slots (0, needs 10)",
        "hot_standby (off, needs on)", "wal_log_hints (off, needs on)", "listen_addresses (localhost, needs *)"})
    EXPECT_THAT(log, HasSubstr(need));
  EXPECT_TRUE(shows("events", "restarted once for"));
  EXPECT_EQ(ask(first, "show wal_level"), "replica");
  EXPECT_EQ(ask(first, "show work_mem"), "7MB");
  EXPECT_THAT(show("state"), Not(HasSubstr("needs a restart")));
  expect_group_works("first");
}

/// What was given on the command line is in no file, and nothing waits for a restart as Postgres itself sees it.
TEST_F(Adoption, AlsoWhereTheCommandLineSaysIt) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first"));
  ASSERT_NO_FATAL_FAILURE(start_by_hand(path("first"), "-c wal_level=minimal -c max_wal_senders=0"));
  lab::AutoctlDaemon& first = adopt("first");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(ask(first, "show wal_level"), "replica");
  expect_group_works("first");
}

TEST_F(Adoption, LeavesAServerThatNeedsNothingRunning) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first", "listen_addresses = '*'\nwal_log_hints = on\n"));
  ASSERT_NO_FATAL_FAILURE(start_by_hand(path("first")));
  const std::string pid = config::read_file(path("first") + "/postmaster.pid").value_or("").substr(0, 8);
  lab::AutoctlDaemon& first = adopt("first");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(config::read_file(path("first") + "/postmaster.pid").value_or("").substr(0, 8), pid);
  EXPECT_THAT(first.log_tail(100), HasSubstr("takes it over as it is"));
}

TEST_F(Adoption, RefusesAnotherPortThanTheServers) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first"));
  ASSERT_NO_FATAL_FAILURE(start_by_hand(path("first")));
  const Finished refused = create(path("first"), port + 1);
  EXPECT_EQ(refused.exit_code, 4) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("has port " + std::to_string(port)));
  EXPECT_FALSE(fs::exists(path("first") + ".autoctl"));
  run_script("pg_ctl -w -D " + path("first") + " -m immediate stop");
}

/// It lets nobody in, so nothing can be seen of it; and nobody uses it.
TEST_F(Adoption, RestartsAStandbyThatAnswersNobody) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  lab::AutoctlDaemon& node = standby();
  restart_by_hand(node, "-c hot_standby=off");
  ASSERT_TRUE(ok(node.run()));
  EXPECT_TRUE(shows("events", "lets no session in: restarting it for hot_standby (off, needs on)")) << show("events");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(ask(node, "show hot_standby"), "on");
}

/// Long after the adoption, and nobody has to guess: the event and the state say what to type.
TEST_F(Adoption, ALaterNeedIsToldWithWhatToType) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  lab::AutoctlDaemon& node = primary();
  restart_by_hand(node, "-c wal_level=minimal -c max_wal_senders=0");
  const auto by_hand = node.postmaster();
  ASSERT_TRUE(ok(node.run()));
  const std::string words = "needs a restart for max_wal_senders (0, needs 10) and wal_level (minimal, needs replica)";
  EXPECT_TRUE(shows("state", words)) << show("state");
  EXPECT_TRUE(shows("state", "autoctl restart postgres"));
  EXPECT_TRUE(shows("events", words)) << show("events");
  EXPECT_EQ(node.postmaster(), by_hand) << "a primary that serves is restarted by an operator";
  EXPECT_TRUE(autoctl({"restart", "postgres", "--pgdata", node.pgdata()}).ok());
  EXPECT_TRUE(
      lab::eventually(Millis(20'000), [&] { return show("state").find("needs a restart") == std::string::npos; }));
  EXPECT_EQ(ask(node, "show wal_level"), "replica");
}

// ---- configuration outside of PGDATA

class OutsideFiles : public Adoption {
 protected:
  /// postgresql.conf, pg_hba.conf and pg_ident.conf lie in `etc`, as on a machine with /etc/c1.
  void move_configuration(const std::string& name, const std::string& settings) {
    etc = path("etc");
    ASSERT_TRUE(fs::create_directory(etc));
    for (const char* file : {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"})
      fs::rename(path(name) + "/" + file, etc + "/" + file);
    append(etc + "/postgresql.conf", "data_directory = '" + path(name) + "'\n" + settings);
    append(etc + "/pg_hba.conf", "host app app 192.0.2.0/24 scram-sha-256\n");
  }
  /// In force now, and after every way in which it may be started.
  void expect_users_files(const lab::AutoctlDaemon& node) {
    EXPECT_EQ(ask(node, "show config_file"), etc + "/postgresql.conf");
    EXPECT_EQ(ask(node, "show hba_file"), etc + "/pg_hba.conf");
    EXPECT_EQ(ask(node, "show ident_file"), etc + "/pg_ident.conf");
    EXPECT_EQ(ask(node, "show work_mem"), "7MB");
    EXPECT_EQ(ask(node, "show max_connections"), "77");
    for (const char* file : {"postgresql.conf", "pg_hba.conf", "pg_ident.conf"})
      EXPECT_FALSE(fs::exists(node.pgdata() + "/" + file)) << file;
    EXPECT_THAT(config::read_file(etc + "/pg_hba.conf").value_or(""), HasSubstr("autoctl: begin"));
  }
  void expect_kept_for_good(lab::AutoctlDaemon& node) {
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    expect_users_files(node);
    ASSERT_TRUE(autoctl({"restart", "postgres", "--pgdata", node.pgdata()}).ok());
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    expect_users_files(node);
    node.signal_node(SIGKILL);
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    expect_users_files(node);
    // A standby of it begins with the user's settings and HBA lines, in files of its own.
    ASSERT_NO_FATAL_FAILURE(expect_group_works(node.name()));
    const lab::AutoctlDaemon& second = *cluster().find("second");
    EXPECT_EQ(ask(second, "show config_file"), second.pgdata() + "/postgresql.conf");
    EXPECT_EQ(ask(second, "show work_mem"), "7MB");
    EXPECT_EQ(ask(second, "show max_connections"), "77");
    EXPECT_EQ(ask(second, "select count(*) from pg_hba_file_rules where user_name = '{app}'"), "1");
    EXPECT_EQ(ask(second, "show data_directory"), second.pgdata());
    expect_users_files(node);
    // Rewound, it keeps them.
    lab::AutoctlDaemon& old = primary();
    old.signal_node(SIGKILL);
    ASSERT_TRUE(lab::eventually(Millis(30'000), [&] { return cluster().primary() == &node; }));
    query(node, "create table written_alone()");
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    node.signal_node(SIGKILL);
    ASSERT_TRUE(lab::eventually(Millis(30'000), [&] { return cluster().primary() == &old; }));
    query(old, "create table written_elsewhere()");
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    expect_users_files(node);
  }

  std::string etc;
};

TEST_F(OutsideFiles, ARunningServerKeepsThem) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first", "max_connections = 77\n"));
  ASSERT_NO_FATAL_FAILURE(move_configuration("first", ""));
  ASSERT_NO_FATAL_FAILURE(start_by_hand(etc));
  ASSERT_NO_FATAL_FAILURE(expect_kept_for_good(adopt("first")));
}

/// Its relative path says nothing once it has ended.
TEST_F(OutsideFiles, AlsoStartedByARelativePath) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first", "max_connections = 77\n"));
  ASSERT_NO_FATAL_FAILURE(move_configuration("first", ""));
  run_script("cd " + directory() + "; pg_ctl -w -D etc -l by_hand.log start >/dev/null");
  lab::AutoctlDaemon& first = adopt("first");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  first.signal_node(SIGKILL);
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  expect_users_files(first);
}

/// Debian's: all files are named, and postmaster.opts has -D of the data and config_file.
TEST_F(OutsideFiles, AStoppedServerKeepsWhatItsLastStartSays) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first", "max_connections = 77\n"));
  ASSERT_NO_FATAL_FAILURE(move_configuration("first", ""));
  append(etc + "/postgresql.conf", "hba_file = '" + etc + "/pg_hba.conf'\nident_file = '" + etc + "/pg_ident.conf'\n");
  start_by_hand(path("first"), "-c config_file=" + etc + "/postgresql.conf");
  run_script("pg_ctl -w -D " + path("first") + " stop >/dev/null");
  lab::AutoctlDaemon& first = adopt("first");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  expect_users_files(first);
}

/// --pgdata as Postgres' own -D.
TEST_F(OutsideFiles, TheirDirectoryIsUnderstood) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  ASSERT_NO_FATAL_FAILURE(make_cluster("other", "max_connections = 77\n"));
  ASSERT_NO_FATAL_FAILURE(move_configuration("other", ""));
  // It is another cluster than the group's, and refused for that: its data was looked at.
  const Finished foreign = create(etc, port);
  EXPECT_THAT(foreign.output, HasSubstr("system identifier"));
  EXPECT_THAT(foreign.output, HasSubstr(path("other")));
  EXPECT_FALSE(fs::exists(etc + ".autoctl"));
  // Nothing is changed where this user may not write.
  const std::string before = config::read_file(etc + "/postgresql.conf").value_or("");
  ASSERT_EQ(::chmod(etc.c_str(), 0500), 0);
  const Finished denied = create(etc, port);
  EXPECT_THAT(denied.output, HasSubstr("cannot write to " + etc));
  ASSERT_EQ(::chmod((etc + "/postgresql.conf").c_str(), 0), 0);
  EXPECT_THAT(create(etc, port).output, HasSubstr("cannot be read"));
  ::chmod(etc.c_str(), 0700);
  ::chmod((etc + "/postgresql.conf").c_str(), 0600);
  EXPECT_EQ(config::read_file(etc + "/postgresql.conf").value_or("(gone)"), before);
  EXPECT_FALSE(fs::exists(path("other") + ".autoctl"));
}

/// An empty file would take the place of the user's, and nobody would notice before the next start.
TEST_F(OutsideFiles, WhereNothingTellsTheyAreAskedFor) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(make_cluster("first"));
  ASSERT_NO_FATAL_FAILURE(move_configuration("first", ""));
  EXPECT_THAT(create(path("first"), port).output, HasSubstr("nothing tells where it is instead"));
  EXPECT_FALSE(fs::exists(path("first") + "/postgresql.conf"));
}

// ---- slots and WAL senders that others have taken

class Taken : public Adoption {};

TEST_F(Taken, SlotsAtTheAdoptionAreMadeRoomFor) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  ASSERT_NO_FATAL_FAILURE(
      make_cluster("first", "listen_addresses = '*'\nwal_log_hints = on\nmax_replication_slots = 11\n"));
  ASSERT_NO_FATAL_FAILURE(start_by_hand(path("first")));
  run_script("psql -X -h " + directory() + " -p " + std::to_string(port) +
             " postgres -c \"select pg_create_physical_replication_slot('cdc_' || i) from generate_series(1, 11) i\"");
  lab::AutoctlDaemon& first = adopt("first");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(ask(first, "show max_replication_slots"), "21");
  EXPECT_TRUE(shows("events", "restarted once for max_replication_slots (11, needs 21)"));
  expect_group_works("first");
}

TEST_F(Taken, SlotsLaterAreToldAndOneRestartLetsTheNodesIn) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  lab::AutoctlDaemon& first = primary();
  query(first, "select pg_create_physical_replication_slot('cdc_' || i) from generate_series(1, 10) i");
  const std::string words = "needs a restart for max_replication_slots (10, needs 20)";
  EXPECT_TRUE(shows("events", words)) << show("events");
  EXPECT_TRUE(shows("state", "autoctl restart postgres")) << show("state");
  ASSERT_TRUE(ok(cluster().create_node("second", {})));
  EXPECT_TRUE(shows("state", "others have taken all replication slots")) << show("state");
  ASSERT_TRUE(autoctl({"restart", "postgres", "--pgdata", first.pgdata()}).ok());
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(ask(first, "show max_replication_slots"), "20");
  EXPECT_EQ(&primary(), &first);
  EXPECT_EQ(ask(first, "select count(*) from pg_replication_slots where slot_name like 'cdc_%'"), "10");
}

/// Backup tools and change data capture hold WAL senders without a slot.
TEST_F(Taken, WalSendersAreToldAndRaisedAtTheNextStart) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  lab::AutoctlDaemon& first = primary();
  run_script("mkdir " + path("wal") + "; for i in $(seq 10); do mkdir " + path("wal") + "/$i; pg_receivewal -n -D " +
             path("wal") + "/$i -h 127.0.0.1 -p " + std::to_string(first.pgport()) + " >/dev/null 2>&1 & done");
  EXPECT_TRUE(shows("events", "needs a restart for max_wal_senders (10, needs 20)")) << show("events");
  EXPECT_TRUE(shows("state", "autoctl restart postgres"));
  ASSERT_TRUE(ok(cluster().create_node("second", {})));
  ASSERT_TRUE(autoctl({"restart", "postgres", "--pgdata", first.pgdata()}).ok());
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(ask(first, "show max_wal_senders"), "20");
}

}  // namespace
}  // namespace autoctl::test
