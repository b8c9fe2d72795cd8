// Somebody answers in a server's place, with a certificate that he made himself. What is on its way to that server is a
// password: he must not get it, nor may a node that asks for less be locked out of a formation like it.
#include <gmock/gmock.h>

#include "cli/output/uri.h"
#include "common/monitor_client/monitor_api.h"
#include "common/tls/certificate.h"
#include "fake_postgres.h"
#include "postgres_node.h"
#include "tests/support/monitor_process.h"

namespace autoctl::keeper::test {
namespace {

using autoctl::test::FakePostgres;
using testing::HasSubstr;
using testing::Not;

struct Access {
  const char* auth;
  bool tls;
};

class ManInTheMiddle : public PostgresTest {
 protected:
  Node& one() { return *nodes[0]; }
  Node& two() { return *nodes[1]; }

  Node& node_with(int number, const Access& access) {
    Node& node = this->node(number);
    std::filesystem::create_directory(node.files.directory);
    node.config.auth = access.auth;
    node.config.ssl.enabled = access.tls;
    if (access.tls) {
      EXPECT_TRUE(ok(tls::write_self_signed(node.files.certificate(), node.files.key(), {"127.0.0.1"})));
      node.config.ssl.mode = "require";
      node.config.ssl.server_cert = node.files.certificate();
      node.config.ssl.server_key = node.files.key();
    }
    node.open();
    return node;
  }
  void make_pair_with(const Access& access) {
    node_with(1, access);
    node_with(2, access);
    ASSERT_NO_FATAL_FAILURE(one().make_primary({two().peer()}));
    ASSERT_NO_FATAL_FAILURE(two().make_standby(one(), {one().peer()}));
  }
};

TEST_F(ManInTheMiddle, GetsNoPasswordInAPrimarysPlace) {
  constexpr Access safe{"scram-sha-256", true};
  ASSERT_NO_FATAL_FAILURE(make_pair_with(safe));
  EXPECT_EQ(one().sql("select ssl from pg_stat_ssl join pg_stat_replication using (pid)"), "t");
  Node& three = node_with(3, safe);
  three.save_password();
  ASSERT_TRUE(ok(one().postgres->stop(StopMode::fast, 10s)));

  const FakePostgres stranger(one().config.pgport);
  EXPECT_TRUE(eventually([&] { return stranger.asked("autoctl_standby_2") >= 2; })) << "the standby does not try";
  const int by_standby = stranger.asked("autoctl_standby_2");
  const auto copied = three.postgres->clone(one().peer(), three.id, never, ignore_progress);
  ASSERT_FALSE(copied);
  EXPECT_THAT(copied.error().message, HasSubstr("channel binding"));
  EXPECT_THAT(copied.error().hint, HasSubstr("--auth"));
  ASSERT_TRUE(ok(two().postgres->stop(StopMode::fast, 10s)));
  const auto rewound = two().postgres->rewind(one().peer(), never, ignore_progress);
  ASSERT_FALSE(rewound);
  EXPECT_THAT(rewound.error().message, HasSubstr("channel binding"));
  EXPECT_TRUE(eventually(
      [&] { return stranger.asked("autoctl_standby_2") > by_standby && stranger.asked("autoctl_standby_3") > 0; }));
  EXPECT_EQ(stranger.heard(), "");
}

/// That the one of these tests is a danger to whoever does not look.
TEST_F(ManInTheMiddle, GetsThePasswordOfOneWhoAsksForNothing) {
  const FakePostgres stranger(0);
  const auto place = fmt::format("host=127.0.0.1 port={} user=me password=secret sslmode=require", stranger.port());
  EXPECT_FALSE(pg::Connection::open(place, 5s));
  EXPECT_TRUE(eventually([&] { return stranger.heard().find("secret") != std::string::npos; }));
}

TEST_F(ManInTheMiddle, GetsNothingOutOfWhoDemandsScram) {
  for (const auto wants :
       {FakePostgres::Wants::clear_password, FakePostgres::Wants::md5_password, FakePostgres::Wants::nothing}) {
    const FakePostgres stranger(0, wants);
    const auto opened = pg::Connection::open(
        fmt::format("host=127.0.0.1 port={} user=me password=secret sslmode=require channel_binding=require",
                    stranger.port()),
        5s);
    ASSERT_FALSE(opened);
    EXPECT_TRUE(pg::is_less_safe(opened.error())) << opened.error().message;
    EXPECT_EQ(opened.error().code, Errc::denied);
    EXPECT_TRUE(eventually([&] { return stranger.asked("me") == 1; }));
    EXPECT_EQ(stranger.heard(), "");
  }
}

TEST_F(ManInTheMiddle, GetsNoPasswordInAMonitorsPlace) {
  autoctl::test::MonitorProcess monitor("scram-sha-256");
  ASSERT_NO_FATAL_FAILURE(monitor.create());
  monitor.start();
  ASSERT_TRUE(eventually([&] { return monitor.answers(); }, 30s));
  auto owner = pg::Connection::open(
      fmt::format("host={} port={} dbname=pg_auto_failover", monitor.files().directory, monitor.config().pgport), 5s);
  ASSERT_TRUE(ok(owner));
  ASSERT_TRUE(ok(owner->query("select autoctl.set_node_password('of-the-nodes')", 5s)));
  std::string uri = cli::monitor_uri(monitor.config());
  uri.insert(uri.find('@'), ":of-the-nodes");
  const auto found = client::discover(uri, {.timeout = Millis(10'000)});
  ASSERT_TRUE(ok(found));
  EXPECT_THAT(found->url, HasSubstr("https://localhost:"));

  owner = fail(Errc::unavailable, "closed");
  EXPECT_EQ(monitor.terminate(), 0);
  const FakePostgres stranger(monitor.config().pgport);
  const auto refused = client::discover(uri, {.timeout = Millis(10'000)});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::denied) << refused.error().message;
  EXPECT_TRUE(eventually([&] { return stranger.asked("autoctl_node") >= 1; }));
  EXPECT_EQ(stranger.heard(), "");
}

/// Where SCRAM over TLS is not what nodes are asked for, nobody may demand it.
class LessSafeFormation : public ManInTheMiddle, public testing::WithParamInterface<Access> {};

TEST_P(LessSafeFormation, StreamsAsBefore) {
  ASSERT_NO_FATAL_FAILURE(make_pair_with(GetParam()));
  EXPECT_THAT(two().sql("show primary_conninfo"), Not(HasSubstr("channel_binding")));
  EXPECT_EQ(one().sql("select ssl from pg_stat_ssl join pg_stat_replication using (pid)"), GetParam().tls ? "t" : "f");
}

INSTANTIATE_TEST_SUITE_P(ManInTheMiddle, LessSafeFormation,
                         testing::Values(Access{"trust", true}, Access{"md5", true}, Access{"password", true},
                                         Access{"scram-sha-256", false}),
                         [](const auto& test) {
                           std::string name = test.param.auth + std::string(test.param.tls ? "_tls" : "_plain");
                           std::ranges::replace(name, '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace autoctl::keeper::test
