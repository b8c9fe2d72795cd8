// How the nodes log in to each other is changed while clients write.
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr Millis patience{20'000};

class AuthChange : public ClusterTest {
 protected:
  void change(const lab::AutoctlDaemon& node, const std::string& auth) {
    const auto set = autoctl({"config", "set", "postgresql.auth", auth, "--pgdata", node.pgdata()});
    ASSERT_TRUE(set.ok()) << set.output;
    const auto reloaded = autoctl({"reload", "--pgdata", node.pgdata()});
    ASSERT_TRUE(reloaded.ok()) << reloaded.output;
  }
  /// The standby goes, or does not go, to a primary only that lets it in by SCRAM over TLS; and it streams.
  void expect_demand(bool is) {
    const std::string sql =
        "select count(*) from pg_stat_wal_receiver where status = 'streaming' and "
        "(current_setting('primary_conninfo') like '%channel_binding=require%') = " +
        std::string(is ? "true" : "false");
    EXPECT_TRUE(lab::eventually(patience, [&] { return query(standby(), sql).at(0) == "1"; }))
        << query(standby(), "show primary_conninfo").at(0);
  }
};

TEST_F(AuthChange, ToScramAndBackUnderAWriter) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_NO_FATAL_FAILURE(expect_demand(false));
  ASSERT_NO_FATAL_FAILURE(change(primary(), "scram-sha-256"));
  ASSERT_NO_FATAL_FAILURE(change(standby(), "scram-sha-256"));
  ASSERT_NO_FATAL_FAILURE(expect_demand(true));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(load.progresses(20, patience));
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_NO_FATAL_FAILURE(expect_demand(true));

  ASSERT_NO_FATAL_FAILURE(change(standby(), "trust"));
  ASSERT_NO_FATAL_FAILURE(expect_demand(false));
  ASSERT_NO_FATAL_FAILURE(change(primary(), "trust"));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(load.progresses(20, patience));
  load.stop();
  load.verify();
}

/// In the wrong order: the standby says why it does not stream, and does when the primary has followed.
TEST_F(AuthChange, AStandbyThatDemandsMoreThanItsPrimarySaysSo) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2));
  lab::AutoctlDaemon& first = primary();
  ASSERT_NO_FATAL_FAILURE(change(standby(), "scram-sha-256"));
  EXPECT_TRUE(is_said({"show", "events", "--count", "100"}, "channel binding"));
  ASSERT_NO_FATAL_FAILURE(change(first, "scram-sha-256"));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(&primary(), &first);
  ASSERT_NO_FATAL_FAILURE(expect_demand(true));
}

}  // namespace
}  // namespace autoctl::test
