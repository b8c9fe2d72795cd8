// restart_holds_clients: after a crash there are commits that Postgres has flushed and that no standby has. No client
// was promised them, and none reads them before a standby has them, too.
#include <signal.h>

#include <algorithm>

#include "common/pg/connection.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

class HeldClients : public ClusterTest {
 protected:
  static std::string address(const lab::AutoctlDaemon& node) {
    return lab::conninfo({{node.host(), node.pgport()}}, "postgres", "any");
  }
  /// As a client sees it: the rows of table t, or why there is no answer.
  static std::string rows_seen(const lab::AutoctlDaemon& node) {
    auto client = pg::Connection::open(address(node), Millis(2'000));
    if (!client) return client.error().message;
    const auto rows = client->query("select count(*) from t", Millis(2'000));
    return rows ? rows->text(0, 0) : rows.error().message;
  }
  /// The standby gets nothing any more, though its connection lives; a row is written that no client is promised.
  void leave_a_commit_in_doubt(const lab::AutoctlDaemon& primary, const lab::AutoctlDaemon& standby) {
    query(primary, "create table t (n int)");
    const auto receiver = query(standby, "select pid from pg_stat_wal_receiver");
    ASSERT_EQ(receiver.size(), 1U);
    receiver_ = std::stoi(receiver.front());
    ASSERT_EQ(::kill(receiver_, SIGSTOP), 0);
    auto client = pg::Connection::open(address(primary), Millis(2'000));
    ASSERT_TRUE(ok(client));
    const auto inserted = client->query("insert into t values (1)", Millis(500));
    ASSERT_FALSE(inserted) << "it waits for the standby";
  }
  void thaw_receiver() const { ASSERT_EQ(::kill(receiver_, SIGCONT), 0); }

  pid_t receiver_ = 0;
};

TEST_F(HeldClients, SeeACommitThatWasInDoubtOnlyWhenAStandbyHasIt) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "restart-holds-clients", "true"}));
  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "standby-stall-timeout", "60000"}));
  lab::AutoctlDaemon& node = primary();
  lab::AutoctlDaemon& other = standby();
  ASSERT_TRUE(lab::eventually(Millis(10'000), [&] {
    return query(node, "select setting from pg_settings where name = 'restart_after_crash'").front() == "off";
  })) << "its keeper is to start it again";
  ASSERT_NO_FATAL_FAILURE(leave_a_commit_in_doubt(node, other));
  node.signal_postmaster(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
    return rows_seen(node).find("pg_hba.conf rejects connection") != std::string::npos;
  })) << rows_seen(node);
  EXPECT_TRUE(lab::eventually(Millis(5'000), [&] {
    const auto state = cluster().state();
    return state && std::ranges::any_of(state->nodes, [](const auto& n) {
             return n.trouble.find("clients are held off") != std::string::npos;
           });
  }));
  ASSERT_NE(rows_seen(node), "1") << "nobody reads what may vanish";
  thaw_receiver();
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return rows_seen(node) == "1"; })) << rows_seen(node);
  EXPECT_TRUE(lab::eventually(Millis(5'000), [&] { return rows_seen(other) == "1"; })) << "the standby has it, too";
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_EQ(&primary(), &node);
}

/// A standby that does not come is given up as ever, and the primary goes on alone.
TEST_F(HeldClients, DoNotWaitForAStandbyThatIsGone) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  ASSERT_NO_FATAL_FAILURE(say({"set", "formation", "restart-holds-clients", "true"}));
  lab::AutoctlDaemon& node = primary();
  lab::AutoctlDaemon& other = standby();
  query(node, "create table t (n int)");
  other.signal_node(SIGKILL);
  node.signal_postmaster(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(30'000), [&] { return rows_seen(node) == "0"; })) << rows_seen(node);
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

}  // namespace
}  // namespace autoctl::test
