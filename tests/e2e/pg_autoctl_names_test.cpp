// Each command that docs/coming-from-pg_auto_failover.md calls "same" is run on a real formation under the name pg_autoctl, and
// ends with pg_autoctl's exit code and, for JSON, has its keys. Those of the other rows say what to type instead.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "common/config/files.h"
#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

struct Row {
  std::string command, kind;
};

/// The table of commands in the page.
std::vector<Row> rows() {
  std::ifstream page(AUTOCTL_SOURCE_DIR "/docs/coming-from-pg_auto_failover.md");
  std::vector<Row> found;
  for (std::string line; std::getline(page, line);) {
    for (const char* kind : {"same", "other words", "not, because"}) {
      const auto at = line.find(fmt::format("` | {} |", kind));
      if (line.starts_with("| `") && at != std::string::npos) found.push_back({line.substr(3, at - 3), kind});
    }
  }
  return found;
}

/// One command of the table as it is typed, and what comes of it.
struct Step {
  std::string command;            // as in the table
  std::string rest;               // what follows it; {monitor}, {primary}, {standby}, {spare}: directories
  std::vector<std::string> keys;  // "a/b" in the JSON that --json prints, of its first element if it is an array
  int exit_code = 0;              // pg_autoctl's, but for the errors
};

const std::vector<std::string> outcome = {"command", "exit_code"};

class Names : public CitusTest {
 protected:
  /// What was started in the background ends before its directory goes.
  void TearDown() override {
    for (const char* spare : {"/spare_1", "/spare"})
      if (std::filesystem::exists(directory() + spare + ".autoctl"))
        autoctl({"stop", "--immediate", "--pgdata", directory() + spare});
    if (HasFailure()) std::cout << config::read_file(directory() + "/spare.log").value_or("");
    CitusTest::TearDown();
  }

  /// As in a shell. Stdout and stderr apart.
  Finished type(const std::string& words) { return shell(program() + " " + with_places(words) + " 2>stderr.txt"); }

  static std::string program() {
    return (std::filesystem::path(autoctl_under_test()).parent_path() / "pg_autoctl").string();
  }

  /// `run` in the background, in a session of its own. Its exit code will be in run.rc.
  void run_spare(const std::string& words) {
    const std::string line = program() + " run " + with_places(words);
    shell("setsid sh -c '" + line + " >>spare.log 2>&1; echo $? >run.rc' >/dev/null 2>&1 </dev/null & true");
    done_.insert("run");
  }
  bool spare_has_ended(const std::string& exit_code) {
    return lab::eventually(Millis(20'000),
                           [&] { return config::read_file(directory() + "/run.rc").value_or("") == exit_code + "\n"; });
  }

  std::string with_places(std::string text) {
    std::map<std::string, std::string> places = {{"{monitor}", cluster().monitor().pgdata()},
                                                 {"{uri}", cluster().monitor_uri()},
                                                 {"{spare}", directory() + "/spare"},
                                                 {"{pg_ctl}", citus_server().pg_ctl}};
    for (auto& [name, node] : std::map<std::string, lab::AutoctlDaemon*>{{"{primary}", cluster().primary()},
                                                                         {"{standby}", cluster().standby()}})
      if (node != nullptr) {
        places[name] = node->pgdata();
        places["{name of " + name.substr(1)] = node->name();
      }
    for (const auto& [name, place] : places)
      for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + place.size()))
        text.replace(at, name.size(), place);
    EXPECT_EQ(text.find("{name"), std::string::npos) << text;
    return text;
  }

  std::string stderr_text() const { return config::read_file(directory() + "/stderr.txt").value_or(""); }

  static bool has(nlohmann::json document, const std::string& key) {
    if (document.is_array() && !document.empty()) document = document.front();
    std::istringstream path(key);
    for (std::string word; std::getline(path, word, '/');) {
      if (!document.is_object() || !document.contains(word)) return false;
      document = nlohmann::json(document[word]);
    }
    return true;
  }

  void take(const Step& step) {
    if (step.command == "run") return run_spare(step.rest);
    SCOPED_TRACE(step.command + " " + step.rest);
    const Finished done = type(step.command + " " + step.rest + (step.keys.empty() ? "" : " --json"));
    EXPECT_EQ(done.exit_code, step.exit_code) << done.output << stderr_text();
    done_.insert(step.command);
    if (step.keys.empty()) return;
    const auto document = nlohmann::json::parse(done.output, nullptr, false);
    ASSERT_FALSE(document.is_discarded()) << done.output;
    for (const std::string& key : step.keys) EXPECT_TRUE(has(document, key)) << key << " in\n" << done.output;
  }

  void take_all(const std::vector<Step>& steps) {
    for (const Step& step : steps) ASSERT_NO_FATAL_FAILURE(take(step));
  }

  /// Every command of this list that the page calls "same", but for those of Citus formations, was taken.
  void expect_all_taken(const std::set<std::string>& elsewhere) {
    int same = 0;
    for (const Row& row : rows()) {
      if (row.kind != "same") continue;
      ++same;
      EXPECT_TRUE(done_.contains(row.command) || elsewhere.contains(row.command)) << row.command << " was not tried";
    }
    EXPECT_GT(same, 70);
  }

  std::string spare_port() {
    const auto free = lab::find_free_ports(17'000, 1);
    EXPECT_TRUE(ok(free));
    return std::to_string(free.value_or(0));
  }

  std::set<std::string> done_;
};

const std::set<std::string> of_citus = {"create coordinator", "create worker", "activate",
                                        "inspect monitor get coordinator"};

const std::vector<Step> looking = {
    {"help", ""},
    {"version", "", {"pg_autoctl", "pgautofailover", "pg_major", "pg_version", "pg_version_str", "pg_version_num"}},
    {"inspect show ipaddr", ""},
    {"inspect show cidr", ""},
    {"inspect show lookup", "localhost"},
    {"inspect show hostname", ""},
    {"inspect show reverse", "localhost"},
    {"inspect show version", ""},
    {"inspect pgsetup pg_ctl", "--pgdata {primary}"},
    {"inspect pgsetup discover",
     "--pgdata {primary}",
     {"pgdata", "pg_ctl", "version", "host", "port", "proxyport", "pid", "in_recovery", "control/system_identifier",
      "postmaster/status"}},
    {"inspect pgsetup ready", "--pgdata {primary}"},
    {"inspect pgsetup wait", "--pgdata {primary} --read-write --timeout 20"},
    {"inspect pgsetup logs", "--pgdata {standby}"},
    {"inspect pgsetup tune", "--pgdata {standby}"},
    {"inspect fsm state",
     "--pgdata {standby}",
     {"postgres/pgdata", "postgres/pid", "state/current_role", "state/assigned_role", "state/groupId", "state/nodeId",
      "state/pgversion"}},
    {"inspect fsm list", ""},
    {"inspect fsm check", "", {"ok", "mismatches"}},
    {"inspect fsm gv", ""},
    {"inspect fsm mermaid init", ""},
    {"inspect fsm mermaid steady-state", ""},
    {"inspect fsm mermaid failover", ""},
    {"inspect fsm mermaid maintenance", ""},
    {"inspect fsm mermaid removal", ""},
    {"inspect monitor get primary", "--pgdata {standby}", {"formation", "groupId", "nodeId", "name", "host", "port"}},
    {"inspect monitor get others",
     "--pgdata {primary}",
     {"node_id", "node_name", "node_host", "node_port", "node_lsn", "node_is_primary"}},
    {"inspect monitor get candidate-count", "--pgdata {primary}", {"formation", "groupId", "failoverCandidateCount"}},
    {"inspect getpid postgres", "--pgdata {primary}"},
    {"inspect getpid node-active", "--pgdata {primary}"},
    {"inspect getpid listener", "--pgdata {monitor}"},
    {"config get",
     "--pgdata {primary}",
     {"pg_autoctl/name", "pg_autoctl/hostname", "pg_autoctl/group", "postgresql/port", "postgresql/listen_addresses",
      "ssl/sslmode", "ssl/active", "replication/maximum_backup_rate"}},
    {"config get", "ssl.sslmode --pgdata {primary}"},
    {"config check", "--pgdata {primary}"},
    {"show uri", "--pgdata {monitor}", {"type", "name", "uri"}},
    {"show uri", "--pgdata {primary} --formation default", {"monitor", "default"}},
    {"show uri", "--pgdata {monitor} --monitor", {"monitor"}},
    {"show events",
     "--pgdata {monitor} --count 2",
     {"nodeid", "eventid", "groupid", "nodehost", "nodename", "nodeport", "eventtime", "goalstate", "description",
      "formationid", "reportedstate"}},
    {"show state",
     "--pgdata {monitor}",
     {"health", "node_id", "group_id", "nodehost", "nodename", "nodeport", "nodecluster", "reported_lsn",
      "reported_tli", "formation_kind", "candidate_priority", "replication_quorum", "current_group_state",
      "assigned_group_state"}},
    {"show state",
     "--pgdata {standby} --local",
     {"node_id", "group_id", "nodename", "nodehost", "nodeport", "current_group_state", "assigned_group_state",
      "timeline", "Minimum Recovery Ending LSN", "reachable", "conntype"}},
    {"show settings", "--pgdata {monitor}", {"formation", "primary", "nodes"}},
    {"show standby-names", "--pgdata {monitor}", {"formation", "group", "synchronous_standby_names"}},
    {"show timeline", "--pgdata {monitor}"},
    {"show file", "--pgdata {primary}", {"config", "state", "init", "pid"}},
    {"show file", "--pgdata {primary} --state"},
    {"show file", "--pgdata {primary} --config --contents", {"pg_autoctl/name", "postgresql/port"}},
    {"show systemd", "--pgdata {primary}"},
    {"get node replication-quorum", "--pgdata {standby}", {"name", "replication-quorum"}},
    {"get node candidate-priority", "--pgdata {standby}", {"name", "candidate-priority"}},
    {"get node region", "--pgdata {standby}", {"name", "region"}},
    {"get formation settings", "--pgdata {monitor}", {"formation", "primary", "nodes"}},
    {"get formation number-sync-standbys", "--pgdata {monitor}", {"number-sync-standbys"}},
    {"watch", "--pgdata {monitor} --wait", {"state", "events"}},
    {"status",
     "--pgdata {primary}",
     {"postgres/pgdata", "postgres/pg_ctl", "postgres/version", "postgres/host", "postgres/port", "postgres/proxyport",
      "postgres/pid", "postgres/in_recovery", "postgres/postmaster/status", "pg_autoctl/pid", "pg_autoctl/status",
      "pg_autoctl/pgdata", "pg_autoctl/version"}},
};

const std::vector<Step> changing = {
    {"config set", "replication.maximum_backup_rate 50M --pgdata {standby}", outcome},
    {"reload", "--pgdata {standby}"},
    {"set node replication-quorum", "true --pgdata {standby}", {"replication-quorum"}},
    {"set node candidate-priority", "60 --pgdata {standby}", {"candidate-priority"}},
    {"set node region", "west --pgdata {standby}", {"region"}},
    {"set formation number-sync-standbys", "0 --pgdata {monitor}", {"number-sync-standbys"}},
    {"create formation",
     "--formation shop --kind pgsql --dbname shop --without-secondary --number-sync-standbys 0 --pgdata {monitor}",
     outcome},
    {"enable secondary", "--formation shop --pgdata {monitor}"},
    {"disable secondary", "--formation shop --pgdata {monitor}"},
    {"drop formation", "--formation shop --pgdata {monitor}", outcome},
    {"enable maintenance", "--pgdata {standby}", outcome},
    {"disable maintenance", "--pgdata {standby of it}", outcome},
    {"perform switchover", "--pgdata {monitor}", outcome},
    {"perform failover", "--formation default --group 0 --pgdata {monitor}"},
    {"perform promotion", "--name {name of standby} --pgdata {monitor}", outcome},
    {"accept timeline", "--tli 1 --pgdata {monitor}", {}, 4},  // nothing is to be settled: pg_autoctl fails, too
    {"disable ssl", "--pgdata {standby}"},
    {"enable ssl", "--ssl-self-signed --pgdata {standby}"},
    {"manual service pgctl off", "--pgdata {standby}"},
    {"manual service pgctl on", "--pgdata {standby of it}"},
    {"manual service restart postgres", "--pgdata {standby}"},
};

/// A monitor and a node that begin and end here; the node runs in between.
std::vector<Step> lives(const std::string& monitor_port, const std::string& port) {
  const std::string trust = " --hostname 127.0.0.1 --auth trust --ssl-self-signed";
  return {
      {"create monitor", "--pgdata {spare}_monitor --pgport " + monitor_port + trust, outcome},
      {"drop monitor", "--pgdata {spare}_monitor --destroy", outcome},
      {"create postgres", "--pgdata {spare} --name spare --pgport " + port + trust + " --monitor {uri}", outcome},
      {"run", "--pgdata {spare} --name extra"},
      {"inspect pgsetup wait", "--pgdata {spare} --timeout 60"},
      {"set node metadata", "--name third --pgdata {spare}", {"name", "hostname", "pgport"}},
      {"disable monitor", "--pgdata {spare} --force", outcome},
      {"enable monitor", "--pgdata {spare} {uri}", outcome},
      {"stop", "--pgdata {spare}", outcome},
      {"drop node", "--pgdata {spare} --destroy", outcome},
  };
}

TEST_F(Names, ThatAreTheSameDoTheSame) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  ASSERT_NO_FATAL_FAILURE(take_all(looking));
  std::string away;
  for (Step step : changing) {
    // A node that is out of service is nobody's standby for that time.
    if (cluster().standby() != nullptr) away = cluster().standby()->pgdata();
    if (const auto at = step.rest.find("{standby of it}"); at != std::string::npos)
      step.rest = step.rest.substr(0, at) + away;
    ASSERT_NO_FATAL_FAILURE(take(step));
    if (step.command.ends_with("pgctl off") || step.command == "enable maintenance") continue;
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }
  ASSERT_NO_FATAL_FAILURE(take_all(lives(spare_port(), spare_port())));
  EXPECT_TRUE(spare_has_ended("0"));
  expect_all_taken(of_citus);
}

/// What a node says of itself, of its own disk.
TEST_F(Names, OfANodeAloneTellItsRole) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  EXPECT_THAT(type("show state --local --pgdata {standby}").output, HasSubstr("read-only"));
  EXPECT_THAT(type("show state --local --pgdata {primary}").output, HasSubstr("read-write"));
  const Finished waits = type("inspect pgsetup wait --read-write --timeout 1 --pgdata {standby}");
  EXPECT_EQ(waits.exit_code, 6) << waits.output;
  EXPECT_THAT(stderr_text(), HasSubstr("accepts no writes after 1 s"));
  const lab::AutoctlDaemon& node = standby();
  const std::string state = node.files().state();
  const auto before = config::read_file(state);
  ASSERT_TRUE(ok(before));
  cluster().monitor().signal_node(SIGKILL);
  EXPECT_THAT(type("show state --local --pgdata " + node.pgdata()).output, HasSubstr("secondary"));
  EXPECT_EQ(config::read_file(state).value_or("none"), *before) << "it only looks";
}

TEST_F(Names, OfCitusAreTheSame) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  const std::string trust = " --hostname 127.0.0.1 --auth trust --ssl-self-signed --pgctl {pg_ctl} --monitor {uri}";
  ASSERT_NO_FATAL_FAILURE(take({"create coordinator", "--pgdata {spare} --pgport " + spare_port() + trust, outcome}));
  ASSERT_NO_FATAL_FAILURE(take({"run", "--pgdata {spare}"}));
  ASSERT_NO_FATAL_FAILURE(take({"inspect pgsetup wait", "--pgdata {spare} --read-write --timeout 60"}));
  ASSERT_NO_FATAL_FAILURE(take({"create worker", "--pgdata {spare}_1 --pgport " + spare_port() + trust, outcome}));
  ASSERT_NO_FATAL_FAILURE(take({"run", "--pgdata {spare}_1"}));
  ASSERT_NO_FATAL_FAILURE(take({"activate", "--pgdata {spare}_1", outcome}));
  ASSERT_NO_FATAL_FAILURE(
      take({"inspect monitor get coordinator", "--pgdata {spare}_1", {"formation", "groupId", "host", "port"}}));
  for (const char* node : {"{spare}_1", "{spare}"})
    ASSERT_NO_FATAL_FAILURE(take({"stop", fmt::format("--fast --pgdata {}", node)}));
  for (const std::string& command : of_citus) EXPECT_TRUE(done_.contains(command)) << command;
}

/// No formation is needed to say it, and nothing is looked at.
TEST_F(Names, ThatAreNotHereSayWhatToType) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(0));
  int refused = 0;
  for (const Row& row : rows()) {
    if (row.kind == "same") continue;
    SCOPED_TRACE(row.command);
    ++refused;
    EXPECT_EQ(type(row.command + " --pgdata /nowhere some words").exit_code, 1);
    EXPECT_THAT(stderr_text(), HasSubstr("there is no `pg_autoctl "));
    EXPECT_THAT(stderr_text(), HasSubstr("Hint: "));
  }
  EXPECT_GT(refused, 50);
}

/// The page has each of pg_autoctl's commands once.
TEST(NamesPage, HasAll) {
  std::set<std::string> once;
  for (const Row& row : rows()) EXPECT_TRUE(once.insert(row.command).second) << row.command;
  EXPECT_EQ(once.size(), 148U);
}

}  // namespace
}  // namespace autoctl::test
