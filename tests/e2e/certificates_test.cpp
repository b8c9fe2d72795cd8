// A monitor with its own certificate authority: who joins gets a certificate, and everything between the parts is checked
// on both sides. As the README's commands make it: nothing is said of passwords or certificates.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cstdlib>

#include "common/config/files.h"
#include "common/tls/authority.h"
#include "support/citus_server.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr Millis patience{20'000};
constexpr const char* password = "of-the-application";

/// A key, and a certificate for it.
struct Shown {
  std::string certificate, key;  // files
};

class WithAuthority : public ClusterTest {
 protected:
  ~WithAuthority() override { ::unsetenv("PGPASSWORD"); }

  void start_monitor() { ASSERT_TRUE(ok(cluster().create_monitor({.auth = "", .authority = true}))); }
  std::string monitor_url() {
    return fmt::format("https://{}:{}", cluster().monitor().host(), cluster().monitor().api_port());
  }
  std::string token_file() const { return directory() + "/join-token"; }
  void make_token(int nodes) {
    const auto made = at_monitor({"-q", "token", "create", "--nodes", std::to_string(nodes)});
    ASSERT_TRUE(made.ok()) << made.output;
    ASSERT_TRUE(ok(config::write_file(token_file(), made.output)));
  }
  lab::LocalCluster::Place place() {
    return {.auth = "", .words = {"--join-token-file", token_file()}, .authority = true, .monitor = monitor_url()};
  }
  void start_pair() {
    ASSERT_NO_FATAL_FAILURE(start_monitor());
    ASSERT_NO_FATAL_FAILURE(make_token(2));
    ASSERT_TRUE(ok(cluster().create_node("node_1", place())));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_TRUE(ok(cluster().create_node("node_2", place())));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_NO_FATAL_FAILURE(give_password(primary()));
  }
  /// Over the socket, as its administrator: then this test can log in as an application.
  void give_password(const lab::AutoctlDaemon& node) {
    const auto said = psql(node, fmt::format("alter role current_user password '{}'", password));
    ASSERT_TRUE(said.ok()) << said.output;
    ::setenv("PGPASSWORD", password, 1);
  }
  Finished psql(const lab::AutoctlDaemon& node, const std::string& sql) {
    return shell(
        fmt::format("psql -XAt -v ON_ERROR_STOP=1 -h \"$(sed -n 5p '{0}/postmaster.pid')\" -p {1} -d postgres "
                    "-c \"{2}\" 2>&1",
                    node.pgdata(), node.pgport(), sql));
  }

  tls::KeyPair authority() {
    const config::Files files(cluster().monitor().pgdata());
    return {config::read_file(files.authority_certificate()).value_or(""),
            config::read_file(files.authority_key()).value_or("")};
  }
  /// What `by` would have issued to node 1 for so many days; for -1, it is over.
  Shown issue(const tls::KeyPair& by, int days, const std::string& name) {
    const std::string base = directory() + "/" + name;
    const auto asked = tls::request_certificate("127.0.0.1");
    EXPECT_TRUE(ok(config::write_file(base + ".csr", asked->csr_pem)));
    EXPECT_TRUE(ok(config::write_file(base + ".key", asked->key_pem)));
    EXPECT_TRUE(ok(config::write_file(base + ".ca.crt", by.certificate_pem)));
    EXPECT_TRUE(ok(config::write_file(base + ".ca.key", by.key_pem)));
    const auto made =
        shell(fmt::format("openssl x509 -req -in {0}.csr -CA {0}.ca.crt -CAkey {0}.ca.key -days {1} -subj "
                          "/CN=autoctl_standby_1 -out {0}.crt 2>&1",
                          base, days));
    EXPECT_TRUE(made.ok()) << made.output;
    return {base + ".crt", base + ".key"};
  }
  /// What OpenSSL's client says after its handshake at a port.
  std::string shake_hands(int port, const Shown& own, const std::string& more) {
    return shell(fmt::format(
                     "{{ printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n'; sleep 1; }} | openssl s_client -quiet -connect "
                     "127.0.0.1:{} -cert '{}' -key '{}' {} 2>&1",
                     port, own.certificate, own.key, more))
        .output;
  }
  static bool has(const std::string& file, const std::string& words) {
    return config::read_file(file).value_or("").find(words) != std::string::npos;
  }
  std::string logs_of_postgres(const std::string& pgdata) { return shell("cat '" + pgdata + "'/log/* 2>&1").output; }
};

TEST_F(WithAuthority, APairSwitchesOverAndFailsOverUnderAWriter) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  const auto standbys = [this] {
    return query(primary(), "select client_dn from pg_stat_ssl join pg_stat_replication using (pid) where ssl");
  };
  EXPECT_THAT(standbys(), ElementsAre("/CN=autoctl_standby_2"));
  EXPECT_THAT(
      query(standby(), "show primary_conninfo").at(0),
      testing::AllOf(HasSubstr("sslmode=verify-full"), HasSubstr("sslcert="), HasSubstr("channel_binding=require")));
  EXPECT_THAT(config::read_file(primary().pgdata() + "/pg_hba.conf").value_or(""),
              HasSubstr("autoctl_standby_2 127.0.0.0/8 scram-sha-256 clientcert=verify-full"));

  // By a name of its own machine the monitor is the one beside --pgdata, with that one's credential.
  ASSERT_NO_FATAL_FAILURE(
      say({"perform", "switchover", "--monitor", fmt::format("https://localhost:{}", cluster().monitor().api_port())}));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(load.progresses(20, patience));
  EXPECT_THAT(standbys(), ElementsAre("/CN=autoctl_standby_1"));

  primary().signal_node(SIGKILL);
  EXPECT_TRUE(load.progresses(20, patience));
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
}

/// Each with the reason in the log of whose port it is.
TEST_F(WithAuthority, WrongCertificatesAreRefusedAtEachPort) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  const auto good = issue(authority(), 1, "good");
  lab::AutoctlDaemon &monitor = cluster().monitor(), &node = primary();
  const std::vector<std::pair<Shown, std::string>> bad = {
      {issue(*tls::make_authority(std::chrono::system_clock::now()), 1, "foreign"), "unknown ca"},
      {issue(authority(), -1, "expired"), "certificate expired"}};

  for (auto* daemon : {&monitor, &node}) {
    EXPECT_THAT(shake_hands(daemon->api_port(), good, ""), HasSubstr("200 OK")) << daemon->name();
    EXPECT_THAT(shake_hands(daemon->pgport(), good, "-starttls postgres"), Not(HasSubstr("alert"))) << daemon->name();
    for (const auto& [shown, alert] : bad) {
      EXPECT_THAT(shake_hands(daemon->api_port(), shown, ""), HasSubstr(alert)) << daemon->name();
      EXPECT_THAT(shake_hands(daemon->pgport(), shown, "-starttls postgres"), HasSubstr(alert)) << daemon->name();
    }
    for (const char* reason : {"unable to get local issuer certificate", "certificate has expired"})
      EXPECT_TRUE(lab::eventually(patience, [&] { return has(daemon->log_file(), reason); })) << daemon->log_tail(20);
    EXPECT_TRUE(has(daemon->log_file(), "A client was refused: 127.0.0.1: its certificate \"autoctl_standby_1\""));
  }
  EXPECT_THAT(logs_of_postgres(monitor.pgdata()), HasSubstr("certificate verify failed"));
}

/// Whoever copied the file `token` has nothing.
TEST_F(WithAuthority, ANodesCredentialAloneIsNone) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  const config::Files files(primary().pgdata());
  const auto ask = [&](const std::string& certificate, const std::string& key) {
    const bool shows = !certificate.empty();
    return shell(fmt::format("curl -s --cacert '{}' {} -H \"Authorization: Bearer $(cat '{}')\" '{}/v1/state'",
                             files.ca(), shows ? fmt::format("--cert '{}' --key '{}'", certificate, key) : "",
                             files.token(), monitor_url()))
        .output;
  };
  EXPECT_THAT(ask(files.certificate(), files.key()), HasSubstr("\"node_1\""));
  EXPECT_THAT(ask("", ""), HasSubstr("only over a connection with the node's certificate"));
  const config::Files others(standby().pgdata());
  EXPECT_THAT(ask(others.certificate(), others.key()), HasSubstr("over a connection with its certificate only"));
}

/// It is revoked by who it was issued to, with the reason in the log of whose port it is. Only its own report is answered:
/// it is told that it was dropped, and stops.
TEST_F(WithAuthority, ADroppedNodesCertificateOpensNothing) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  const config::Files there(standby().pgdata());
  const std::string kept = directory() + "/kept";
  ASSERT_TRUE(shell(fmt::format("cp -r '{}' '{}'", there.directory, kept)).ok());
  lab::AutoctlDaemon& node = primary();
  const auto as_node_2 = [&](const std::string& url) {
    return shell(fmt::format("curl -s --cacert '{0}/ca.crt' --cert '{0}/server.crt' --key '{0}/server.key' -H "
                             "\"Authorization: Bearer $(cat '{0}/token')\" '{1}'",
                             kept, url))
        .output;
  };
  const auto stream = [&] {
    return shell(fmt::format(
        "env -u PGPASSWORD PGPASSFILE='{0}/pgpass' psql -XAt -w \"host=127.0.0.1 port={1} user=autoctl_standby_2 "
        "dbname=postgres replication=true sslmode=verify-full sslrootcert={0}/ca.crt "
        "sslcert={0}/server.crt sslkey={0}/server.key\" -c IDENTIFY_SYSTEM 2>&1",
        kept, node.pgport()));
  };
  EXPECT_THAT(as_node_2(monitor_url() + "/v1/state"), HasSubstr("\"node_2\""));
  EXPECT_TRUE(stream().ok()) << stream().output;
  ASSERT_EQ(at_monitor({"drop", "node", "--name", "node_2"}).exit_code, 0);
  EXPECT_TRUE(lab::eventually(patience, [&] { return cluster().state()->nodes.size() == 1; }));

  EXPECT_THAT(as_node_2(monitor_url() + "/v1/state"), HasSubstr("denied"));
  EXPECT_TRUE(lab::eventually(patience, [&] {
    return has(cluster().monitor().log_file(),
               "its certificate \"autoctl_standby_2\" is good, and its credential is not");
  })) << cluster().monitor().log_tail(20);
  EXPECT_THAT(as_node_2(fmt::format("https://127.0.0.1:{}/v1/status", node.api_port())), HasSubstr("denied"));
  EXPECT_TRUE(lab::eventually(patience, [&] {
    return has(node.log_file(), "its certificate \"autoctl_standby_2\" is good, and its credential is not");
  })) << node.log_tail(20);
  EXPECT_TRUE(lab::eventually(patience, [&] { return !stream().ok(); }));
  EXPECT_THAT(stream().output, testing::AnyOf(HasSubstr("no pg_hba.conf entry"), HasSubstr("not permitted"),
                                              HasSubstr("authentication failed")));
  EXPECT_TRUE(has(node.files().startup_log(), "autoctl_standby_2"))
      << config::read_file(node.files().startup_log()).value_or("");
}

/// The monitor does not let it in, and neither does its primary: then an operator speaks for it.
TEST_F(WithAuthority, ANodeWhoseCertificateHasEndedComesBack) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  lab::AutoctlDaemon& node = standby();
  ASSERT_EQ(autoctl({"stop", "--pgdata", node.pgdata()}).exit_code, 0);
  ASSERT_TRUE(node.await_end(patience));
  const config::Files files = node.files();
  const auto asked = tls::request_certificate("127.0.0.1");
  const auto ended = tls::issue_certificate(authority(), asked->csr_pem, "127.0.0.1", "autoctl_standby_2",
                                            std::chrono::system_clock::now(), -std::chrono::minutes(1));
  ASSERT_TRUE(ok(ended));
  ASSERT_TRUE(ok(config::write_file(files.key(), asked->key_pem)));
  ASSERT_TRUE(ok(config::write_file(files.certificate(), *ended)));
  ASSERT_TRUE(ok(node.run()));
  EXPECT_TRUE(lab::eventually(patience, [&] {
    return has(cluster().monitor().log_file(),
               "certificate \"autoctl_standby_2\" is not accepted: certificate has expired");
  })) << cluster().monitor().log_tail(20);
  const auto refused = autoctl({"certificate", "renew", "--pgdata", node.pgdata()});
  EXPECT_NE(refused.exit_code, 0);
  EXPECT_THAT(refused.output, HasSubstr("--token-file"));
  const auto made = at_monitor({"-q", "token", "create", "--role", "operator", "--formation", "default"});
  ASSERT_EQ(made.exit_code, 0) << made.output;
  ASSERT_TRUE(ok(config::write_file(directory() + "/operator", made.output)));
  const auto renewed =
      autoctl({"certificate", "renew", "--pgdata", node.pgdata(), "--token-file", directory() + "/operator"});
  EXPECT_EQ(renewed.exit_code, 0) << renewed.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

TEST_F(WithAuthority, TheKeyMayBeKeptElsewhere) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  const config::Files files(cluster().monitor().pgdata());
  const std::string safe = directory() + "/safe";
  ASSERT_EQ(std::rename(files.authority_key().c_str(), safe.c_str()), 0);
  ASSERT_NO_FATAL_FAILURE(make_token(1));
  const auto create = [&] {
    return autoctl({"create", "postgres", "--pgdata", directory() + "/third", "--pgport",
                    std::to_string(*lab::find_free_ports(21'000, 1)), "--hostname", "127.0.0.1", "--monitor",
                    monitor_url(), "--join-token-file", token_file()});
  };
  const auto refused = create();
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.output, HasSubstr("put it back as " + files.authority_key()));
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"certificate", "renew", "--pgdata", primary().pgdata()},
                                             {"certificate", "renew", "--all", "--pgdata", files.pgdata},
                                             {"certificate", "rollover", "--pgdata", files.pgdata}}) {
    const auto said = autoctl(words);
    EXPECT_NE(said.exit_code, 0) << words[1];
    EXPECT_THAT(said.output, HasSubstr("put it back as " + files.authority_key())) << words[1];
  }
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_EQ(std::rename(safe.c_str(), files.authority_key().c_str()), 0);
  const auto made = create();
  EXPECT_TRUE(made.ok()) << made.output;
}

/// Both are believed until all nodes have come.
TEST_F(WithAuthority, AnotherMonitorsAuthorityTakesOver) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  cluster().monitor().destroy();
  const auto lost = cluster().give_up_monitor();
  ASSERT_TRUE(shell("mkdir another").ok());
  ASSERT_TRUE(ok(cluster().create_monitor({.directory = directory() + "/another", .auth = "", .authority = true})));
  ASSERT_NO_FATAL_FAILURE(make_token(2));
  const auto started = query(*cluster().find("node_1"), "select pg_postmaster_start_time()");
  for (const char* name : {"node_1", "node_2"}) {
    const auto enabled = autoctl({"enable", "monitor", "--pgdata", cluster().find(name)->pgdata(), monitor_url(),
                                  "--join-token-file", token_file()});
    ASSERT_TRUE(enabled.ok()) << enabled.output;
    EXPECT_TRUE(load.progresses(20, patience));
  }
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(query(*cluster().find("node_1"), "select pg_postmaster_start_time()"), started);
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(load.progresses(20, patience));
  const auto verified = shell("openssl verify -CAfile '" + config::Files(cluster().monitor().pgdata()).ca() + "' '" +
                              config::Files(standby().pgdata()).certificate() + "' 2>&1");
  EXPECT_TRUE(verified.ok()) << verified.output;
  load.stop();
  load.verify();
}

/// So that it is no stranger at its own address: what a node shows from then on, the others know.
TEST_F(WithAuthority, ARenewedCertificateIsTakenInAndKnown) {
  ASSERT_NO_FATAL_FAILURE(start_pair());
  const config::Files here(primary().pgdata());
  const auto asked = tls::request_certificate("127.0.0.1");
  const auto renewed = tls::issue_certificate(authority(), asked->csr_pem, "127.0.0.1", "autoctl_standby_1",
                                              std::chrono::system_clock::now());
  ASSERT_TRUE(ok(renewed));
  ASSERT_TRUE(ok(config::write_file(here.key(), asked->key_pem)));
  ASSERT_TRUE(ok(config::write_file(here.certificate(), *renewed)));
  const auto reloaded = autoctl({"reload", "--pgdata", primary().pgdata()});
  ASSERT_TRUE(reloaded.ok()) << reloaded.output;
  const std::string fingerprint = tls::inspect_certificate(*renewed)->sha256;
  EXPECT_TRUE(lab::eventually(patience, [&] { return has(config::Files(standby().pgdata()).state(), fingerprint); }));
  const auto serial = tls::inspect_certificate(*renewed)->serial;
  for (const auto& [port, how] : {std::pair{primary().pgport(), "-starttls postgres"}, {primary().api_port(), ""}})
    EXPECT_THAT(shell(fmt::format("openssl s_client -connect 127.0.0.1:{} {} </dev/null 2>/dev/null | "
                                  "openssl x509 -noout -serial",
                                  port, how))
                    .output,
                HasSubstr(serial));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

TEST_F(WithAuthority, AMonitorWithoutOneSaysWhatToType) {
  ASSERT_TRUE(ok(cluster().create_monitor({.auth = ""})));
  ASSERT_NO_FATAL_FAILURE(make_token(1));
  const auto refused = autoctl({"create", "postgres", "--pgdata", directory() + "/n", "--pgport", "7891", "--hostname",
                                "127.0.0.1", "--monitor", monitor_url(), "--join-token-file", token_file()});
  EXPECT_FALSE(refused.ok());
  EXPECT_THAT(refused.output, HasSubstr("--ssl-self-signed"));
}

TEST_F(WithAuthority, ACitusFormationChecksBothSidesFromNodeToNode) {
  if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
  ASSERT_NO_FATAL_FAILURE(start_monitor());
  ASSERT_NO_FATAL_FAILURE(make_token(4));
  for (const auto& [name, group] : {std::pair{"coord0a", 0}, {"worker1a", 1}, {"coord0b", 0}, {"worker1b", 1}}) {
    auto here = place();
    here.role = group == 0 ? "coordinator" : "worker";
    if (group != 0) here.group = group;
    here.words.insert(here.words.end(), {"--pgctl", citus_server().pg_ctl});
    ASSERT_TRUE(ok(cluster().create_node(name, here)));
    ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(120'000)));
  }
  lab::AutoctlDaemon& coordinator = *cluster().find("coord0a");
  const auto works = [&](const std::string& sql, const std::string& answer) {
    std::string last;
    return lab::eventually(Millis(60'000),
                           [&] { return (last = psql(*cluster().primary(0), sql).output) == answer + "\n"; })
               ? testing::AssertionSuccess()
               : testing::AssertionFailure() << sql << ": " << last;
  };
  EXPECT_TRUE(works("select count(*) from pg_dist_node where isactive and noderole = 'primary'", "2"));
  EXPECT_TRUE(psql(coordinator, "create table t (id int primary key)").ok());
  EXPECT_TRUE(works("select count(create_distributed_table('t', 'id', shard_count := 4))", "1"));
  EXPECT_TRUE(psql(coordinator, "insert into t select generate_series(1, 100)").ok());
  EXPECT_TRUE(works("select count(*) from t", "100"));
  EXPECT_THAT(psql(*cluster().primary(1),
                   "select distinct client_dn from pg_stat_ssl join pg_stat_activity using (pid) where ssl and "
                   "application_name like 'citus_internal%'")
                  .output,
              HasSubstr("/CN=autoctl_standby_1"));
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000), 1)));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(works("select count(*) from t", "100"));
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000), 0)));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(works("select count(*) from t", "100"));
}

}  // namespace
}  // namespace autoctl::test
