// The two Citus tutorials that users of pg_auto_failover know, command for command, pg_autoctl and all; only paths,
// ports and addresses differ.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

constexpr Millis patience{180'000};

/// A shell in the scratch directory, with autoctl and Postgres' tools in $PATH.
class CitusTutorial : public CitusTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(CitusTest::SetUp());
    namespace fs = std::filesystem;
    prefix_ = "export PATH=" + fs::path(autoctl_under_test()).parent_path().string() + ":" +
              fs::path(citus_server().pg_ctl).parent_path().string() + ":$PATH";
    for (const auto& name : lab::foreign_variables()) prefix_ += "; unset " + name;
  }

  void TearDown() override {
    if (HasFailure()) shell("tail -n 30 *.log; pg_autoctl show state --pgdata monitor", true);
    for (const auto& directory : directories_) shell("pg_autoctl stop --immediate --pgdata " + directory, false);
    CitusTest::TearDown();
  }

  /// What it prints; the test fails when it does not end with 0.
  std::string run(const std::string& script) const {
    const Finished finished = CitusTest::shell(prefix_ + "\n" + environment_ + "\n" + script, patience);
    EXPECT_TRUE(finished.ok()) << script << "\n" << finished.output;
    return finished.output;
  }
  void run_in_background(const std::string& script, const std::string& directory) {
    directories_.push_back(directory);
    run(script + " > " + directory + ".log 2>&1 &");
  }
  std::string psql(const std::string& options, const std::string& sql) const {
    return run("psql -X -A -t -v ON_ERROR_STOP=1 " + options + " -c \"" + sql + "\"");
  }

  /// One line per node: port, group, reported and assigned state, in the tutorial's order.
  std::string state() const {
    const Finished finished =
        CitusTest::shell(prefix_ + "\nautoctl show state --json --pgdata monitor 2>/dev/null", patience);
    std::vector<std::string> lines;
    for (const auto& node : nlohmann::json::parse(finished.output, nullptr, false)) {
      if (!node.is_object()) return finished.output;
      lines.push_back(fmt::format("{} {} {} {}", node["nodeport"].get<int>(), node["group_id"].get<int>(),
                                  node["current_group_state"].get<std::string>(),
                                  node["assigned_group_state"].get<std::string>()));
    }
    std::sort(lines.begin(), lines.end());
    return fmt::format("{}\n", fmt::join(lines, "\n"));
  }
  void expect_state(const std::string& wanted) const {
    ASSERT_FALSE(HasFailure());
    std::string seen;
    const bool reached = lab::eventually(patience, [&] { return (seen = state()) == wanted; });
    ASSERT_TRUE(reached) << seen;
  }
  /// Asks with `options` until the answer is `wanted`.
  void expect_answer(const std::string& options, const std::string& sql, const std::string& wanted) const {
    ASSERT_FALSE(HasFailure());
    std::string seen;
    const bool answered = lab::eventually(patience, [&] {
      const auto script = "psql -X -A -t -v ON_ERROR_STOP=1 " + options + " -c \"" + sql + "\"";
      seen = CitusTest::shell(prefix_ + "\n" + environment_ + "\n" + script, patience).output;
      return seen == wanted;
    });
    ASSERT_TRUE(answered) << sql << "\n" << seen;
  }

  /// 75 companies, as the tutorials' file has.
  void write_companies() const {
    run("for i in $(seq 75); do "
        "echo \"$i,company $i,http://example.com/$i.png,2016-08-26 12:35:16,2016-08-26 12:35:16\"; "
        "done > companies.csv");
  }
  static constexpr const char* create_companies =
      "CREATE TABLE companies (id bigserial PRIMARY KEY, name text NOT NULL, image_url text, created_at timestamp "
      "without time zone NOT NULL, updated_at timestamp without time zone NOT NULL); "
      "SELECT create_distributed_table('companies', 'id');";

  std::string environment_;  // more shell words before every command

 private:
  void shell(const std::string& script, bool show) const {
    const Finished finished = CitusTest::shell(prefix_ + "\n" + script, patience);
    if (show) std::cout << finished.output;
  }

  std::string prefix_;
  std::vector<std::string> directories_;
};

class CitusQuickStart : public CitusTutorial {
 protected:
  void create(const std::string& kind, const std::string& directory, int port) {
    run("pg_autoctl create " + kind +
        "  \\\n"
        "    --auth trust              \\\n"
        "    --ssl-self-signed         \\\n"
        "    --pgdata ./" +
        directory +
        "        \\\n"
        "    --pgport " +
        std::to_string(port) +
        "             \\\n"
        "    --nodename 127.0.0.1      \\\n"
        "    --pgctl " +
        citus_server().pg_ctl +
        " \\\n"
        "    --monitor postgres://autoctl_node@127.0.0.1:6000/pg_auto_failover?sslmode=require");
    run_in_background("pg_autoctl run --pgdata ./" + directory, directory);
  }
};

TEST_F(CitusQuickStart, EndsInItsFinalStateTable) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  run("pg_autoctl create monitor --auth trust --ssl-self-signed --pgdata ./monitor --pgport 6000 --nodename 127.0.0.1 "
      "--pgctl " +
      citus_server().pg_ctl);
  run_in_background("pg_autoctl run --pgdata ./monitor", "monitor");
  run("until pg_autoctl show state --pgdata ./monitor; do sleep 0.2; done");
  create("coordinator", "coord_a", 6010);
  create("coordinator", "coord_b", 6011);
  create("worker", "w1_a", 6020);
  create("worker", "w1_b", 6021);
  create("worker", "w2_a", 6030);
  create("worker", "w2_b", 6031);
  ASSERT_NO_FATAL_FAILURE(
      expect_state("6010 0 primary primary\n6011 0 secondary secondary\n6020 1 primary primary\n"
                   "6021 1 secondary secondary\n6030 2 primary primary\n6031 2 secondary secondary\n"));
  EXPECT_THAT(run("pg_autoctl show state --pgdata ./monitor"),
              ContainsRegex("worker1b \\| +1/4 \\| +127.0.0.1:6021 \\| .* \\| +secondary \\| +secondary"));

  environment_ = "export COORD=`pg_autoctl show uri --pgdata coord_a --formation default`";
  EXPECT_EQ(run("echo $COORD"),
            "postgres://127.0.0.1:6010,127.0.0.1:6011/postgres?target_session_attrs=read-write&sslmode=require\n");
  const std::string workers = "SELECT * FROM master_get_active_worker_nodes() ORDER BY node_port";
  ASSERT_NO_FATAL_FAILURE(expect_answer("$COORD", workers, "127.0.0.1|6020\n127.0.0.1|6030\n"));

  psql("$COORD", create_companies);
  write_companies();
  EXPECT_EQ(run("psql -X $COORD -c \"\\copy companies from 'companies.csv' with csv\""), "COPY 75\n");

  run("rm w1_a/global/pg_control");
  run("pg_ctl stop -D w1_a");
  ASSERT_NO_FATAL_FAILURE(expect_answer("$COORD", workers, "127.0.0.1|6021\n127.0.0.1|6030\n"));
  EXPECT_EQ(psql("$COORD", "select count(*) from companies;"), "75\n");
  ASSERT_NO_FATAL_FAILURE(
      expect_state("6010 0 primary primary\n6011 0 secondary secondary\n6020 1 secondary secondary\n"
                   "6021 1 primary primary\n6030 2 primary primary\n6031 2 secondary secondary\n"));

  const std::string port = "SELECT setting FROM pg_settings WHERE name = 'port';";
  EXPECT_EQ(psql("$COORD", port), "6010\n");
  run("rm coord_a/global/pg_control");
  run("pg_ctl stop -D coord_a");
  // `show uri` would ask the monitor by coord_a's configuration, which is there; its Postgres is not.
  ASSERT_NO_FATAL_FAILURE(expect_answer("$COORD", port, "6011\n"));
  ASSERT_NO_FATAL_FAILURE(
      expect_state("6010 0 secondary secondary\n6011 0 primary primary\n6020 1 secondary secondary\n"
                   "6021 1 primary primary\n6030 2 primary primary\n6031 2 secondary secondary\n"));
  EXPECT_EQ(psql("$COORD", "select count(*) from companies;"), "75\n");
}

class CitusCompose : public CitusTutorial {
 protected:
  struct Service {
    std::string name;
    int port;
  };

  /// As a service of the compose file: its environment and its command, all at once and in no order.
  void up(const Service& service, const std::string& command) {
    run_in_background("PGDATA=" + directory() + "/" + service.name + " PGPORT=" + std::to_string(service.port) +
                          " PGUSER=citus PGDATABASE=citus PG_AUTOCTL_HBA_LAN=true PG_AUTOCTL_AUTH_METHOD=trust "
                          "PG_AUTOCTL_SSL_SELF_SIGNED=true PG_AUTOCTL_HOSTNAME=127.0.0.1 PG_AUTOCTL_PGCTL=" +
                          citus_server().pg_ctl +
                          " PG_AUTOCTL_MONITOR=postgresql://autoctl_node@127.0.0.1:6000/pg_auto_failover " + command,
                      service.name);
  }
  void start_all() {
    run_in_background("PGDATA=" + directory() +
                          "/monitor PGPORT=6000 PG_AUTOCTL_SSL_SELF_SIGNED=true PG_AUTOCTL_HOSTNAME=127.0.0.1 "
                          "pg_autoctl create monitor --auth trust --run",
                      "monitor");
    for (const auto& service : {Service{"coord0a", 6010}, Service{"coord0b", 6011}})
      up(service, "pg_autoctl create coordinator --name " + service.name + " --run");
    for (int group = 1; group <= 3; ++group)
      for (int number = 0; number < 2; ++number) {
        const std::string name = fmt::format("worker{}{}", group, "ab"[number]);
        up({name, 6010 + 10 * group + number},
           fmt::format("pg_autoctl create worker --group {} --name {} --run", group, name));
      }
  }
  /// Every group has its primary and its secondary.
  bool settled() const {
    const std::string now = state();
    const auto count = [&](const std::string& role) {
      int found = 0;
      for (auto at = now.find(role); at != std::string::npos; at = now.find(role, at + 1)) ++found;
      return found;
    };
    return count(" primary primary") == 4 && count(" secondary secondary") == 4;
  }
  void expect_tables() {
    const std::string header = run("pg_autoctl show state --pgdata monitor");
    EXPECT_THAT(header,
                ContainsRegex("Name \\| +Node \\| +Host:Port \\| +TLI: LSN \\| +Connection \\| +Reported State \\| "
                              "+Assigned State"));
    EXPECT_THAT(header,
                ContainsRegex("coord0a \\| +0/[0-9]+ \\| +127.0.0.1:6010 \\| +[0-9]+: 0/[0-9A-F]+ \\| +read-write "
                              "\\| +primary \\| +primary"));
    EXPECT_THAT(header,
                ContainsRegex("worker3b \\| +3/[0-9]+ \\| +127.0.0.1:6041 \\| +[0-9]+: 0/[0-9A-F]+ \\| +read-only "
                              "\\| +secondary \\| +secondary"));
    const std::string group = run("pg_autoctl show state --group 3 --pgdata monitor");
    EXPECT_THAT(group, AllOf(HasSubstr("worker3a"), HasSubstr("worker3b"), Not(HasSubstr("worker2"))));
    EXPECT_THAT(run("pg_autoctl show uri --pgdata monitor"),
                ContainsRegex("formation \\| default \\| postgres://127.0.0.1:601[01],127.0.0.1:601[01]/"
                              "citus\\?target_session_attrs=read-write&sslmode=require"));
  }
  /// The node's role by the monitor's word.
  bool leads(int port) const {
    return state().find(fmt::format("{} {} primary", port, (port - 6010) / 10)) != std::string::npos;
  }
};

TEST_F(CitusCompose, FailsOverWorkersAndTheCoordinatorAndKeepsAllRows) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  start_all();
  const auto all_settled = [&] { return settled(); };
  ASSERT_TRUE(lab::eventually(2 * patience, all_settled)) << state();
  // Some readers will prefer to have the A nodes as primaries to get started with.
  for (int group = 0; group <= 3; ++group)
    if (!leads(6010 + 10 * group)) run(fmt::format("pg_autoctl perform failover --group {} --pgdata monitor", group));
  ASSERT_TRUE(lab::eventually(patience, all_settled)) << state();

  expect_tables();
  const std::string app =
      "'host=127.0.0.1,127.0.0.1 port=6010,6011 user=citus dbname=citus application_name=demo "
      "sslmode=require target_session_attrs=read-write'";
  const std::string workers = "SELECT node_port FROM citus_get_active_worker_nodes() ORDER BY 1";
  ASSERT_NO_FATAL_FAILURE(expect_answer(app, workers, "6020\n6030\n6040\n"));

  const std::string failover = run("pg_autoctl perform failover --group 2 --pgdata monitor");
  EXPECT_THAT(failover, ContainsRegex("worker2a \\| +2/[0-9]+ \\| +127.0.0.1:6030 \\| +primary \\| +draining"));
  EXPECT_THAT(failover, ContainsRegex("worker2b \\| +2/[0-9]+ \\| +127.0.0.1:6031 \\| +primary \\| +primary"));
  ASSERT_NO_FATAL_FAILURE(expect_answer(app, workers, "6020\n6031\n6040\n"));

  psql(app, create_companies);
  write_companies();
  EXPECT_EQ(run("psql -X " + app + " -c \"\\copy companies from program 'cat companies.csv' with csv\""), "COPY 75\n");

  run("rm worker1a/global/pg_control");
  run("pg_ctl stop -D worker1a");
  ASSERT_NO_FATAL_FAILURE(expect_answer(app, workers, "6021\n6031\n6040\n"));
  EXPECT_EQ(psql(app, "select count(*) from companies;"), "75\n");

  ASSERT_TRUE(lab::eventually(patience, all_settled)) << state();
  run("rm coord0a/global/pg_control");
  run("pg_ctl stop -D coord0a");
  ASSERT_NO_FATAL_FAILURE(
      expect_state("6010 0 secondary secondary\n6011 0 primary primary\n6020 1 secondary secondary\n"
                   "6021 1 primary primary\n6030 2 secondary secondary\n6031 2 primary primary\n"
                   "6040 3 primary primary\n6041 3 secondary secondary\n"));
  EXPECT_EQ(psql(app, "select count(*) from companies;"), "75\n");
}

using CitusReads = CitusTest;

/// A second coordinator that answers what only reads (seed: "multi-coordinator").
TEST_F(CitusReads, AStandbyCoordinatorAnswersDistributedSelects) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_TRUE(ok(cluster().create_monitor({})));
  ASSERT_NO_FATAL_FAILURE(create_citus_node("coord0a", 0));
  ASSERT_NO_FATAL_FAILURE(create_citus_node("worker1a", 1));
  ASSERT_NO_FATAL_FAILURE(create_citus_node("worker2a", 2));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled(Millis(120'000)));
  ASSERT_NO_FATAL_FAILURE(create_citus_node("coord0b", 0));
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());

  query_primary(0, "CREATE TABLE sample (id int PRIMARY KEY, data int)");
  query_primary(0, "SELECT create_distributed_table('sample', 'id')");
  query_primary(0, "INSERT INTO sample SELECT i, i FROM generate_series(1, 10000) i");

  const Finished uri = autoctl(
      {"show", "uri", "--pgdata", cluster().find("coord0a")->pgdata(), "--formation", "default", "--read-only"});
  ASSERT_TRUE(uri.ok()) << uri.output;
  EXPECT_THAT(uri.output, HasSubstr("target_session_attrs=prefer-standby"));
  auto reader = pg::Connection::open(uri.output.substr(0, uri.output.find('\n')), Millis(10'000));
  ASSERT_TRUE(ok(reader));
  const auto ask = [&](const std::string& sql) {
    const auto rows = reader->query(sql, Millis(20'000));
    EXPECT_TRUE(ok(rows)) << sql;
    return rows ? rows->text(0, 0) : "";
  };
  EXPECT_EQ(ask("SELECT pg_is_in_recovery()"), "t");
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] { return ask("SELECT count(*) FROM sample") == "10000"; }));
  EXPECT_EQ(ask("SELECT array_agg(data ORDER BY id) FROM sample WHERE id < 8"), "{1,2,3,4,5,6,7}");
}

}  // namespace
}  // namespace autoctl::test
