// Machines with several addresses, addresses that are translated on the way, and addresses that lead nowhere from other
// machines.
#include <signal.h>

#include <algorithm>
#include <utility>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

constexpr int monitor = 0;
constexpr int first_node = 1;
constexpr int second_node = 2;
constexpr int third_node = 3;
constexpr Millis until_streaming{20'000};

class Addresses : public ClusterTest {
 protected:
  void SetUp() override {
    if (!may_make_networks()) GTEST_SKIP() << "this needs network namespaces: run ./scripts/test where they exist";
    ClusterTest::SetUp();
    auto network = Network::make(4);
    ASSERT_TRUE(ok(network));
    network_.emplace(std::move(*network));
  }
  Network& network() { return *network_; }
  /// Its Postgres lets in clients of its own network, and nodes by what is known of them.
  std::vector<lab::LocalCluster::Place> places(int nodes) const {
    std::vector<lab::LocalCluster::Place> places;
    for (int place = monitor; place <= nodes; ++place) places.push_back(network_->place(place));
    return places;
  }
  /// The nodes in `others` stream from `primary`, from these addresses.
  void expect_standbys(const lab::AutoctlDaemon& primary, const std::vector<std::string>& addresses) {
    std::vector<std::string> seen;
    EXPECT_TRUE(lab::eventually(until_streaming, [&] {
      seen = query(primary, "select host(client_addr) from pg_stat_replication where state = 'streaming' order by 1");
      return seen == addresses;
    })) << testing::PrintToString(seen);
  }
  void switch_over_to(const std::string& node) {
    const auto done =
        autoctl({"perform", "promotion", "--name", node, "--monitor", cluster().monitor_uri()}, Millis(60'000));
    ASSERT_EQ(done.exit_code, 0) << done.output;
    ASSERT_NO_FATAL_FAILURE(expect_settled());
    ASSERT_EQ(cluster().primary()->name(), node);
  }
  std::string hba_of(const lab::AutoctlDaemon& node) const {
    return shell("cat " + node.pgdata() + "/pg_hba.conf").output;
  }

 private:
  std::optional<Network> network_;
};

/// Of three nodes the second reaches the first from its other address, and the third the second.
TEST_F(Addresses, AStandbyComesFromTheOtherAddressOfItsMachine) {
  const auto second = network().add_address(second_node);
  const auto third = network().add_address(third_node);
  ASSERT_TRUE(ok(second));
  ASSERT_TRUE(ok(third));
  ASSERT_TRUE(ok(network().send_from(second_node, first_node, *second)));
  ASSERT_TRUE(ok(network().send_from(third_node, second_node, *third)));
  ASSERT_NO_FATAL_FAILURE(start_cluster(3, places(3)));
  ASSERT_EQ(cluster().primary()->name(), "node_1");
  expect_standbys(*cluster().find("node_1"), {"10.77.0.13", *second});

  // What is known of the others is in force at each of them before it becomes the primary.
  ASSERT_NO_FATAL_FAILURE(switch_over_to("node_2"));
  expect_standbys(*cluster().find("node_2"), {"10.77.0.11", *third});
  ASSERT_NO_FATAL_FAILURE(switch_over_to("node_3"));
  expect_standbys(*cluster().find("node_3"), {"10.77.0.11", "10.77.0.12"});

  // Nothing but these two addresses, each alone.
  EXPECT_NE(hba_of(*cluster().find("node_1")).find(*second + "/32"), std::string::npos);
  EXPECT_EQ(hba_of(*cluster().find("node_1")).find("10.78.0.0"), std::string::npos);
}

/// The way to the primary changes while the standby follows.
TEST_F(Addresses, ARouteChangesUnderAStandby) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, places(2)));
  const auto second = network().add_address(second_node);
  ASSERT_TRUE(ok(second));
  ASSERT_TRUE(ok(network().send_from(second_node, first_node, *second)));
  query(*cluster().find("node_1"), "select pg_terminate_backend(pid) from pg_stat_replication");
  expect_standbys(*cluster().find("node_1"), {*second});
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

/// No address of its machine is the one that the primary sees.
TEST_F(Addresses, TheStandbysAddressIsTranslatedOnTheWay) {
  const std::string outside = "10.79.0.1";
  ASSERT_TRUE(ok(network().translate(second_node, first_node, outside)));
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, places(2)));
  expect_standbys(*cluster().find("node_1"), {outside});
  const auto events = autoctl({"show", "events", "--count", "100", "--monitor", cluster().monitor_uri()});
  EXPECT_NE(events.output.find("sees it at " + outside), std::string::npos) << events.output;
  ASSERT_NO_FATAL_FAILURE(switch_over_to("node_2"));
  ASSERT_NO_FATAL_FAILURE(switch_over_to("node_1"));
  expect_standbys(*cluster().find("node_1"), {outside});
}

/// What the nodes have said of themselves outlives the monitor and their keepers.
TEST_F(Addresses, AMonitorThatStartsAgainKnowsThem) {
  const auto second = network().add_address(second_node);
  ASSERT_TRUE(ok(second));
  ASSERT_TRUE(ok(network().send_from(second_node, first_node, *second)));
  ASSERT_NO_FATAL_FAILURE(start_cluster(2, places(2)));
  lab::AutoctlDaemon& first = *cluster().find("node_1");
  lab::AutoctlDaemon& standby = *cluster().find("node_2");
  standby.signal_daemon(SIGKILL);  // its Postgres goes on
  ASSERT_TRUE(cluster().monitor().stop(Millis(20'000)));
  ASSERT_TRUE(ok(cluster().monitor().run()));
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] {
    const auto state = cluster().state();
    return state && std::ranges::any_of(state->nodes, [&](const auto& node) {
             return node.id == NodeId{1} && node.report_age_ms >= 0 && node.health == "healthy";
           });
  }));
  query(first, "select pg_terminate_backend(pid) from pg_stat_replication");
  expect_standbys(first, {*second});
  ASSERT_TRUE(ok(standby.run()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

/// Nodes are created on machines of their own, by what a user would type there.
class Loopback : public Addresses {
 protected:
  void SetUp() override {
    Addresses::SetUp();
    if (IsSkipped() || HasFatalFailure()) return;
    ASSERT_TRUE(ok(cluster().create_monitor(network().place(monitor))));
  }
  Finished at(const std::vector<std::string>& launcher, const std::vector<std::string>& words) {
    Command command;
    command.argv = launcher;
    command.argv.push_back(autoctl_under_test());
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    auto finished = autoctl::run(command, Millis(90'000));
    EXPECT_TRUE(ok(finished));
    return finished ? std::move(*finished) : Finished{};
  }
  std::string pgdata() const { return directory() + "/one"; }
  std::vector<std::string> create(const std::vector<std::string>& more) {
    std::vector<std::string> words = {"create",
                                      "postgres",
                                      "--pgdata",
                                      pgdata(),
                                      "--pgport",
                                      "6001",
                                      "--no-ssl",
                                      "--auth",
                                      "trust",
                                      "--monitor",
                                      cluster().monitor_uri()};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  void expect_refused(const std::string& hostname, int exit_code, const std::string& words) {
    const auto done = at(network().place(first_node).launcher, create({"--hostname", hostname}));
    EXPECT_EQ(done.exit_code, exit_code) << done.output;
    EXPECT_NE(done.output.find(words), std::string::npos) << done.output;
    EXPECT_NE(shell("ls -d " + pgdata() + " " + pgdata() + ".autoctl").exit_code, 0) << "something was left";
  }
  Finished set_hostname(const lab::AutoctlDaemon& node, const lab::LocalCluster::Place& place,
                        const std::string& hostname) {
    return at(place.launcher, {"set", "node", "metadata", "--hostname", hostname, "--pgdata", node.pgdata()});
  }
};

TEST_F(Loopback, IsRefusedWhereTheMonitorIsOnAnotherMachine) {
  for (const char* hostname : {"127.0.0.1", "127.0.1.1", "localhost", "::1"})
    ASSERT_NO_FATAL_FAILURE(expect_refused(hostname, 4, "--hostname 10.77.0.11"));
  ASSERT_NO_FATAL_FAILURE(expect_refused("0.0.0.0", 2, "to listen on"));
  ASSERT_NO_FATAL_FAILURE(expect_refused("no-such-host.invalid", 4, "does not resolve"));
  const auto state = cluster().state();
  ASSERT_TRUE(ok(state));
  EXPECT_TRUE(state->nodes.empty());
}

/// The first node is beside the monitor, and nothing is wrong with 127.0.0.1 until another one is elsewhere.
TEST_F(Loopback, IsRefusedWhereAnotherNodeIsOnAnotherMachine) {
  auto beside = network().place(monitor);
  const std::string address = std::exchange(beside.host, "127.0.0.1");
  beside.pgport += 100;
  ASSERT_TRUE(ok(cluster().create_node("node_1", beside)));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  lab::AutoctlDaemon& first = *cluster().find("node_1");
  ASSERT_NO_FATAL_FAILURE(expect_refused("10.77.0.11", 4, "node_1 is registered as 127.0.0.1"));

  const auto moved = set_hostname(first, beside, address);
  ASSERT_EQ(moved.exit_code, 0) << moved.output;
  ASSERT_TRUE(ok(cluster().create_node("node_2", network().place(second_node))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  lab::AutoctlDaemon& second = *cluster().find("node_2");

  const auto back = set_hostname(first, beside, "127.0.0.1");
  EXPECT_EQ(back.exit_code, 4) << back.output;
  EXPECT_NE(back.output.find("node_2 (10.77.0.12) is on another machine"), std::string::npos) << back.output;
  const auto other = set_hostname(second, network().place(second_node), "localhost");
  EXPECT_EQ(other.exit_code, 4) << other.output;
  EXPECT_NE(other.output.find("the monitor is on another machine"), std::string::npos) << other.output;

  // Past the checks: the others go on with what leads there.
  ASSERT_EQ(autoctl({"config", "set", "autoctl.hostname", "127.0.0.1", "--pgdata", second.pgdata()}).exit_code, 0);
  second.signal_daemon(SIGHUP);
  EXPECT_TRUE(lab::eventually(Millis(20'000), [&] {
    return at(network().place(monitor).launcher, {"show", "events", "--monitor", cluster().monitor_uri()})
               .output.find("node_2 stays 10.77.0.12 for the others") != std::string::npos;
  }));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const auto beside_too = at(network().place(monitor).launcher, create({"--hostname", "127.0.0.1"}));
  EXPECT_EQ(beside_too.exit_code, 4) << beside_too.output;
  EXPECT_NE(beside_too.output.find("node_2 (10.77.0.12) is on another machine"), std::string::npos)
      << beside_too.output;
}

/// Debian's /etc/hosts gives the machine's own name that address.
TEST_F(Loopback, AMachineThatKnowsItselfAs127011TakesTheAddressThatLeadsToTheMonitor) {
  ASSERT_TRUE(shell("printf '127.0.0.1 localhost\\n127.0.1.1 db1.example db1\\n' > hosts").ok());
  auto launcher = network().place(first_node).launcher;
  for (const char* word : {"/usr/bin/unshare", "--mount", "--uts", "/bin/sh", "-c",
                           "hostname db1 && mount --bind \"$0\" /etc/hosts && exec \"$@\""})
    launcher.emplace_back(word);
  launcher.push_back(directory() + "/hosts");
  const auto named = at(launcher, create({"--hostname", "127.0.1.1"}));
  EXPECT_EQ(named.exit_code, 4) << named.output;
  const auto created = at(launcher, create({}));
  ASSERT_EQ(created.exit_code, 0) << created.output;
  EXPECT_EQ(autoctl({"config", "get", "autoctl.hostname", "--pgdata", pgdata()}).output, "10.77.0.11\n");
}

}  // namespace
}  // namespace autoctl::test
