// What pg_auto_failover's documentation walks through, typed as pg_autoctl: basic operation, ensure, maintenance, several
// standbys, passwords, own pg_hba.conf, tablespaces, configuration. Encryption: ssl_change_test. Citus: citus_*_test.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/other_name.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

constexpr Millis patience{60'000};

class Acceptance : public ClusterTest {
 protected:
  UnderItsOtherName name_;

  std::string said(const std::vector<std::string>& words) {
    const Finished done = at_monitor(words);
    EXPECT_EQ(done.exit_code, 0) << done.output;
    return done.output;
  }
  /// Reported and assigned state.
  std::string state_of(const std::string& name) {
    const auto state = cluster().state();
    if (!state) return state.error().message;
    for (const auto& node : state->nodes)
      if (node.name == name) return std::string(to_string(node.reported)) + " " + std::string(to_string(node.assigned));
    return "there is no " + name;
  }
  static std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void make_nodes(const lab::LocalCluster::Place& place, std::initializer_list<const char*> names) {
    for (const char* name : names) {
      ASSERT_TRUE(ok(cluster().create_node(name, place)));
      ASSERT_NO_FATAL_FAILURE(expect_settled());
    }
  }
  /// By the socket of its own machine.
  void psql_at(const lab::AutoctlDaemon& node, const std::string& sql) {
    const Finished done = autoctl(
        {"query", "--pgdata", node.pgdata(), "--member", node.name(), "--dbname", "postgres", "--command", sql});
    ASSERT_EQ(done.exit_code, 0) << done.output;
  }
};

/// A pair is made; the standby serves readers; it is taken away and comes back; each fails over to the other; one is dropped.
TEST_F(Acceptance, BasicOperation) {
  lab::LocalCluster::Place place;
  ASSERT_TRUE(ok(cluster().create_monitor(place)));
  ASSERT_NO_FATAL_FAILURE(make_nodes(place, {"node1"}));
  EXPECT_EQ(state_of("node1"), "single single");
  lab::AutoctlDaemon& node1 = *cluster().find("node1");
  ASSERT_NO_FATAL_FAILURE(psql_at(node1, "create table t1 as select generate_series(1, 2) as a"));
  ASSERT_NO_FATAL_FAILURE(make_nodes(place, {"node2"}));
  lab::AutoctlDaemon& node2 = *cluster().find("node2");
  EXPECT_EQ(state_of("node1") + ", " + state_of("node2"), "primary primary, secondary secondary");
  EXPECT_EQ(query(node2, "select count(*) from t1").at(0), "2");
  for (const char* winner : {"node2", "node1"}) {
    say({"perform", "failover"});
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_EQ(primary().name(), winner);
    ASSERT_NO_FATAL_FAILURE(psql_at(primary(), "insert into t1 values (3)"));
  }
  node1.signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(patience, [&] { return state_of("node2") == "wait_primary wait_primary"; }));
  ASSERT_NO_FATAL_FAILURE(psql_at(node2, "insert into t1 values (4)"));
  ASSERT_TRUE(ok(node1.run()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(query(node1, "select count(*) from t1").at(0), "5");
  const Finished dropped = autoctl({"drop", "node", "--destroy", "--pgdata", node1.pgdata()});
  EXPECT_EQ(dropped.exit_code, 0) << dropped.output;
  EXPECT_FALSE(std::filesystem::exists(node1.pgdata()));
  EXPECT_TRUE(lab::eventually(patience, [&] { return state_of("node2") == "single single"; }));
}

/// Postgres is kept running: somebody stops it, or kills it, and it is the same primary again.
TEST_F(Acceptance, Ensure) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  lab::AutoctlDaemon& node = primary();
  for (const char* harm : {"pg_ctl stop -m fast -D", "kill -9 $(head -1 \"$0/postmaster.pid\") #"}) {
    const auto before = node.postmaster();
    ASSERT_TRUE(before);
    const Finished done = shell("sh -c '" + std::string(harm) + " \"$0\"' " + node.pgdata());
    EXPECT_TRUE(done.ok()) << done.output;
    ASSERT_TRUE(lab::eventually(patience, [&] { return node.postmaster() && node.postmaster() != before; })) << harm;
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
  EXPECT_EQ(primary().name(), node.name()) << "it was not replaced";
}

TEST_F(Acceptance, MaintenanceOfEitherNode) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  const std::string first = primary().name(), second = standby().name();
  const auto maintenance = [&](const char* verb, const std::string& name, std::vector<std::string> more = {}) {
    std::vector<std::string> words = {verb, "maintenance", "--pgdata", cluster().find(name)->pgdata()};
    words.insert(words.end(), more.begin(), more.end());
    return autoctl(words);
  };
  EXPECT_EQ(maintenance("enable", second).exit_code, 0);
  EXPECT_EQ(state_of(first) + ", " + state_of(second), "wait_primary wait_primary, maintenance maintenance");
  EXPECT_EQ(maintenance("disable", second).exit_code, 0);
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const Finished refused = maintenance("enable", first);
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.output, HasSubstr("--allow-failover"));
  EXPECT_EQ(maintenance("enable", first, {"--allow-failover"}).exit_code, 0);
  EXPECT_EQ(state_of(second) + ", " + state_of(first), "wait_primary wait_primary, maintenance maintenance");
  EXPECT_EQ(maintenance("disable", first).exit_code, 0);
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(primary().name(), second);
}

TEST_F(Acceptance, SeveralStandbys) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  EXPECT_EQ(said({"get", "formation", "number-sync-standbys"}), "1\n");
  EXPECT_THAT(said({"set", "node", "candidate-priority", "--name", "node_3", "90"}), HasSubstr("90"));
  said({"set", "formation", "number-sync-standbys", "0"});
  said({"set", "node", "replication-quorum", "--name", "node_2", "false"});
  EXPECT_TRUE(is_said({"show", "standby-names"}, "ANY 1 (autoctl_standby_3)"));
  said({"set", "node", "replication-quorum", "--name", "node_2", "true"});
  EXPECT_THAT(said({"show", "settings"}), HasSubstr("90"));
  said({"perform", "failover"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(primary().name(), "node_3") << "the highest priority";
  said({"perform", "promotion", "--name", "node_2"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(primary().name(), "node_2");
}

/// `--skip-pg-hba`: the lines are the user's, and stay as he wrote them, on a standby and after a switchover, too.
TEST_F(Acceptance, SkipPgHba) {
  lab::LocalCluster::Place place;
  ASSERT_TRUE(ok(cluster().create_monitor(place)));
  place.words = {"--skip-pg-hba"};
  ASSERT_NO_FATAL_FAILURE(make_nodes(place, {"node1"}));
  const std::string own =
      "# mine\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n"
      "host replication all 127.0.0.1/32 trust\n";
  std::ofstream(cluster().find("node1")->pgdata() + "/pg_hba.conf") << own;
  const Finished reloaded = autoctl({"reload", "--pgdata", cluster().find("node1")->pgdata()});
  EXPECT_EQ(reloaded.exit_code, 0) << reloaded.output;
  ASSERT_NO_FATAL_FAILURE(make_nodes(place, {"node2"}));
  said({"perform", "switchover"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(primary().name(), "node2");
  for (const auto& node : cluster().nodes()) {
    EXPECT_EQ(text_of(node->pgdata() + "/pg_hba.conf"), own) << node->name();
    EXPECT_EQ(query(*node, "select count(*) from pg_hba_file_rules where error is not null").at(0), "0");
  }
}

/// Tablespaces come along with the copy, and are there after failovers and after another copy.
TEST_F(Acceptance, Tablespaces) {
  const std::string one = directory() + "/space one", two = directory() + "/space two";
  for (const std::string& place : {one, two}) std::filesystem::create_directory(place);
  lab::LocalCluster::Place place;
  ASSERT_TRUE(ok(cluster().create_monitor(place)));
  ASSERT_NO_FATAL_FAILURE(make_nodes(place, {"node1"}));
  ASSERT_NO_FATAL_FAILURE(psql_at(*cluster().find("node1"), "create tablespace extra location '" + one + "'"));
  ASSERT_NO_FATAL_FAILURE(
      psql_at(*cluster().find("node1"), "create table t tablespace extra as select generate_series(1, 1000) as i"));
  place.words = {"--tablespace-mapping", one + "=" + two};
  ASSERT_NO_FATAL_FAILURE(make_nodes(place, {"node2"}));
  EXPECT_FALSE(std::filesystem::is_empty(two));
  said({"perform", "failover"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_EQ(primary().name(), "node2");
  ASSERT_NO_FATAL_FAILURE(psql_at(primary(), "insert into t values (1001)"));
  said({"reinit", "node1", "--force", "--wait"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  said({"perform", "switchover"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(primary().name(), "node1");
  EXPECT_EQ(query(primary(), "select count(*) from t").at(0), "1001");
}

/// config get and set, as the reference shows them.
TEST_F(Acceptance, Configuration) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  const std::string pgdata = cluster().find("node_1")->pgdata();
  const auto config = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "config");
    words.insert(words.end(), {"--pgdata", pgdata});
    return autoctl(words);
  };
  EXPECT_THAT(config({"get"}).output, HasSubstr("[postgresql]"));
  EXPECT_EQ(config({"get", "replication.maximum_backup_rate"}).output, "100M\n");
  EXPECT_EQ(config({"set", "replication.maximum_backup_rate", "200M"}).exit_code, 0);
  EXPECT_EQ(config({"get", "replication.maximum_backup_rate"}).output, "200M\n");
  EXPECT_EQ(config({"set", "replication.maximum_backup_rate", "fast"}).exit_code, 2);
  EXPECT_EQ(config({"get", "replication.maximum_backup_rate"}).output, "200M\n") << "bad input changes nothing";
  EXPECT_NE(config({"get", "replication.nonsense"}).exit_code, 0);
}

}  // namespace
}  // namespace autoctl::test
