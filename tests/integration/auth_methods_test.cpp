// Every method of logging in that autoctl takes is one that Postgres reads in the lines that are written for it. The
// judge is pg_hba_file_rules.
#include <gmock/gmock.h>

#include <set>

#include "common/config/auth.h"
#include "common/config/checks.h"
#include "common/tls/certificate.h"
#include "keeper/postgres/replicator.h"
#include "own_postgres_fixture.h"
#include "postgres_node.h"

namespace autoctl {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

constexpr const char* unreadable =
    "select coalesce(string_agg(line_number || ': ' || error, ', '), '') from pg_hba_file_rules where error is not "
    "null";
const std::set<std::string> not_for_lines = {"peer", "sspi", "ldap", "radius"};

/// Each method with and without TLS; of those that autoctl does not take it is looked whether they are the right ones.
std::vector<config::Config> all_that_are_taken(config::Config config) {
  std::vector<config::Config> taken;
  for (const auto& method : config::auth_methods())
    for (const bool tls : {true, false}) {
      config.auth = method;
      config.ssl.enabled = tls;
      config.ssl.mode = tls ? "require" : "prefer";
      const bool expected = !not_for_lines.contains(method) && (tls || method != "cert");
      const auto checked = config::check_method(config);
      EXPECT_EQ(checked.has_value(), expected) << method << (tls ? " over TLS" : "");
      if (checked) taken.push_back(config);
    }
  return taken;
}

config::Ssl certificates_in(const std::string& directory) {
  config::Ssl ssl;
  ssl.enabled = true;
  ssl.mode = "require";
  ssl.server_cert = directory + "/server.crt";
  ssl.server_key = directory + "/server.key";
  EXPECT_TRUE(tls::write_self_signed(ssl.server_cert, ssl.server_key, {"127.0.0.1"}));
  ssl.ca_file = ssl.server_cert;
  return ssl;
}

}  // namespace
}  // namespace autoctl

namespace autoctl::keeper::test {
namespace {

class AuthMethods : public PostgresTest {};

TEST_F(AuthMethods, EveryLineOfANodesFileIsRead) {
  Node& node = this->node(1);
  node.config.ssl = certificates_in(scratch);
  node.config.auth = "cert";
  node.config.pg_hba_lan = true;
  node.open();
  const protocol::Peer peer{NodeId{2}, "node_2", "10.1.2.3", 5432, NodeState::init};
  ASSERT_NO_FATAL_FAILURE(node.make_primary({peer}));  // with what initdb has written, too
  EXPECT_EQ(node.sql(unreadable), "");
  for (const auto& config : all_that_are_taken(node.config)) {
    node.postgres->change_config(config);
    ASSERT_TRUE(ok(node.postgres->configure({peer})));
    EXPECT_TRUE(eventually([&] { return node.sql(unreadable).empty(); }))
        << config.auth << " " << config.ssl.mode << ": " << node.sql(unreadable);
    EXPECT_EQ(node.sql("select count(*) from pg_hba_file_rules where user_name = '{pgautofailover_replicator}' and "
                       "address = '10.1.2.3' and auth_method = '" +
                       config.auth + "'"),
              "2")
        << config.auth << " " << config.ssl.mode;
  }
}

/// What a file that is not read does: that the judge sees it.
TEST_F(AuthMethods, ALineThatIsNotReadIsSeen) {
  Node& node = this->node(1);
  ASSERT_NO_FATAL_FAILURE(node.make_primary());
  std::ofstream(node.files.pgdata + "/pg_hba.conf", std::ios::app) << "host all all 10.1.2.3/32 cert\n";
  EXPECT_THAT(node.sql(unreadable), HasSubstr("hostssl"));
}

TEST_F(AuthMethods, StandbysLogInWithTheReplicatorsCertificate) {
  const std::string home = scratch + "/home", own = home + "/.postgresql";
  std::filesystem::create_directories(own);
  ASSERT_TRUE(tls::write_self_signed(own + "/postgresql.crt", own + "/postgresql.key", {replicator}));
  const std::string former = std::getenv("HOME") == nullptr ? "/" : std::getenv("HOME");
  ASSERT_EQ(::setenv("HOME", home.c_str(), 1), 0);
  std::string authorities = config::read_file(own + "/postgresql.crt").value();
  for (int number : {1, 2}) {
    Node& node = this->node(number);
    std::filesystem::create_directory(node.files.directory);
    node.config.ssl = certificates_in(node.files.directory);
    node.config.ssl.mode = "verify-full";
    node.config.ssl.ca_file = scratch + "/authorities.pem";
    node.config.auth = "cert";
    node.open();
    authorities += config::read_file(node.config.ssl.server_cert).value();
  }
  ASSERT_TRUE(config::write_file(scratch + "/authorities.pem", authorities));
  ASSERT_NO_FATAL_FAILURE(nodes[0]->make_primary({nodes[1]->peer()}));
  ASSERT_NO_FATAL_FAILURE(nodes[1]->make_standby(*nodes[0], {nodes[0]->peer()}));
  EXPECT_EQ(nodes[0]->sql("select client_dn from pg_stat_ssl join pg_stat_replication using (pid)"),
            "/CN=" + std::string(replicator));
  const auto stranger = pg::Connection::open(
      fmt::format("host=127.0.0.1 port={} user={} dbname=postgres password=secret sslmode=require sslcert={}/none",
                  nodes[0]->config.pgport, replicator, scratch),
      5s);
  ASSERT_FALSE(stranger);
  EXPECT_EQ(stranger.error().code, Errc::denied) << stranger.error().message;
  ::setenv("HOME", former.c_str(), 1);
}

}  // namespace
}  // namespace autoctl::keeper::test

namespace autoctl::monitor {
namespace {

class MonitorAuthMethods : public OwnPostgresTest {
 protected:
  static void SetUpTestSuite() { start("scram-sha-256"); }
};

TEST_F(MonitorAuthMethods, EveryLineOfTheMonitorsFileIsRead) {
  config::Config config;
  config.role = "monitor";
  config.pgdata = scratch->path() + "/pg";
  config.pgport = port;
  config.listen = "localhost";
  config.ssl = certificates_in(scratch->path());
  for (const auto& taken : all_that_are_taken(config)) {
    server->set_config(taken);
    ASSERT_TRUE(server->configure());
    ASSERT_TRUE(server->reload());
    std::string wrong;
    const auto all_are_read = [&] {
      auto owner = pg::Connection::open(server->conninfo("postgres"), 5s);
      const auto rows = owner ? owner->query(unreadable, 5s) : fail(owner.error());
      wrong = rows ? rows->text(0, 0) : rows.error().message;
      return wrong.empty();
    };
    EXPECT_TRUE(test::eventually(all_are_read)) << taken.auth << " " << taken.ssl.mode << ": " << wrong;
  }
}

}  // namespace
}  // namespace autoctl::monitor
