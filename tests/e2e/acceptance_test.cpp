// Scenarios that pg_auto_failover's documentation describes and that no other test walks: own pg_hba.conf, tablespaces,
// configuration.
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

class Acceptance : public ClusterTest {
 protected:
  std::string said(const std::vector<std::string>& words) {
    const Finished done = at_monitor(words);
    EXPECT_EQ(done.exit_code, 0) << done.output;
    return done.output;
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
