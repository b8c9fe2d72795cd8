// Encryption is switched off and on again while an application writes: on every node and the monitor, with no statement
// lost, nothing restarted and no role changed.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <iostream>
#include <map>
#include <nlohmann/json.hpp>

#include "common/postgres/lock_file.h"
#include "common/tls/certificate.h"
#include "support/citus_cluster.h"

namespace autoctl::test {
namespace {

constexpr Millis patience{20'000};

template <class Base>
class SslChange : public Base {
 protected:
  /// Which postmaster runs where, which state each node has, and on which timeline.
  std::map<std::string, std::string> standing() {
    std::map<std::string, std::string> found;
    const auto note_server = [&](const lab::AutoctlDaemon& daemon) {
      const auto lock = postgres::read_lock_file(daemon.pgdata());
      found["postmaster of " + daemon.name()] = lock ? std::to_string(lock->pid) : "none";
    };
    note_server(this->cluster().monitor());
    for (const auto& node : this->cluster().nodes()) note_server(*node);
    const auto state = this->cluster().state();
    EXPECT_TRUE(ok(state));
    if (!state) return found;
    for (const auto& node : state->nodes)
      found["state of " + node.name] = fmt::format("{}, timeline {}", to_string(node.assigned), node.timeline.value);
    return found;
  }
  void give(const lab::AutoctlDaemon& daemon, std::vector<std::string> words) {
    words.insert(words.end(), {"--pgdata", daemon.pgdata()});
    const auto done = this->autoctl(words);
    ASSERT_EQ(done.exit_code, 0) << fmt::format("{}", fmt::join(words, " ")) << "\n" << done.output;
  }
  /// As an operator goes over his machines: what is not complete the first time is the second time.
  void give_to_all(const std::vector<std::string>& words) {
    ASSERT_NO_FATAL_FAILURE(give(this->cluster().monitor(), words));
    for (int round = 1; round <= 2; ++round)
      for (const auto& node : this->cluster().nodes()) ASSERT_NO_FATAL_FAILURE(give(*node, words));
  }
  /// All of them serve TLS, and every stream is encrypted; or none does. A stream that exists goes on as it is.
  void expect_encrypted(bool is) {
    const std::string mode = is ? "require" : "prefer";
    const auto state = this->cluster().state();
    ASSERT_TRUE(ok(state));
    for (const auto& node : state->nodes) EXPECT_EQ(node.ssl_mode, mode) << node.name;
    for (const auto& node : this->cluster().nodes()) {
      const auto count = [&](const std::string& from, const std::string& where) {
        return this
            ->query(*node,
                    fmt::format("select count(*) from {} left join pg_stat_ssl using (pid) where {}", from, where))
            .at(0);
      };
      EXPECT_EQ(count("pg_stat_activity", "pid = pg_backend_pid() and ssl"), is ? "1" : "0") << node->name();
      EXPECT_TRUE(!is || lab::eventually(patience, [&] { return count("pg_stat_replication", "not ssl") == "0"; }))
          << node->name();
    }
  }
  void expect_no_failure(const std::vector<lab::Failure>& failures) {
    for (const auto& failure : failures) ADD_FAILURE() << "a statement failed: " << failure.message;
  }
};

class PlainSsl : public SslChange<ClusterTest> {};

TEST_F(PlainSsl, OffAndOnAgainUnderAWriter) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  const auto before = standing();
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, patience));
  const auto start = std::chrono::steady_clock::now();
  ASSERT_NO_FATAL_FAILURE(expect_encrypted(true));
  for (const bool on : {false, true}) {
    SCOPED_TRACE(on ? "on again" : "off");
    ASSERT_NO_FATAL_FAILURE(give_to_all(on ? std::vector<std::string>{"enable", "ssl", "--ssl-self-signed"}
                                           : std::vector<std::string>{"disable", "ssl"}));
    ASSERT_NO_FATAL_FAILURE(expect_encrypted(on));
    ASSERT_TRUE(load.progresses(50, patience));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_EQ(standing(), before);
  }
  load.stop();
  load.verify();
  expect_no_failure(load.writer().failures(start));
  std::cout << fmt::format("MEASURED longest statement {} ms, of {} rows\n",
                           load.writer().longest_statement(start).count(), load.writer().acknowledged());
  EXPECT_LT(load.writer().longest_statement(start), Millis(1'000));
}

/// In the middle of the change every node still reaches every other one: also after a failover.
TEST_F(PlainSsl, AFailoverInTheMiddle) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_NO_FATAL_FAILURE(give(standby(), {"disable", "ssl"}));
  ASSERT_NO_FATAL_FAILURE(give(primary(), {"disable", "ssl"}));  // and the other one still serves TLS
  primary().signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(patience, [&] { return cluster().primary() != nullptr; }));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(give(*cluster().nodes()[0], {"disable", "ssl"}));
  ASSERT_NO_FATAL_FAILURE(give(*cluster().nodes()[1], {"disable", "ssl"}));
  ASSERT_NO_FATAL_FAILURE(give(standby(), {"enable", "ssl", "--ssl-self-signed"}));
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(give(standby(), {"enable", "ssl", "--ssl-self-signed"}));
  ASSERT_NO_FATAL_FAILURE(give(primary(), {"enable", "ssl", "--ssl-self-signed"}));
  ASSERT_NO_FATAL_FAILURE(expect_encrypted(true));
  EXPECT_TRUE(load.progresses(20, patience));
  load.stop();
  load.verify();
}

/// What each port shows is asked of the port, and not of somebody's files.
TEST_F(PlainSsl, CertificatesAreShown) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  const auto document = [&](const std::string& of, const std::string& server) {
    const auto said = nlohmann::json::parse(at_monitor({"show", "certificates", "--json", "-q"}).output);
    for (const auto& shown : said["servers"])
      if (shown["of"] == of && shown["server"] == server) return shown;
    return nlohmann::json();
  };
  const lab::AutoctlDaemon& node = *cluster().nodes().front();
  const auto own = tls::inspect_certificate(config::read_file(node.files().certificate()).value_or(""));
  ASSERT_TRUE(ok(own));
  EXPECT_EQ(document("node_1", "Postgres")["certificate"]["sha256"], own->sha256);
  EXPECT_EQ(document("node_1", "keeper")["certificate"]["sha256"], own->sha256);
  EXPECT_EQ(document("monitor", "API")["state"], "good");
  EXPECT_EQ(document("monitor", "Postgres")["state"], "good");
  ASSERT_NO_FATAL_FAILURE(give(node, {"disable", "ssl"}));
  EXPECT_EQ(document("node_1", "Postgres")["state"], "no TLS");
  EXPECT_EQ(document("node_1", "keeper")["certificate"]["sha256"], own->sha256) << "the keeper's port always has TLS";
  EXPECT_EQ(at_monitor({"show", "certificates"}).exit_code, 0);
}

TEST_F(PlainSsl, WhatCannotWorkIsRefusedAndChangesNothing) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  const auto before = standing();
  const lab::AutoctlDaemon& node = standby();
  const auto configuration = config::read_file(node.files().config());
  const std::string other_key = cluster().monitor().files().key(), own = node.files().certificate();
  const auto refused = [&](std::vector<std::string> words, const std::string& why) {
    SCOPED_TRACE(fmt::format("{}", fmt::join(words, " ")));
    words.insert(words.begin(), {"enable", "ssl"});
    words.insert(words.end(), {"--pgdata", node.pgdata()});
    const auto done = autoctl(words);
    EXPECT_NE(done.exit_code, 0);
    EXPECT_NE(done.output.find(why), std::string::npos) << done.output;
    EXPECT_EQ(config::read_file(node.files().config()).value_or(""), configuration.value_or("none"));
  };
  refused({}, "has no certificate of the monitor's authority");
  refused({"--ssl-self-signed", "--no-ssl"}, "more than one way");
  refused({"--server-cert", own, "--server-key", other_key}, "is not the key of");
  refused({"--server-cert", own, "--server-key", "/nowhere"}, "/nowhere");
  refused({"--server-cert", own, "--server-key", node.files().key(), "--ssl-ca-file", node.files().key()},
          "has no certificate");
  refused({"--server-cert", own, "--server-key", node.files().key(), "--ssl-ca-file", own}, "would not be reached");
  const auto at_the_monitor = at_monitor({"enable", "ssl", "--server-cert", own, "--server-key", node.files().key()});
  EXPECT_NE(at_the_monitor.exit_code, 0);
  EXPECT_NE(at_the_monitor.output.find("the nodes would not believe"), std::string::npos) << at_the_monitor.output;
  ASSERT_NO_FATAL_FAILURE(expect_encrypted(true));
  EXPECT_EQ(standing(), before);
}

class CitusSsl : public SslChange<CitusTest> {};

TEST_F(CitusSsl, OffAndOnAgainUnderWriters) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_NO_FATAL_FAILURE(start_citus());
  ASSERT_NO_FATAL_FAILURE(start_writers(2));
  const auto before = standing();
  const auto start = std::chrono::steady_clock::now();
  for (const bool on : {false, true}) {
    SCOPED_TRACE(on ? "on again" : "off");
    ASSERT_NO_FATAL_FAILURE(give_to_all(on ? std::vector<std::string>{"enable", "ssl", "--ssl-self-signed"}
                                           : std::vector<std::string>{"disable", "ssl"}));
    ASSERT_NO_FATAL_FAILURE(expect_encrypted(on));
    EXPECT_EQ(query_primary(0, "show citus.node_conninfo").at(0).starts_with(on ? "sslmode=require" : "sslmode=prefer"),
              true);
    ASSERT_TRUE(writers().progress(20, patience)) << writers().trouble();
    EXPECT_EQ(standing(), before);
  }
  expect_no_failure(writers().failures(start));
  std::cout << fmt::format("MEASURED longest statement {} ms, of {} rows\n", writers().longest_statement(start).count(),
                           writers().acknowledged());
  ASSERT_NO_FATAL_FAILURE(verify_writers());
  ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
}

}  // namespace
}  // namespace autoctl::test
