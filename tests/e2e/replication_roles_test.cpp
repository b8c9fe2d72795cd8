// A standby proves who it is: another node's credentials acknowledge no commit in its name, open nothing of its, and
// each node's password is replaced while it works.
#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "common/config/files.h"
#include "common/postgres/tools.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr Millis patience{30'000};

std::string role_of(const lab::AutoctlDaemon& node) {
  return "autoctl_standby_" + node.name().substr(std::string("node_").size());
}

class ReplicationRoles : public ClusterTest {
 protected:
  void start(int nodes) {
    std::vector<lab::LocalCluster::Place> places(static_cast<std::size_t>(nodes) + 1);
    for (int i = 1; i <= nodes; ++i) places[static_cast<std::size_t>(i)].auth = "scram-sha-256";
    ASSERT_NO_FATAL_FAILURE(start_cluster(nodes, places));
    for (const auto& node : cluster().nodes()) let_clients_in(*node);
  }
  /// They have no password. The lines for the nodes' roles come first: their keepers put them back.
  static void let_clients_in(const lab::AutoctlDaemon& node) {
    const std::string file = node.pgdata() + "/pg_hba.conf";
    ASSERT_TRUE(
        ok(config::write_file(file, "local all all trust\nhost all \"" + postgres::os_user() + "\" all trust\n")));
    ASSERT_TRUE(lab::eventually(
        patience, [&] { return config::read_file(file).value_or("").find("autoctl_standby_") != std::string::npos; }));
    node.signal_postmaster(SIGHUP);
  }
  /// In a node's role, with the passwords that some node has, over TLS.
  static std::string conninfo(const lab::AutoctlDaemon& server, const std::string& role, const std::string& passfile) {
    return fmt::format("host=127.0.0.1 port={} user={} passfile={} sslmode=require", server.pgport(), role, passfile);
  }
  static bool opens(const lab::AutoctlDaemon& server, const std::string& role, const std::string& passfile) {
    return pg::Connection::open(conninfo(server, role, passfile) + " dbname=postgres", Millis(5'000)).has_value();
  }
  /// The same for the role that is given, whatever the file calls it.
  std::string stolen(const lab::AutoctlDaemon& node, const std::string& role) const {
    const std::string text = config::read_file(node.files().pgpass()).value_or(""), own = ":" + role_of(node) + ":";
    const auto at = text.find(own);
    const std::string file = directory() + "/stolen-" + role;
    EXPECT_NE(at, std::string::npos) << node.name();
    const auto begin = at + own.size();
    EXPECT_TRUE(ok(
        config::write_file(file, "*:*:*:" + role + ":" + text.substr(begin, text.find('\n', begin) - begin) + "\n")));
    return file;
  }
  static std::string password_file(const lab::AutoctlDaemon& node) {
    return config::read_file(node.files().pgpass()).value_or("");
  }
};

TEST_F(ReplicationRoles, AnotherNodesCredentialsAcknowledgeNothing) {
  ASSERT_NO_FATAL_FAILURE(start(3));
  lab::AutoctlDaemon& old = primary();
  std::vector<lab::AutoctlDaemon*> standbys;
  for (const auto& node : cluster().nodes())
    if (node.get() != &old) standbys.push_back(node.get());
  lab::AutoctlDaemon &victim = *standbys.at(0), &attacker = *standbys.at(1);
  EXPECT_TRUE(opens(old, role_of(attacker), attacker.files().pgpass()));
  EXPECT_FALSE(opens(old, role_of(victim), stolen(attacker, role_of(victim))));
  EXPECT_FALSE(opens(old, "pgautofailover_replicator", attacker.files().pgpass()));

  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, patience));
  std::atomic<bool> over = false;
  const auto tools = postgres::find_tools("");
  ASSERT_TRUE(ok(tools));
  const std::string copy = attacker.files().directory + "/pgpass.stolen", where = directory() + "/wal";
  ASSERT_TRUE(ok(config::write_file(copy, password_file(attacker))));
  std::filesystem::create_directory(where);
  std::thread attack([&] {
    while (!over)
      static_cast<void>(
          run(postgres::tool_command(*tools, "pg_receivewal",
                                     {"--synchronous", "--no-loop", "-D", where, "-d",
                                      conninfo(old, role_of(attacker), copy) + " application_name=" + role_of(victim)}),
              Millis(60'000), [&] { return over.load(); }));
  });
  const std::string words = "replicated as " + role_of(attacker) + " in the name of " + role_of(victim);
  EXPECT_TRUE(is_said({"show", "events", "--count", "100"}, words));
  EXPECT_NE(old.log_tail(400).find(role_of(victim) + ", of role " + role_of(attacker)), std::string::npos);
  EXPECT_TRUE(load.progresses(50, patience));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  old.signal_node(SIGKILL);
  EXPECT_TRUE(load.progresses(50, patience));
  over = true;
  attack.join();
  EXPECT_NE(cluster().primary(), &old);
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
}

TEST_F(ReplicationRoles, APasswordIsReplacedWithoutALostConnection) {
  ASSERT_NO_FATAL_FAILURE(start(2));
  lab::AutoctlDaemon& node = standby();
  const std::string sender = "select pid from pg_stat_replication where application_name = '" + role_of(node) + "'";
  const std::string before = query(primary(), sender).at(0);
  const std::string former = stolen(node, role_of(node));
  ASSERT_TRUE(opens(primary(), role_of(node), former));
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  const Finished rotated = autoctl({"rotate", "password", "--pgdata", node.pgdata()});
  EXPECT_TRUE(rotated.ok()) << rotated.output;
  EXPECT_TRUE(opens(primary(), role_of(node), node.files().pgpass()));
  EXPECT_FALSE(opens(primary(), role_of(node), former));
  EXPECT_EQ(query(primary(), sender).at(0), before) << "it streams on";

  std::vector<std::string> files;
  for (const auto& each : cluster().nodes()) files.push_back(password_file(*each));
  ASSERT_NO_FATAL_FAILURE(say({"rotate", "password", "--formation", "default"}));
  EXPECT_TRUE(lab::eventually(patience, [&] {
    for (std::size_t i = 0; i < files.size(); ++i)
      if (password_file(*cluster().nodes()[i]) == files[i]) return false;
    return true;
  }));
  EXPECT_EQ(query(primary(), sender).at(0), before);
  EXPECT_TRUE(is_said({"show", "events", "--count", "100"}, "it has a new replication password"));
  // What has new passwords changes places with them.
  ASSERT_TRUE(ok(cluster().switchover(patience)));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(load.progresses(50, patience));
  load.stop();
  load.verify();
}

TEST_F(ReplicationRoles, ADroppedNodesPasswordOpensNothing) {
  ASSERT_NO_FATAL_FAILURE(start(2));
  lab::AutoctlDaemon& node = standby();
  const std::string former = stolen(node, role_of(node));
  ASSERT_TRUE(opens(primary(), role_of(node), former));
  ASSERT_NO_FATAL_FAILURE(say({"drop", "node", "--name", node.name()}));
  EXPECT_TRUE(lab::eventually(patience, [&] { return !opens(primary(), role_of(node), former); }));
  EXPECT_EQ(query(primary(), "select count(*) from pg_roles where rolname = '" + role_of(node) + "'").at(0), "0");
}

}  // namespace
}  // namespace autoctl::test
