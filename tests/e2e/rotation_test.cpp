// All that is secret between the parts is replaced while an application writes: certificates, the authority itself,
// replication passwords; encryption goes off and on again. Nothing restarts, and no statement fails.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "common/postgres/lock_file.h"
#include "common/tls/describe.h"
#include "common/util/pid_file.h"
#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

constexpr Millis patience{60'000};
constexpr const char* password = "of-the-application";

template <class Base>
class Rotation : public Base {
 protected:
  ~Rotation() override {
    ::unsetenv("PGUSER");
    ::unsetenv("PGPASSWORD");
  }

  /// A monitor with its authority, and a join token for so many nodes.
  void start_monitor(int nodes) {
    ASSERT_TRUE(ok(this->cluster().create_monitor({.auth = "", .authority = true})));
    const auto made = this->at_monitor({"-q", "token", "create", "--nodes", std::to_string(nodes)});
    ASSERT_TRUE(made.ok()) << made.output;
    ASSERT_TRUE(ok(config::write_file(token_file(), made.output)));
  }
  std::string token_file() const { return this->directory() + "/join-token"; }
  lab::LocalCluster::Place place() {
    const auto& monitor = this->cluster().monitor();
    return {.auth = "",
            .words = {"--join-token-file", token_file()},
            .authority = true,
            .monitor = fmt::format("https://{}:{}", monitor.host(), monitor.api_port())};
  }
  /// Over the socket, as its administrator: then this test can log in as an application.
  void create_application(const lab::AutoctlDaemon& node) {
    const auto said = this->shell(
        fmt::format("psql -XAt -v ON_ERROR_STOP=1 -h \"$(sed -n 5p '{0}/postmaster.pid')\" -p {1} -d postgres "
                    "-c \"create role application superuser login password '{2}'\" 2>&1",
                    node.pgdata(), node.pgport(), password));
    ASSERT_TRUE(said.ok()) << said.output;
    ::setenv("PGUSER", "application", 1);
    ::setenv("PGPASSWORD", password, 1);
  }
  std::vector<const lab::AutoctlDaemon*> daemons() {
    std::vector<const lab::AutoctlDaemon*> all = {&this->cluster().monitor()};
    for (const auto& node : this->cluster().nodes()) all.push_back(node.get());
    return all;
  }
  /// Which daemons and postmasters run.
  std::map<std::string, pid_t> processes() {
    std::map<std::string, pid_t> found;
    for (const auto* daemon : daemons()) {
      const auto lock = postgres::read_lock_file(daemon->pgdata());
      found["postmaster of " + daemon->name()] = lock ? lock->pid : 0;
      found["daemon of " + daemon->name()] = locked_pid(daemon->files().pid()).value_or(0).value_or(0);
    }
    return found;
  }
  void give_to_all(const std::vector<std::string>& words) {
    for (int round = 1; round <= 2; ++round)
      for (const auto* daemon : daemons()) {
        if (round == 2 && daemon == &this->cluster().monitor()) continue;
        auto said = words;
        said.insert(said.end(), {"--pgdata", daemon->pgdata()});
        const auto done = this->autoctl(said);
        ASSERT_EQ(done.exit_code, 0) << fmt::format("{}", fmt::join(said, " ")) << "\n" << done.output;
      }
  }
  /// What each port shows: one field of the certificate, by "node_1 Postgres".
  std::map<std::string, std::string> shown(const std::string& field) {
    std::map<std::string, std::string> found;
    const auto said = this->at_monitor({"show", "certificates", "--json", "-q"});
    const auto document = nlohmann::json::parse(said.output, nullptr, false);
    if (document.is_discarded()) ADD_FAILURE() << said.output;
    if (document.is_discarded()) return found;
    for (const auto& server : document["servers"]) {
      const std::string name =
          server["of"].template get<std::string>() + " " + server["server"].template get<std::string>();
      found[name] = server["certificate"].is_null() ? "none" : server["certificate"][field].template get<std::string>();
    }
    return found;
  }
  /// No port shows what it showed before.
  void expect_all_others(const std::map<std::string, std::string>& before, const std::string& field) {
    const auto now = shown(field);
    EXPECT_EQ(now.size(), before.size());
    for (const auto& [port, value] : before) EXPECT_NE(now.contains(port) ? now.at(port) : value, value) << port;
  }
  static std::string text(const std::string& file) { return config::read_file(file).value_or(""); }

  void renew_all() {
    const auto before = shown("serial");
    ASSERT_GE(before.size(), 2 * daemons().size());
    const auto done = this->at_monitor({"certificate", "renew", "--all"});
    ASSERT_EQ(done.exit_code, 0) << done.output;
    expect_all_others(before, "serial");
  }
  void roll_over() {
    const auto before = shown("issuer");
    const std::string former = text(this->cluster().monitor().files().authority_certificate());
    const auto done = this->at_monitor({"certificate", "rollover"});
    ASSERT_EQ(done.exit_code, 0) << done.output;
    expect_all_others(before, "issuer");
    for (const auto* daemon : daemons())
      EXPECT_TRUE(
          lab::eventually(patience, [&] { return text(daemon->files().ca()).find(former) == std::string::npos; }))
          << daemon->name() << " still believes the former authority";
  }
  void rotate_passwords() {
    std::map<std::string, std::string> before;
    for (const auto& node : this->cluster().nodes()) before[node->name()] = text(node->files().pgpass());
    const auto done = this->at_monitor({"rotate", "password", "--formation", "default"});
    ASSERT_EQ(done.exit_code, 0) << done.output;
    for (const auto& node : this->cluster().nodes())
      EXPECT_TRUE(lab::eventually(patience,
                                  [&] {
                                    return text(node->files().pgpass()) != before[node->name()] &&
                                           text(node->files().next_pgpass()).empty();
                                  }))
          << node->name() << " has its old password";
  }
  void expect_mode(const std::string& mode) {
    const auto state = this->cluster().state();
    ASSERT_TRUE(ok(state));
    for (const auto& node : state->nodes) EXPECT_EQ(node.ssl_mode, mode) << node.name;
  }
  void switch_encryption(bool on) {
    ASSERT_NO_FATAL_FAILURE(give_to_all(on ? std::vector<std::string>{"enable", "ssl", "--ca"}
                                           : std::vector<std::string>{"disable", "ssl"}));
    ASSERT_NO_FATAL_FAILURE(expect_mode(on ? "verify-full" : "prefer"));
    for (const auto& [port, serial] : shown("serial"))
      EXPECT_TRUE(!port.ends_with("Postgres") || (serial != "none") == on) << port;
  }
  /// `progress`: the application writes on.
  void rotate_everything(const std::function<void()>& progress) {
    const auto before = processes();
    const auto step = [&](const char* what, const std::function<void()>& act) {
      SCOPED_TRACE(what);
      const auto began = std::chrono::steady_clock::now();
      act();
      if (this->HasFatalFailure()) return;
      std::cout << fmt::format("MEASURED {}: {} ms\n", what,
                               std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - began).count());
      progress();
      EXPECT_EQ(processes(), before);
    };
    ASSERT_NO_FATAL_FAILURE(step("certificates", [&] { renew_all(); }));
    ASSERT_NO_FATAL_FAILURE(step("authority", [&] { roll_over(); }));
    ASSERT_NO_FATAL_FAILURE(step("passwords", [&] { rotate_passwords(); }));
    ASSERT_NO_FATAL_FAILURE(step("encryption off", [&] { switch_encryption(false); }));
    ASSERT_NO_FATAL_FAILURE(step("encryption on", [&] { switch_encryption(true); }));
    ASSERT_NO_FATAL_FAILURE(step("certificates again", [&] { renew_all(); }));
  }
  void expect_no_failure(const std::vector<lab::Failure>& failures) {
    for (const auto& failure : failures) ADD_FAILURE() << "a statement failed: " << failure.message;
  }
};

class PlainRotation : public Rotation<ClusterTest> {
 protected:
  void start_pair() {
    ASSERT_NO_FATAL_FAILURE(start_monitor(2));
    for (const char* name : {"node_1", "node_2"}) {
      ASSERT_TRUE(ok(cluster().create_node(name, place())));
      ASSERT_NO_FATAL_FAILURE(expect_settled());
    }
    ASSERT_NO_FATAL_FAILURE(create_application(primary()));
  }
};

TEST_F(PlainRotation, EverythingUnderAWriter) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  const auto start = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(rotate_everything([&] {
    ASSERT_TRUE(load.progresses(30, patience));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
  }));
  load.stop();
  load.verify();
  expect_no_failure(load.writer().failures(start));
  std::cout << fmt::format("MEASURED longest statement {} ms, of {} rows\n",
                           load.writer().longest_statement(start).count(), load.writer().acknowledged());
  // What was replaced works: in the new order, too.
  ASSERT_TRUE(ok(cluster().switchover(patience)));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(query(primary(), "select count(*) from pg_stat_ssl join pg_stat_replication using (pid) where ssl").at(0),
            "1");
}

/// By itself, on all parts.
TEST_F(PlainRotation, CertificatesAreRenewedAtTwoThirdsOfTheirLife) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  ASSERT_EQ(at_monitor({"config", "set", "autoctl.certificate_lifetime", "60"}).exit_code, 0);
  ASSERT_EQ(at_monitor({"reload"}).exit_code, 0);
  ASSERT_EQ(at_monitor({"certificate", "renew", "--all"}).exit_code, 0);
  const auto before = shown("serial");
  const auto running = processes();
  EXPECT_TRUE(lab::eventually(Millis(120'000), [&] {
    const auto now = shown("serial");
    return std::ranges::all_of(before, [&](const auto& port) { return now.at(port.first) != port.second; });
  })) << fmt::format("{}", shown("serial"));
  EXPECT_EQ(processes(), running);
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

/// The monitor dies in between, and the change of its authority goes on.
TEST_F(PlainRotation, AMonitorThatIsKilledGoesOnWithTheChangeOfItsAuthority) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  const config::Files files = cluster().monitor().files();
  const std::string former = text(files.authority_certificate());
  // The standby's daemon is frozen, so that nothing can be over.
  lab::AutoctlDaemon& away = standby();
  const pid_t keeper = locked_pid(away.files().pid()).value_or(0).value_or(0);
  ASSERT_GT(keeper, 0);
  ASSERT_EQ(::kill(keeper, SIGSTOP), 0);
  const auto waits = at_monitor({"certificate", "rollover", "--wait", "5"});
  EXPECT_NE(waits.exit_code, 0);
  EXPECT_NE(waits.output.find("waits for node_2"), std::string::npos) << waits.output;
  EXPECT_EQ(text(files.authority_certificate()), former) << "one node has not heard of the new one";
  cluster().monitor().signal_node(SIGKILL);
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_EQ(::kill(keeper, SIGCONT), 0);
  EXPECT_TRUE(lab::eventually(patience, [&] {
    return text(files.authority_certificate()) != former && text(files.former_authority_certificate()).empty();
  }));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(is_said({"show", "events", "--count", "100"}, "the old one is not believed any more"));
}

class CitusRotation : public Rotation<CitusTest> {};

TEST_F(CitusRotation, EverythingUnderWriters) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_NO_FATAL_FAILURE(start_monitor(4));
  for (const auto& [name, group] : {std::pair{"coord0a", 0}, {"worker1a", 1}, {"coord0b", 0}, {"worker1b", 1}}) {
    auto here = place();
    here.role = group == 0 ? "coordinator" : "worker";
    if (group != 0) here.group = group;
    here.words.insert(here.words.end(), {"--pgctl", citus_server().pg_ctl});
    ASSERT_TRUE(ok(cluster().create_node(name, here)));
    ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(120'000)));
  }
  ASSERT_TRUE(lab::eventually(patience, [&] {  // then roles that are made are made on the worker, too
    return this->shell(fmt::format("psql -XAt -h \"$(sed -n 5p '{0}/postmaster.pid')\" -p {1} -d postgres -c \"select "
                                   "count(*) from pg_dist_node where isactive and noderole = 'primary'\"",
                                   primary(0).pgdata(), primary(0).pgport()))
               .output == "2\n";
  }));
  ASSERT_NO_FATAL_FAILURE(create_application(primary(0)));
  for (const int group : {0, 1})  // Citus nodes log in to each other as the role whose statement it is
    query_primary(group,
                  fmt::format("insert into pg_dist_authinfo values (0, 'application', 'password={}')", password));
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows(patience));
  query_primary(0, "ALTER DATABASE postgres SET citus.shard_count = 8");
  ASSERT_NO_FATAL_FAILURE(start_writers(2));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(
      rotate_everything([&] { ASSERT_TRUE(writers().progress(20, patience)) << writers().trouble(); }));
  expect_no_failure(writers().failures(start));
  std::cout << fmt::format("MEASURED longest statement {} ms, of {} rows\n", writers().longest_statement(start).count(),
                           writers().acknowledged());
  ASSERT_NO_FATAL_FAILURE(verify_writers());
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
}

}  // namespace
}  // namespace autoctl::test
