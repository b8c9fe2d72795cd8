// A primary dies with its keeper, and somebody else answers at its address: a reused address, another program on its port.
#include "tests/support/stranger.h"

#include <signal.h>

#include <iostream>

#include "common/config/files.h"
#include "common/tls/certificate.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class StrangerAtThePrimary : public ClusterTest {
 protected:
  using Then = Manners::Then;

  /// Its keeper's look at the primary will know it by that.
  bool standby_knows_the_primary() {
    const config::Files there(primary().pgdata()), here(standby().pgdata());
    const auto certificate = config::read_file(there.certificate());
    const auto info = certificate ? tls::inspect_certificate(*certificate) : fail(certificate.error());
    return info && eventually([&] {
             return config::read_file(here.state()).value_or("").find(info->sha256) != std::string::npos;
           });
  }
  /// The primary dies, `at_postgres` takes its port and `at_keeper` that of its keeper, and writes go on elsewhere within
  /// `patience`, as a client of the other node sees it: libpq asks no second server where the first one breaks off. The
  /// monitor is frozen for a moment: it shall find nobody but the strangers.
  void replace_primary(const Manners& at_postgres, const std::optional<Manners>& at_keeper, Millis patience) {
    Load load(cluster());
    ASSERT_NO_FATAL_FAILURE(load.start());
    ASSERT_TRUE(load.progresses(50, Millis(10'000)));
    lab::AutoctlDaemon &victim = primary(), &other = standby();
    const int port = victim.pgport();
    const auto begin = std::chrono::steady_clock::now();
    cluster().monitor().signal_daemon(SIGSTOP);
    victim.signal_node(SIGKILL);
    {
      const Stranger postgres(at_postgres, port);
      std::optional<Stranger> keeper;
      if (at_keeper) keeper.emplace(*at_keeper, victim.api_port());
      cluster().monitor().signal_daemon(SIGCONT);
      ASSERT_EQ(postgres.port(), port);
      ASSERT_TRUE(!keeper || keeper->port() == victim.api_port());
      ASSERT_TRUE(eventually([&] { return load.acknowledged_by(other, begin) > 0; }));
      const auto outage = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - begin);
      std::cout << "writes elsewhere after " << outage.count() << " ms\n";
      EXPECT_LT(outage, patience);
      EXPECT_GT(postgres.connections(), 0) << "nobody has met it";
    }
    ASSERT_TRUE(ok(cluster().heal()));
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    EXPECT_EQ(&primary(), &other);
    EXPECT_TRUE(load.progresses(20, Millis(10'000)));
    load.stop();
    load.verify();
  }
  const tls::KeyPair foreign_ = tls::make_self_signed({"127.0.0.1"}).value();
};

TEST_F(StrangerAtThePrimary, WithoutTlsIsNone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  ASSERT_TRUE(standby_knows_the_primary());
  replace_primary({.answer = "N"}, std::nullopt, Millis(1'500));
}

TEST_F(StrangerAtThePrimary, WithAnotherCertificateIsNone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  ASSERT_TRUE(standby_knows_the_primary());
  replace_primary({.answer = "S", .pair = &foreign_}, std::nullopt, Millis(1'500));
}

TEST_F(StrangerAtThePrimary, AtItsKeepersPortIsNone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  ASSERT_TRUE(standby_knows_the_primary());
  replace_primary({.answer = "N"}, Manners{.waits_for_request = false, .pair = &foreign_}, Millis(1'500));
}

/// Nothing but a session tells who answers.
TEST_F(StrangerAtThePrimary, OfAFormationWithoutTlsIsNone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, {{}, {.tls = false}, {.tls = false}}));
  ASSERT_EQ(query(primary(), "show ssl"), std::vector<std::string>{"off"});
  replace_primary({.answer = "N"}, std::nullopt, Millis(2'500));
}

}  // namespace
}  // namespace autoctl::test
