// Nodes of a Citus formation: how they come together, and that pg_dist_node follows them whatever happens.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>

#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class CitusNodes : public CitusTest {
 protected:
  /// `create ROLE` with no --name and no --group: the monitor chooses both.
  Finished create(const std::string& role, const std::string& directory, int port,
                  const std::vector<std::string>& words = {}) {
    std::vector<std::string> line = {"create",
                                     role,
                                     "--pgdata",
                                     this->directory() + "/" + directory,
                                     "--pgport",
                                     std::to_string(port),
                                     "--auth",
                                     "trust",
                                     "--ssl-self-signed",
                                     "--hostname",
                                     "127.0.0.1",
                                     "--pgctl",
                                     citus_server().pg_ctl,
                                     "--monitor",
                                     cluster().monitor_uri()};
    line.insert(line.end(), words.begin(), words.end());
    return autoctl(line);
  }
  std::string log_of(const std::string& name) { return cluster().find(name)->log_tail(1000); }
  std::string show(const std::string& what) {
    return autoctl({"show", what, "--pgdata", cluster().monitor().pgdata()}).output;
  }
  testing::AssertionResult shows(const std::string& what, const std::string& words, Millis timeout = Millis(10'000)) {
    std::string last;
    if (lab::eventually(timeout, [&] { return (last = show(what)).find(words) != std::string::npos; }))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "show " << what << " does not say \"" << words << "\":\n" << last;
  }
  /// A distributed table with a row for each of many shards.
  void distribute(const std::string& table) {
    query_primary(0, "create table " + table + " (id int primary key, note text)");
    query_primary(0, "select create_distributed_table('" + table + "', 'id')");
    query_primary(0, "insert into " + table + " select i, 'x' from generate_series(1, 200) i");
  }
};

TEST_F(CitusNodes, AWorkerWaitsForItsCoordinatorAndSaysSo) {
  ASSERT_TRUE(ok(cluster().create_monitor({})));
  ASSERT_NO_FATAL_FAILURE(create_citus_node("worker1a", 1));
  ASSERT_TRUE(lab::eventually(Millis(60'000), [&] { return cluster().primary(1) != nullptr; }));
  EXPECT_TRUE(shows("state", "waits for a coordinator"));
  EXPECT_TRUE(shows("citus", "no coordinator has reported yet"));
  EXPECT_THAT(log_of("worker1a"), HasSubstr("waits for a coordinator"));
  ASSERT_NO_FATAL_FAILURE(create_citus_node("coord0a", 0));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  EXPECT_TRUE(
      lab::eventually(Millis(5'000), [&] { return log_of("worker1a").find("No longer") != std::string::npos; }));
  EXPECT_THAT(show("state"), Not(HasSubstr("waits for a coordinator")));
  EXPECT_TRUE(autoctl({"activate", "--pgdata", cluster().find("worker1a")->pgdata()}).ok());
}

TEST_F(CitusNodes, TheMonitorChoosesNamesAndGroupsAndRefusesAWrongMix) {
  ASSERT_TRUE(ok(cluster().create_monitor({})));
  const auto free = lab::find_free_ports(20'000, 6);
  ASSERT_TRUE(ok(free));
  EXPECT_TRUE(create("coordinator", "c1", *free).ok());
  EXPECT_TRUE(create("coordinator", "c2", *free + 1).ok());
  EXPECT_TRUE(create("worker", "w1", *free + 2).ok());
  EXPECT_TRUE(create("worker", "w2", *free + 3).ok());
  EXPECT_TRUE(create("worker", "w3", *free + 4).ok());
  std::vector<std::string> names;
  const auto state = cluster().state();
  ASSERT_TRUE(ok(state));
  for (const auto& node : state->nodes) names.push_back(fmt::format("{} {}", node.group, node.name));
  EXPECT_THAT(names, ElementsAre("0 coord0a", "0 coord0b", "1 worker1a", "1 worker1b", "2 worker2a"));
  const auto mixed = create("postgres", "p", *free + 5);
  EXPECT_FALSE(mixed.ok());
  EXPECT_THAT(mixed.output, HasSubstr("is of kind citus"));
  const auto grouped = create("worker", "p", *free + 5, {"--group", "0"});
  EXPECT_FALSE(grouped.ok());
  EXPECT_THAT(grouped.output, HasSubstr("group 0 is the coordinator's"));
  EXPECT_FALSE(std::filesystem::exists(directory() + "/p"));
}

TEST_F(CitusNodes, AServerWithoutCitusIsRefused) {
  ASSERT_TRUE(ok(cluster().create_monitor({})));
  // A copy of the server's programs finds no extensions beside itself.
  const std::string bin = directory() + "/bare/lib/postgresql/15/bin";
  const auto copied = shell("mkdir -p " + bin + " && cp \"$(dirname \"$(readlink -f " + citus_server().pg_ctl +
                            ")\")\"/* " + bin + "/");
  ASSERT_TRUE(copied.ok()) << copied.output;
  const auto free = lab::find_free_ports(20'000, 1);
  const auto refused = autoctl({"create", "worker", "--pgdata", directory() + "/w", "--pgport", std::to_string(*free),
                                "--auth", "trust", "--no-ssl", "--hostname", "127.0.0.1", "--pgctl", bin + "/pg_ctl",
                                "--monitor", cluster().monitor_uri()});
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.output, HasSubstr("no Citus extension"));
  EXPECT_FALSE(std::filesystem::exists(directory() + "/w"));
  EXPECT_FALSE(std::filesystem::exists(directory() + "/w.autoctl"));
  EXPECT_THAT(cluster().state()->nodes, IsEmpty());
}

TEST_F(CitusNodes, AWorkersDeathMovesItsRowAtOnce) {
  ASSERT_NO_FATAL_FAILURE(start_citus(2, 2));
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  distribute("t");
  lab::AutoctlDaemon& dead = primary(1);
  auto application = pg::Connection::open(coordinator(), Millis(5'000));
  ASSERT_TRUE(ok(application));
  const auto from = std::chrono::steady_clock::now();
  dead.signal_node(SIGKILL);
  const bool writes = lab::eventually(
      Millis(20'000), [&] { return application->query("update t set note = 'y'", Millis(10'000)).has_value(); });
  const auto outage = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - from);
  ASSERT_TRUE(writes);
  std::cout << "writes to all groups again after " << outage.count() << " ms\n";
  EXPECT_LT(outage, Millis(8'000)) << "the machine may be busy; the bench knows how long it takes when it is not";
  query_primary(0, "create table at_once (id int)");
  EXPECT_EQ(query_primary(0, "select create_distributed_table('at_once', 'id')").size(), 1U) << "refused right after";
  EXPECT_THAT(query_primary(0, "select count(*) from t where note = 'y'"), ElementsAre("200"));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  ASSERT_NO_FATAL_FAILURE(expect_nothing_left());
}

TEST_F(CitusNodes, ACoordinatorsDeathIsToldToTheWorkers) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1, 2));
  if (citus_server().real) distribute("t");
  primary(0).signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
    const auto* now = cluster().primary(0);
    return now != nullptr && now->running();
  }));
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows());
  if (citus_server().real) {
    EXPECT_THAT(query_primary(0, "select count(*) from t"), ElementsAre("200"));
  }
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
}

TEST_F(CitusNodes, DriftMadeByHandIsPutRightAndTold) {
  ASSERT_NO_FATAL_FAILURE(start_citus(2, 1));
  query_primary(0, "update pg_dist_node set nodeport = 9 where groupid = 1");
  EXPECT_TRUE(shows("events", ":9 there", Millis(5'000)));
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows(Millis(5'000)));
  EXPECT_TRUE(shows("events", "no longer so", Millis(10'000)));
  if (!citus_server().real) return;
  query_primary(2, "update pg_dist_node set nodeport = 8 where groupid = 1");
  EXPECT_TRUE(shows("events", "the copy of pg_dist_node on", Millis(5'000)));
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows(Millis(10'000)));
}

/// autoctl follows one database. What a failover leaves behind in another one is said before it happens.
TEST_F(CitusNodes, AnotherCitusDatabaseInTheSameServersIsTold) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  const std::string told = "database second of these servers has Citus, too, and only postgres is looked after";
  ASSERT_NO_FATAL_FAILURE(start_citus(1, 1));
  query_primary(0, "create database second");
  const lab::AutoctlDaemon& coordinator = primary(0);
  {
    auto second =
        pg::Connection::open(lab::conninfo({{coordinator.host(), coordinator.pgport()}}, "second"), Millis(10'000));
    ASSERT_TRUE(ok(second));
    ASSERT_TRUE(ok(second->query("create extension citus", Millis(30'000))));
  }
  EXPECT_TRUE(shows("citus", told, Millis(30'000)));
  EXPECT_TRUE(shows("events", told));
  query_primary(0, "drop database second with (force)");
  EXPECT_TRUE(shows("events", "no longer so", Millis(20'000)));
  EXPECT_THAT(show("citus"), Not(HasSubstr(told)));
}

/// Whoever stopped it may have had a reason: it is not started again, but it is said.
TEST_F(CitusNodes, AMetadataSyncThatWasStoppedByHandIsTold) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_NO_FATAL_FAILURE(start_citus(2, 1));
  const std::string address = "'" + primary(1).host() + "', " + std::to_string(primary(1).pgport());
  query_primary(0, "select stop_metadata_sync_to_node(" + address + ")");
  EXPECT_TRUE(shows("citus", "start_metadata_sync_to_node(" + address + ")"));
  EXPECT_TRUE(shows("events", "gets no metadata (hasmetadata is false)"));
  query_primary(0, "select start_metadata_sync_to_node(" + address + ")");
  EXPECT_TRUE(shows("events", "no longer so"));
  EXPECT_THAT(show("citus"), Not(HasSubstr("gets no metadata")));
}

TEST_F(CitusNodes, ADroppedGroupsRowStaysWhileItHoldsShards) {
  ASSERT_NO_FATAL_FAILURE(start_citus(2, 1));
  const bool real = citus_server().real;
  if (real) distribute("t");
  const auto dropped = autoctl({"drop", "node", "--pgdata", cluster().monitor().pgdata(), "--name", "worker2a"});
  EXPECT_TRUE(dropped.ok()) << dropped.output;
  if (!real) return;
  EXPECT_TRUE(shows("citus", "holds shards", Millis(20'000)));
  EXPECT_THAT(show("state"), HasSubstr("holds shards"));
  EXPECT_THAT(query_primary(0, "select groupid from pg_dist_node order by 1"), ElementsAre("0", "1", "2"));
}

TEST_F(CitusNodes, ADroppedGroupWithoutShardsLeavesTheTable) {
  ASSERT_NO_FATAL_FAILURE(start_citus(2, 1));
  const auto dropped = autoctl({"drop", "node", "--pgdata", cluster().monitor().pgdata(), "--name", "worker2a"});
  EXPECT_TRUE(dropped.ok()) << dropped.output;
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
    return query_primary(0, "select groupid from pg_dist_node order by 1") == std::vector<std::string>{"0", "1"};
  }));
}

TEST_F(CitusNodes, AStandbyIsASecondaryWhereItIsAskedFor) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1, 1));
  ASSERT_NO_FATAL_FAILURE(create_citus_node("worker1b", 1, {"--citus-secondary", "--citus-cluster", "reports"}));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const auto secondaries = [&] {
    return query_primary(0, "select nodecluster || ' ' || nodeport from pg_dist_node where noderole = 'secondary'");
  };
  const auto reports = [](const lab::AutoctlDaemon& node) { return "reports " + std::to_string(node.pgport()); };
  EXPECT_TRUE(lab::eventually(
      Millis(10'000), [&] { return secondaries() == std::vector<std::string>{reports(*cluster().find("worker1b"))}; }));
  const auto gone = autoctl({"drop", "node", "--pgdata", cluster().monitor().pgdata(), "--name", "worker1b"});
  EXPECT_TRUE(gone.ok()) << gone.output;
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return secondaries().empty(); }));
}

TEST_F(CitusNodes, AReadReplicaWritesOnceItIsPromoted) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_NO_FATAL_FAILURE(start_citus(1, 1));
  for (const GroupId group : {0, 1}) {
    const std::string name = group == 0 ? "coord0b" : "worker1b";
    ASSERT_NO_FATAL_FAILURE(create_citus_node(name, group, {"--citus-secondary", "--citus-cluster", "reports"}));
  }
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  distribute("t");
  const lab::AutoctlDaemon& replica = *cluster().find("coord0b");
  const auto read_from = [&] {
    return query(replica, "select nodeport from pg_dist_node where noderole = 'secondary' and groupid = 1");
  };
  ASSERT_TRUE(lab::eventually(Millis(10'000), [&] { return !read_from().empty(); }));
  EXPECT_THAT(query(replica, "show citus.use_secondary_nodes"), ElementsAre("always"));
  EXPECT_THAT(query(replica, "select count(*) from t"), ElementsAre("200"));
  const auto plan = query(replica, "explain select * from t where id = 1");
  EXPECT_THAT(fmt::format("{}", fmt::join(plan, "\n")),
              HasSubstr("port=" + std::to_string(cluster().find("worker1b")->pgport())));

  for (const char* group : {"0", "1"}) {
    const auto moved = autoctl({"perform", "switchover", "--pgdata", cluster().monitor().pgdata(), "--group", group});
    ASSERT_TRUE(moved.ok()) << moved.output;
    query_primary(0, std::string("insert into t values (100") + group + ", 'after')");
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  }
  EXPECT_THAT(query(replica, "show citus.use_secondary_nodes"), ElementsAre("never"));
  EXPECT_THAT(query(replica, "select count(*) from t"), ElementsAre("202"));
  EXPECT_TRUE(lab::eventually(Millis(10'000), [&] {
    return query(replica, "select count(*) from pg_dist_node where noderole = 'secondary'").front() == "0";
  })) << "the former primaries did not ask to be secondaries";
}

TEST_F(CitusNodes, AClusterThatExistsIsAdoptedWithItsNumbers) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  const auto free = lab::find_free_ports(20'000, 3);
  ASSERT_TRUE(ok(free));
  const std::vector<std::string> names = {"c", "w1", "w2"};
  const std::string bin = std::filesystem::path(citus_server().pg_ctl).parent_path();
  std::string script = "set -e; PATH=" + bin + ":$PATH\n";
  for (int i = 0; i < 3; ++i)
    script += fmt::format(
        "initdb -D {0} --no-sync -A trust; printf \"port={1}\\nunix_socket_directories='/tmp'\\n"
        "shared_preload_libraries='auto_explain'\\n\" >> {0}/postgresql.conf\n"
        "pg_ctl -D {0} -l {0}.old -w -o '-c shared_preload_libraries=citus' start\n"
        "psql -X -h /tmp -p {1} -d postgres -c 'create extension citus'\n",
        names[static_cast<std::size_t>(i)], *free + i);
  script += fmt::format(
      "psql -X -h /tmp -p {0} -d postgres -v ON_ERROR_STOP=1 -c \"select citus_set_coordinator_host("
      "'127.0.0.1')\" -c \"select citus_add_node('127.0.0.1', {1}, 11)\" -c \"select citus_add_node("
      "'127.0.0.1', {2}, 12)\" -c \"create table t (id int primary key)\" -c \"select "
      "create_distributed_table('t', 'id')\" -c \"insert into t select generate_series(1, 100)\"\n",
      *free, *free + 1, *free + 2);
  for (const auto& name : names) script += "pg_ctl -D " + name + " -m fast -w stop\n";
  const auto made = shell(script, Millis(120'000));
  ASSERT_TRUE(made.ok()) << made.output;

  ASSERT_TRUE(ok(cluster().create_monitor({})));
  for (int i = 0; i < 3; ++i) {
    lab::LocalCluster::Place place;
    place.role = i == 0 ? "coordinator" : "worker";
    if (i > 0) place.group = i;
    place.pgport = *free + i;
    place.words = {"--pgctl", citus_server().pg_ctl};
    ASSERT_TRUE(ok(cluster().create_node(names[static_cast<std::size_t>(i)], place)));
  }
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(autoctl({"activate", "--pgdata", directory() + "/w2"}).ok());
  EXPECT_THAT(query_primary(0, "select groupid from pg_dist_node order by 1"), ElementsAre("0", "11", "12"));
  EXPECT_THAT(query_primary(0, "select count(*) from t"), ElementsAre("100"));
  EXPECT_THAT(query_primary(0, "show shared_preload_libraries"), ElementsAre("citus, auto_explain"));
}

TEST_F(CitusNodes, PasswordsAndTlsBetweenNodes) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_TRUE(ok(cluster().create_monitor({})));
  for (const GroupId group : {0, 1, 2}) {
    lab::LocalCluster::Place place;
    place.role = group == 0 ? "coordinator" : "worker";
    if (group != 0) place.group = group;
    place.auth = "scram-sha-256";
    place.words = {"--pgctl", citus_server().pg_ctl, "--dbname", "app", "--username", "app"};
    ASSERT_TRUE(ok(cluster().create_node(group == 0 ? "coord0a" : fmt::format("worker{}a", group), place)));
  }
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(autoctl({"activate", "--pgdata", cluster().find("worker1a")->pgdata()}).ok());
  EXPECT_TRUE(autoctl({"activate", "--pgdata", cluster().find("worker2a")->pgdata()}).ok());
  const auto local = [&](const std::string& name, const std::string& role, const std::string& sql) {
    auto connection = pg::Connection::open(fmt::format("host=/tmp port={} dbname=app", cluster().find(name)->pgport()),
                                           Millis(5'000));
    EXPECT_TRUE(ok(connection));
    if (!connection) return std::string();
    EXPECT_TRUE(ok(connection->script("set role " + role, Millis(5'000))));
    const auto rows = connection->query(sql, Millis(30'000));
    EXPECT_TRUE(ok(rows)) << sql;
    return rows ? rows->text(0, 0) : std::string();
  };
  const std::string superuser = "none";  // no other role than the one that logs in
  local("coord0a", superuser, "create table t (id int primary key)");
  local("coord0a", superuser, "select create_distributed_table('t', 'id')");
  local("coord0a", superuser, "insert into t select generate_series(1, 100)");
  local("coord0a", superuser, "grant all on t to app");
  EXPECT_EQ(local("coord0a", "app", "select count(*) from t"), "100");
  EXPECT_EQ(local("worker1a", superuser, "select count(*) from t"), "100") << "workers ask each other, too";
  EXPECT_EQ(local("worker1a", superuser,
                  "select bool_and(ssl) from pg_stat_ssl join pg_stat_activity using (pid) where application_name like "
                  "'citus_internal%' or application_name like 'citus_rebalancer%'"),
            "t");
  for (const auto& node : cluster().nodes()) {
    const std::string password = local(node->name(), superuser, "select authinfo from pg_dist_authinfo limit 1");
    ASSERT_THAT(password, HasSubstr("password="));
    const auto found = shell("grep -rl '" + password.substr(9) + "' " + directory() + "/*.log " + directory() +
                             "/*.autoctl 2>/dev/null");
    EXPECT_EQ(found.output, "") << "a secret was written down";
  }
}

/// A formation of several groups has no primary that could be meant by itself; a node's name says which group is.
TEST_F(CitusNodes, ACommandThatNeedsAGroupAsksForIt) {
  ASSERT_NO_FATAL_FAILURE(start_citus(1, 2));
  const auto terms = [&] {
    std::vector<std::uint64_t> found;
    const auto state = cluster().state();
    EXPECT_TRUE(ok(state));
    for (const auto& group : state ? state->groups : std::vector<protocol::GroupDocument>{})
      found.push_back(group.term.value);
    return found;
  };
  const auto before = terms();
  for (const char* verb : {"failover", "switchover"}) {
    const auto asked = autoctl({"perform", verb, "--pgdata", cluster().monitor().pgdata()});
    EXPECT_EQ(asked.exit_code, 2) << asked.output;
    EXPECT_THAT(asked.output, AllOf(HasSubstr("has several groups: 0, 1"), HasSubstr("--group")));
  }
  const auto unknown = autoctl({"perform", "promotion", "--name", "nobody", "--pgdata", cluster().monitor().pgdata()});
  EXPECT_EQ(unknown.exit_code, 8) << unknown.output;
  EXPECT_EQ(terms(), before) << "something was moved";

  const std::string coordinator = primary(0).name();
  const std::string next = cluster().standby(1)->name();
  const auto promoted = autoctl({"perform", "promotion", "--name", next, "--pgdata", cluster().monitor().pgdata()});
  ASSERT_EQ(promoted.exit_code, 0) << promoted.output;
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  EXPECT_EQ(primary(1).name(), next);
  EXPECT_EQ(primary(0).name(), coordinator);
}

}  // namespace
}  // namespace autoctl::test
