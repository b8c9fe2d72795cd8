// What people who come from Patroni type, on a formation whose nodes have names with spaces.
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/stat.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

using nlohmann::json;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class PatroniWords : public ClusterTest {
 protected:
  /// Three nodes; the directories of this cluster are called otherwise, so the names are options.
  void start_three() {
    lab::LocalCluster::Place place;
    ASSERT_TRUE(ok(cluster().create_monitor(place)));
    for (const char* name : {"node one", "node two", "node three"}) {
      ASSERT_TRUE(ok(cluster().create_node(name, place)));
      ASSERT_NO_FATAL_FAILURE(expect_settled());
    }
    ASSERT_TRUE(is_said({"show", "standby-names"}, "ANY 1 (autoctl_standby_2, autoctl_standby_3)"));
  }
  std::string said(const std::vector<std::string>& words) {
    const Finished done = at_monitor(words);
    EXPECT_EQ(done.exit_code, 0) << done.output;
    return done.output;
  }
  /// Without what is on stderr.
  json told(const std::vector<std::string>& words) {
    std::string line = autoctl_under_test() + " -q -q";
    for (const std::string& word : words) line += " '" + word + "'";
    const Finished done = shell(line + " --pgdata '" + cluster().monitor().pgdata() + "' 2>/dev/null");
    EXPECT_EQ(done.exit_code, 0) << done.output;
    return json::parse(done.output, nullptr, false);
  }
  std::string role_of(const std::string& member) {
    for (const json& row : told({"list", "--json"}))
      if (row["Member"] == member) return row["Role"];
    return "not listed";
  }
  static ino_t inode(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 ? info.st_ino : 0;
  }
};

TEST_F(PatroniWords, ListTopologyAndHistoryOfASwitchover) {
  ASSERT_NO_FATAL_FAILURE(start_three());
  const std::string before = said({"list", "default"});
  EXPECT_THAT(before, HasSubstr("+ Cluster: default "));
  EXPECT_THAT(before, HasSubstr("| Member     | Host"));
  EXPECT_THAT(before, ContainsRegex("\\| node one +\\| 127.0.0.1:[0-9]+ \\| Leader +\\| running +\\|  1 \\|"));
  EXPECT_THAT(
      before,
      ContainsRegex("\\| node two +\\| 127.0.0.1:[0-9]+ \\| Quorum Standby \\| streaming \\|  1 \\| +[0-9]+ \\|"));
  EXPECT_THAT(said({"topology"}), ContainsRegex("\\| node one .*\n\\| \\+ node three .*\n\\| \\+ node two "));
  EXPECT_EQ(told({"history", "--json"}), json::array());

  EXPECT_EQ(at_monitor({"switchover", "--candidate", "node two"}).exit_code, 2) << "nobody has said yes";
  EXPECT_EQ(at_monitor({"switchover", "--leader", "node two", "--force"}).exit_code, 4) << "it does not lead";
  EXPECT_EQ(at_monitor({"switchover", "--scheduled", "2030-01-01T00:00", "--force"}).exit_code, 2);
  EXPECT_EQ(role_of("node one"), "Leader") << "nothing has happened so far";
  said({"switchover", "default", "--leader", "node one", "--candidate", "node two", "--force"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(role_of("node two"), "Leader");
  EXPECT_THAT(said({"topology"}), ContainsRegex("\\| node two .*\n\\| \\+ node one .*\n\\| \\+ node three "));

  const json history = told({"history", "default", "--json"});
  ASSERT_EQ(history.size(), 1U) << history;
  EXPECT_EQ(history[0]["TL"], 1);
  EXPECT_THAT(history[0]["LSN"].get<std::string>(), ContainsRegex("0/[0-9A-F]+"));
  EXPECT_EQ(history[0]["New Leader"], "node two");
  EXPECT_THAT(history[0]["Reason"].get<std::string>(), HasSubstr("node one"));
  EXPECT_THAT(history[0]["Timestamp"].get<std::string>(), ContainsRegex("^20"));
}

TEST_F(PatroniWords, QueriesGoToTheRoleOrTheMember) {
  ASSERT_NO_FATAL_FAILURE(start_three());
  const auto ask = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "query");
    words.insert(words.end(), {"--dbname", "postgres", "--format", "csv"});
    return said(words);
  };
  const std::string where = "select pg_is_in_recovery() as standby, current_setting('port') as port";
  const auto port = [&](const std::string& name) { return std::to_string(cluster().find(name)->pgport()); };
  EXPECT_THAT(ask({"--command", where}), HasSubstr("standby,port\nf," + port("node one") + "\n"));
  EXPECT_THAT(ask({"--role", "primary", "--command", where}), HasSubstr("f," + port("node one")));
  EXPECT_THAT(ask({"--role", "standby", "--command", where}), HasSubstr("\nt,"));
  EXPECT_THAT(ask({"--role", "any", "--command", where}), ContainsRegex("\n[tf],"));
  EXPECT_THAT(ask({"--member", "node three", "-c", where}), HasSubstr("t," + port("node three")));
  EXPECT_THAT(said({"dsn", "--member", "node three"}),
              HasSubstr("host=127.0.0.1 port=" + port("node three") + " sslmode="));

  const json rows = told({"query", "--dbname", "postgres", "--format", "json", "-c",
                          "create table t(a int); select null as a, $$x$$ as b"});
  EXPECT_EQ(rows, json::parse(R"([{"a": null, "b": "x"}])")) << "the last statement's";
  const Finished refused =
      at_monitor({"query", "--role", "standby", "--dbname", "postgres", "-c", "create table u(a int)"});
  EXPECT_EQ(refused.exit_code, 11) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("read-only"));
  EXPECT_EQ(at_monitor({"query"}).exit_code, 2);
  EXPECT_EQ(at_monitor({"query", "--member", "nobody", "-c", "select 1"}).exit_code, 8);
}

TEST_F(PatroniWords, ReinitReplacesAStandbysDataUnderAWriter) {
  ASSERT_NO_FATAL_FAILURE(start_three());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  const lab::AutoctlDaemon& node = *cluster().find("node two");
  const ino_t before = inode(node.pgdata() + "/PG_VERSION");

  const Finished primary = at_monitor({"reinit", "node one", "--force"});
  EXPECT_EQ(primary.exit_code, 4) << primary.output;
  EXPECT_EQ(at_monitor({"reinit", "node two"}).exit_code, 2) << "nobody has said yes";
  EXPECT_EQ(inode(node.pgdata() + "/PG_VERSION"), before);
  EXPECT_EQ(role_of("node two"), "Quorum Standby") << "nothing has happened so far";

  const Finished done = at_monitor({"reinit", "default", "node two", "--force", "--wait"});
  EXPECT_EQ(done.exit_code, 0) << done.output;
  EXPECT_NE(inode(node.pgdata() + "/PG_VERSION"), before) << "it is the same data as before";
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(is_said({"show", "events", "--count", "50"}, "replaced by a fresh copy"));
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));

  // What was copied counts again: it takes over without a loss.
  said({"failover", "--candidate", "node two", "--force"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  load.stop();
  load.verify();
}

TEST_F(PatroniWords, NamesWithSpacesAndPriorities) {
  ASSERT_NO_FATAL_FAILURE(start_three());
  EXPECT_THAT(said({"show", "state"}), ContainsRegex("node one \\| +1 \\|"));
  EXPECT_THAT(said({"show", "standby-names"}), HasSubstr("ANY 1 (autoctl_standby_2, autoctl_standby_3)"));
  said({"set", "node", "candidate-priority", "90", "--name", "node three"});
  const std::string ordered = "ANY 1 (autoctl_standby_3, autoctl_standby_2)";
  EXPECT_THAT(said({"show", "standby-names"}), HasSubstr(ordered));
  EXPECT_TRUE(lab::eventually(Millis(10'000), [&] {
    return query(*cluster().find("node one"), "show synchronous_standby_names").at(0) == ordered;
  })) << "and in force";
  said({"perform", "promotion", "--name", "node two"});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(role_of("node two"), "Leader");
  const Finished renamed =
      autoctl({"set", "node", "metadata", "--name", "the first one", "--pgdata", cluster().find("node one")->pgdata()});
  EXPECT_EQ(renamed.exit_code, 0) << renamed.output;
  EXPECT_TRUE(is_said({"list"}, "the first one"));
  said({"drop", "node", "--name", "node three"});
  EXPECT_THAT(said({"list"}), Not(HasSubstr("node three")));
}

/// The monitor comes while the command waits for it; it is given up when it does not come, and at once when it answers.
TEST_F(PatroniWords, CommandsTryAgainWhileTheMonitorIsAway) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  cluster().monitor().signal_node(SIGKILL);
  const auto began = std::chrono::steady_clock::now();
  const Finished given_up = at_monitor({"show", "state"});
  const auto took = std::chrono::steady_clock::now() - began;
  EXPECT_EQ(given_up.exit_code, 5) << given_up.output;
  EXPECT_THAT(given_up.output, ContainsRegex("The monitor at https://.* does not answer yet; trying for 10 s"));
  EXPECT_GE(took, Millis(9'000));
  EXPECT_LT(took, Millis(20'000));
  std::thread later([&] {
    std::this_thread::sleep_for(Millis(1'000));  // the time for which it is away
    EXPECT_TRUE(ok(cluster().monitor().run()));
  });
  EXPECT_THAT(said({"list"}), HasSubstr("Leader"));
  later.join();
  const Finished denied =
      autoctl({"show", "state", "--monitor", "https://127.0.0.1:" + std::to_string(cluster().monitor().api_port())});
  EXPECT_EQ(denied.exit_code, 7) << denied.output;
  EXPECT_THAT(denied.output, Not(HasSubstr("trying for"))) << "a certificate that is not trusted is an answer";
}

/// A role that create makes is a superuser, as pg_autoctl's is; one that is there stays what it is.
TEST_F(PatroniWords, UsernameMakesASuperuserUnlessSomebodySaysOtherwise) {
  lab::LocalCluster::Place place;
  ASSERT_TRUE(ok(cluster().create_monitor(place)));
  ASSERT_NO_FATAL_FAILURE(say({"create", "formation", "--formation", "shop"}));
  place.words = {"--username", "ada"};
  ASSERT_TRUE(ok(cluster().create_node("one", place)));
  place.words = {"--username", "app", "--no-superuser", "--formation", "shop"};
  ASSERT_TRUE(ok(cluster().create_node("other", place)));
  const auto role = [&](const char* node, const std::string& name) {
    const auto rows = query(*cluster().find(node),
                            "select format('%s %s', rolsuper, rolcanlogin) from pg_roles "
                            "where rolname = '" +
                                name + "'");
    return rows.empty() ? "" : rows.at(0);
  };
  ASSERT_TRUE(is_said({"show", "state", "--formation", "default"}, "read-write", Millis(60'000)));
  ASSERT_TRUE(is_said({"show", "state", "--formation", "shop"}, "read-write", Millis(60'000)));
  EXPECT_EQ(role("one", "ada"), "t t");
  EXPECT_EQ(role("other", "app"), "f t");
}

}  // namespace
}  // namespace autoctl::test
