// A node gets another name, host name or port: the others follow it there, nothing is lost, and nothing is copied.
#include <signal.h>
#include <sys/stat.h>

#include <algorithm>

#include "support/citus_cluster.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int refused = 4;  // docs/exit-codes.md: conflict
constexpr int misused = 2;

/// What is asked of nodes that are no longer where the cluster has made them.
template <class Base>
class Moving : public Base {
 protected:
  Finished set(const lab::AutoctlDaemon& node, std::vector<std::string> words) {
    words.insert(words.begin(), {"set", "node", "metadata", "--pgdata", node.pgdata()});
    return this->autoctl(words, Millis(90'000));
  }
  void move(const lab::AutoctlDaemon& node, const std::vector<std::string>& words) {
    const auto moved = set(node, words);
    ASSERT_EQ(moved.exit_code, 0) << moved.output << node.log_tail(20);
    ASSERT_NO_FATAL_FAILURE(this->expect_settled());
  }
  static int free_port() {
    const auto port = lab::find_free_ports(17'500, 1);
    EXPECT_TRUE(ok(port));
    return port.value_or(0);
  }
  protocol::NodeDocument seen(std::int64_t id) {
    const auto state = this->cluster().state();
    EXPECT_TRUE(ok(state));
    if (!state) return {};
    const auto found = std::ranges::find(state->nodes, NodeId{id}, &protocol::NodeDocument::id);
    EXPECT_NE(found, state->nodes.end());
    return found == state->nodes.end() ? protocol::NodeDocument{} : *found;
  }
  bool happened(const std::string& words) {
    const auto events =
        this->autoctl({"show", "events", "--json", "--count", "200", "--pgdata", this->cluster().monitor().pgdata()});
    return events.output.find(words) != std::string::npos;
  }
  /// On whatever serves at that port: first column of the first row, or the error's words.
  static std::string ask(int port, const std::string& sql) {
    auto connection = pg::Connection::open(lab::conninfo({{"127.0.0.1", port}}, "postgres", "any"), Millis(5'000));
    if (!connection) return connection.error().message;
    const auto rows = connection->query(sql, Millis(5'000));
    if (!rows) return rows.error().message;
    return rows->size() > 0 ? rows->text(0, 0) : "";
  }
  static bool says(int port, const std::string& sql, const std::string& words) {
    return lab::eventually(Millis(20'000), [&] { return ask(port, sql).find(words) != std::string::npos; });
  }
  /// A copy comes in a directory of its own.
  static ino_t directory_of(const lab::AutoctlDaemon& node) {
    struct stat info {};
    EXPECT_EQ(::stat(node.pgdata().c_str(), &info), 0);
    return info.st_ino;
  }
};

class Move : public Moving<ClusterTest> {
 protected:
  void SetUp() override {
    ClusterTest::SetUp();
    ASSERT_NO_FATAL_FAILURE(start_cluster(2));
    ASSERT_EQ(cluster().primary(), &first());
  }
  lab::AutoctlDaemon& first() { return *cluster().find("node_1"); }
  lab::AutoctlDaemon& second() { return *cluster().find("node_2"); }
};

TEST_F(Move, AStandbyIsFoundAtItsNewAddress) {
  const int there = free_port();
  const ino_t data = directory_of(second());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  ASSERT_NO_FATAL_FAILURE(
      move(second(), {"--name", "db_b", "--hostname", "localhost", "--pgport", std::to_string(there)}));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  load.stop();
  load.verify();
  const auto now = seen(2);
  EXPECT_EQ(now.name, "db_b");
  EXPECT_EQ(now.host, "localhost");
  EXPECT_EQ(now.port, there);
  EXPECT_EQ(now.api_port, there + 2000);
  EXPECT_EQ(ask(there, "select pg_is_in_recovery()"), "t");
  EXPECT_EQ(directory_of(second()), data) << "it was copied";
  EXPECT_TRUE(happened("db_b is at localhost:" + std::to_string(there) + " now, and was at 127.0.0.1:"));

  const auto switched = autoctl({"perform", "switchover", "--pgdata", cluster().monitor().pgdata()});
  ASSERT_EQ(switched.exit_code, 0) << switched.output;
  EXPECT_EQ(ask(there, "select pg_is_in_recovery()"), "f");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(says(first().pgport(), "show primary_conninfo", "port=" + std::to_string(there)));
  EXPECT_EQ(seen(2).timeline, Timeline{2}) << "one switchover, and nothing else";
}

/// To be known by another host name costs the standbys a new connection, and clients nothing.
TEST_F(Move, ThePrimaryMovesWhileItServes) {
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  const auto postmaster = first().postmaster();
  const auto start = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(move(first(), {"--hostname", "localhost"}));
  EXPECT_TRUE(says(second().pgport(), "show primary_conninfo", "host='localhost'"))
      << ask(second().pgport(), "show primary_conninfo");
  EXPECT_TRUE(says(second().pgport(), "select status from pg_stat_wal_receiver", "streaming"));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  EXPECT_LT(load.writer().outage(start, std::chrono::steady_clock::now()), Millis(2'000));
  EXPECT_EQ(cluster().primary(), &first());
  EXPECT_EQ(first().postmaster(), postmaster) << "Postgres went on";
  EXPECT_EQ(seen(1).timeline, Timeline{1});
  load.stop();
  load.verify();
}

TEST_F(Move, WhatCannotBeIsRefusedAndNothingIsChanged) {
  const std::string taken = std::to_string(first().pgport());
  const std::string elsewhere = std::to_string(free_port());
  const std::string before = shell("cat " + second().files().config() + " " + first().files().config()).output;
  EXPECT_EQ(set(second(), {"--pgport", taken}).exit_code, refused) << "node_1 is there";
  const auto primary = set(first(), {"--pgport", elsewhere});
  EXPECT_EQ(primary.exit_code, refused);
  EXPECT_NE(primary.output.find("perform switchover"), std::string::npos) << primary.output;
  EXPECT_EQ(set(second(), {"--name", "node_1"}).exit_code, refused);
  const auto nowhere = set(second(), {"--hostname", "no-such-host.invalid"});
  EXPECT_EQ(nowhere.exit_code, refused);
  EXPECT_NE(nowhere.output.find("does not resolve"), std::string::npos) << nowhere.output;
  EXPECT_EQ(set(second(), {}).exit_code, misused);
  EXPECT_EQ(set(second(), {"--hostname", "no such host"}).exit_code, misused);
  EXPECT_EQ(set(second(), {"--pgport", "70000"}).exit_code, misused);
  EXPECT_EQ(set(second(), {"--pgport", "64000"}).exit_code, misused) << "no room for the API's port";
  EXPECT_EQ(set(cluster().monitor(), {"--pgport", elsewhere}).exit_code, misused);
  EXPECT_EQ(shell("cat " + second().files().config() + " " + first().files().config()).output, before);
  EXPECT_EQ(seen(2).name, "node_2");
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

TEST_F(Move, APortIsNotChangedInMaintenance) {
  const auto enabled = autoctl({"enable", "maintenance", "--pgdata", second().pgdata()});
  ASSERT_EQ(enabled.exit_code, 0) << enabled.output;
  const auto postmaster = second().postmaster();
  const auto moved = set(second(), {"--pgport", std::to_string(free_port())});
  EXPECT_EQ(moved.exit_code, refused);
  EXPECT_NE(moved.output.find("maintenance"), std::string::npos) << moved.output;
  const auto named = set(second(), {"--hostname", "localhost"});
  EXPECT_EQ(named.exit_code, 0) << named.output;
  EXPECT_EQ(second().postmaster(), postmaster);
}

/// The usual way of a machine that gets another address: it is down meanwhile.
TEST_F(Move, ANodeThatIsDownMovesWhenItComesBack) {
  const int there = free_port();
  const ino_t data = directory_of(second());
  ASSERT_TRUE(second().stop(Millis(20'000)));
  const auto moved = set(second(), {"--hostname", "localhost", "--pgport", std::to_string(there)});
  ASSERT_EQ(moved.exit_code, 0) << moved.output;
  EXPECT_NE(moved.output.find("autoctl run"), std::string::npos) << moved.output;
  ASSERT_TRUE(ok(second().run()));
  EXPECT_TRUE(says(there, "select status from pg_stat_wal_receiver", "streaming"));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(seen(2).port, there);
  EXPECT_EQ(directory_of(second()), data);
}

/// The configuration was written, and the keeper killed before it could move its Postgres.
TEST_F(Move, AMoveThatWasCutShortIsFinished) {
  const int there = free_port();
  const auto changed =
      autoctl({"config", "set", "postgresql.port", std::to_string(there), "--pgdata", second().pgdata()});
  ASSERT_EQ(changed.exit_code, 0) << changed.output;
  const auto postmaster = second().postmaster();
  second().signal_daemon(SIGKILL);
  ASSERT_TRUE(postmaster && ::kill(*postmaster, 0) == 0) << "it runs on, at its former port";
  ASSERT_TRUE(ok(second().run()));
  EXPECT_TRUE(says(there, "select status from pg_stat_wal_receiver", "streaming"));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(seen(2).port, there);
}

class MoveAlone : public Moving<ClusterTest> {};

TEST_F(MoveAlone, APrimaryWithoutStandbysRestartsAtItsNewPort) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  const int there = free_port();
  ASSERT_NO_FATAL_FAILURE(move(*cluster().find("node_1"), {"--pgport", std::to_string(there)}));
  EXPECT_EQ(ask(there, "select pg_is_in_recovery()"), "f");
  EXPECT_EQ(seen(1).port, there);
}

class MoveCitus : public Moving<CitusTest> {
 protected:
  bool is_routed_to(GroupId group, const std::string& address) {
    return lab::eventually(Millis(20'000), [&] {
      return query_primary(0,
                           "select nodename || ':' || nodeport from pg_dist_node where noderole = 'primary' and "
                           "groupid = " +
                               std::to_string(group)) == std::vector<std::string>{address};
    });
  }
};

TEST_F(MoveCitus, PgDistNodeFollows) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1, 2));
  lab::AutoctlDaemon& worker = primary(1);
  const std::string port = std::to_string(worker.pgport());
  ASSERT_TRUE(is_routed_to(1, "127.0.0.1:" + port));
  ASSERT_NO_FATAL_FAILURE(move(worker, {"--hostname", "localhost"}));
  EXPECT_TRUE(is_routed_to(1, "localhost:" + port));

  lab::AutoctlDaemon& standby = *cluster().standby(1);
  const std::string there = std::to_string(free_port());
  ASSERT_NO_FATAL_FAILURE(move(standby, {"--pgport", there}));
  const auto switched = autoctl({"perform", "switchover", "--group", "1", "--pgdata", cluster().monitor().pgdata()});
  ASSERT_EQ(switched.exit_code, 0) << switched.output;
  EXPECT_TRUE(is_routed_to(1, "127.0.0.1:" + there));

  lab::AutoctlDaemon& coordinator = primary(0);
  ASSERT_NO_FATAL_FAILURE(move(coordinator, {"--hostname", "localhost"}));
  EXPECT_TRUE(is_routed_to(0, "localhost:" + std::to_string(coordinator.pgport())));
}

}  // namespace
}  // namespace autoctl::test
