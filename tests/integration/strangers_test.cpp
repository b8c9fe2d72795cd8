// Who is who at a Postgres port: what a keeper finds out about its own Postgres, and about its upstream.
#include <gmock/gmock.h>

#include "common/postgres/port_probe.h"
#include "common/tls/certificate.h"
#include "keeper/agent/own_certificates.h"
#include "postgres_node.h"
#include "tests/support/stranger.h"

namespace autoctl::keeper::test {
namespace {

using autoctl::test::Manners;
using autoctl::test::Stranger;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class Strangers : public PostgresTest {
 protected:
  static Fingerprint in_file(const std::string& file) {
    return *Fingerprint::parse(tls::inspect_certificate(config::read_file(file).value()).value().sha256);
  }
  static void serve_tls(Node& node) {
    node.config.ssl.enabled = true;
    node.config.ssl.server_cert = node.files.certificate();
    node.config.ssl.server_key = node.files.key();
    std::filesystem::create_directory(node.files.directory);
    ASSERT_TRUE(ok(tls::write_self_signed(node.files.certificate(), node.files.key(), {"127.0.0.1"})));
    ASSERT_TRUE(ok(config::save(node.files, node.config)));
    node.open();
  }
  static PortState probe(const Node& node, const std::vector<Fingerprint>& certificates) {
    return postgres::probe_postgres("127.0.0.1", node.config.pgport, 2s, certificates);
  }
};

TEST_F(Strangers, AKeeperKnowsWhatItsPostgresShowsThroughEveryChange) {
  Node& one = node(1);
  ASSERT_NO_FATAL_FAILURE(serve_tls(one));
  ASSERT_NO_FATAL_FAILURE(one.make_primary());
  Board board({.node = one.id, .pgdata = one.config.pgdata}, {});
  const auto of_postgres = [&] {
    return board.next_report(false).certificates.value_or(protocol::ShownCertificates{}).postgres;
  };
  {
    LiveConfig live(one.config);
    const CertificateWatch watch(board, live, one.files);
    const Fingerprint first = in_file(one.files.certificate());
    ASSERT_TRUE(eventually([&] { return of_postgres() == std::vector{first}; }));
    EXPECT_THAT(board.next_report(false).certificates->keeper, ElementsAre(first)) << "this one shows the same";
    EXPECT_EQ(probe(one, of_postgres()), PortState::open);

    // Replaced, and in force only later: known by both from now on, whatever happens.
    ASSERT_TRUE(ok(tls::write_self_signed(one.files.certificate(), one.files.key(), {"127.0.0.1"})));
    const Fingerprint second = in_file(one.files.certificate());
    ASSERT_TRUE(eventually([&] { return of_postgres() == std::vector{first, second}; }));
    EXPECT_EQ(probe(one, {second}), PortState::stranger) << "not read yet";
    const auto both = of_postgres();
    ASSERT_TRUE(ok(one.postgres->reload()));
    EXPECT_TRUE(eventually([&] { return probe(one, {second}) == PortState::open; }));
    EXPECT_EQ(probe(one, both), PortState::open);
    EXPECT_EQ(probe(one, {first}), PortState::stranger);
    EXPECT_TRUE(eventually([&] { return of_postgres() == std::vector{second}; }));

    // Without TLS there is nothing to be known by.
    one.config.ssl.enabled = false;
    one.postgres->change_config(one.config);
    ASSERT_TRUE(ok(one.postgres->configure({})));
    ASSERT_TRUE(ok(one.postgres->reload()));
    EXPECT_TRUE(eventually([&] { return of_postgres().empty(); }));
    EXPECT_TRUE(board.next_report(false).certificates) << "that is known, too";
    board.stop();
  }
  for (const char* complaint : {"SSL", "startup packet", "reset by peer"})
    EXPECT_THAT(one.log(), Not(HasSubstr(complaint))) << "who only looks says goodbye";
}

/// A standby's keeper logs in where no certificate tells who answers.
TEST_F(Strangers, AKeeperKnowsItsUpstreamWithoutACertificate) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  Node &one = *nodes[0], &two = *nodes[1];
  Node& foreign = node(3);
  ASSERT_NO_FATAL_FAILURE(foreign.make_primary({two.peer()}));
  const SystemId own = two.seen().system_id;
  ASSERT_TRUE(own);
  Instance& keeper = *two.postgres;
  EXPECT_EQ(keeper.probe_upstream(one.peer(), own), PortState::open);
  EXPECT_EQ(keeper.probe_upstream(foreign.peer(), own), PortState::stranger);
  EXPECT_EQ(keeper.probe_upstream(foreign.peer(), {}), PortState::open) << "nothing to tell it by";

  const auto at = [&](int port) {
    protocol::Peer peer = one.peer();
    peer.port = port;
    return peer;
  };
  const Stranger closes({.answer = "N"}), resets({.answer = "N", .then = Manners::Then::resets});
  const Stranger stays({.answer = "N", .then = Manners::Then::stays});
  EXPECT_EQ(keeper.probe_upstream(at(closes.port()), own), PortState::stranger);
  EXPECT_EQ(keeper.probe_upstream(at(resets.port()), own), PortState::stranger);
  EXPECT_EQ(keeper.probe_upstream(at(stays.port()), own), PortState::silent) << "a Postgres may be slow";
  const auto begin = Clock::now();
  EXPECT_TRUE(eventually([&] { return keeper.probe_upstream(at(stays.port()), own) == PortState::stranger; }));
  EXPECT_LT(Clock::now() - begin, 2s);
  EXPECT_EQ(keeper.probe_upstream(one.peer(), own), PortState::open);
  EXPECT_EQ(keeper.probe_upstream(at(stays.port()), own), PortState::silent) << "it begins anew";
  EXPECT_EQ(keeper.probe_upstream(at(autoctl::test::free_port()), own), PortState::refused);

  // It says in its own words why it lets nobody in: it lives.
  ASSERT_TRUE(ok(one.postgres->configure({})));
  ASSERT_TRUE(ok(one.postgres->reload()));
  EXPECT_TRUE(eventually([&] { return keeper.probe_upstream(one.peer(), own) == PortState::open; }));
  one.sql("alter role autoctl_standby_2 nologin");
  EXPECT_EQ(keeper.probe_upstream(one.peer(), own), PortState::open);

  protocol::Peer known = one.peer();
  known.certificates = {Fingerprint{}};
  EXPECT_EQ(keeper.probe_upstream(known, own), PortState::stranger) << "it should have one, and has none";
}

}  // namespace
}  // namespace autoctl::keeper::test
