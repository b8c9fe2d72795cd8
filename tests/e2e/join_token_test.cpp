// Nodes join by a token, or by a URI with a password: nothing of either is left, and neither is an operator's credential.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <filesystem>

#include "common/config/files.h"
#include "common/pg/connection.h"
#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr int denied = 7;  // docs/exit-codes.md

class Join : public ClusterTest {
 protected:
  void start_monitor() { ASSERT_TRUE(ok(cluster().create_monitor({.auth = "scram-sha-256"}))); }

  std::string monitor_url() {
    return fmt::format("https://{}:{}", cluster().monitor().host(), cluster().monitor().api_port());
  }
  /// The printed form, and a file that has it.
  std::string make_token(int nodes) {
    const auto made = at_monitor({"-q", "token", "create", "--nodes", std::to_string(nodes)});
    EXPECT_TRUE(made.ok()) << made.output;
    EXPECT_TRUE(ok(config::write_file(token_file(), made.output)));
    return made.output.substr(0, made.output.find('\n'));
  }
  std::string token_file() const { return directory() + "/join-token"; }
  lab::LocalCluster::Place place(std::vector<std::string> words) {
    return {.auth = "scram-sha-256", .words = std::move(words), .monitor = monitor_url()};
  }
  static std::string command_line(pid_t pid) {
    return config::read_file("/proc/" + std::to_string(pid) + "/cmdline").value_or("");
  }
  /// Nowhere in what the node has written, nor in the list of processes.
  void expect_forgotten(const lab::AutoctlDaemon& node, const std::string& secret) {
    EXPECT_THAT(command_line(node.pid()), HasSubstr(node.name()));
    EXPECT_THAT(command_line(node.pid()), Not(HasSubstr(secret)));
    const auto found =
        shell("grep -rlF -e '" + secret + "' '" + node.files().directory + "' '" + node.log_file() + "'");
    EXPECT_EQ(found.output, "");
  }
};

TEST_F(Join, ByATokenThatIsAllTheyNeed) {
  ASSERT_NO_FATAL_FAILURE(start_monitor());
  const std::string token = make_token(2);
  const std::string secret = token.substr(token.find('.') + 1, 43);
  ASSERT_TRUE(ok(cluster().create_node("node_1", place({"-vv", "--join-token-file", token_file()}))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_TRUE(ok(cluster().create_node("node_2", place({"-vv", "--join-token", token}))));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  for (const auto& node : cluster().nodes()) expect_forgotten(*node, secret);
  EXPECT_TRUE(is_said({"show", "events", "--count", "100"}, "node_2 is registered with join token 1"));
  EXPECT_TRUE(is_said({"token", "list"}, "used up"));

  const std::string third = directory() + "/third";
  const auto refused =
      autoctl({"create", "postgres", "--auth", "scram-sha-256", "--ssl-self-signed", "--pgdata", third, "--pgport",
               "7890", "--hostname", "127.0.0.1", "--monitor", monitor_url(), "--join-token-file", token_file()});
  EXPECT_EQ(refused.exit_code, denied) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("join token 1 is used up"));
  EXPECT_THAT(refused.output, Not(HasSubstr(secret)));
  EXPECT_FALSE(std::filesystem::exists(third));
  EXPECT_FALSE(std::filesystem::exists(third + ".autoctl"));

  ASSERT_NO_FATAL_FAILURE(say({"perform", "switchover"}));
  const auto by_a_node = autoctl({"perform", "switchover", "--pgdata", primary().pgdata()});
  EXPECT_EQ(by_a_node.exit_code, denied) << by_a_node.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

TEST_F(Join, ByAUriWhosePasswordIsNotKept) {
  ASSERT_NO_FATAL_FAILURE(start_monitor());
  const lab::AutoctlDaemon& monitor = cluster().monitor();
  {
    auto owner = pg::Connection::open(
        fmt::format("host={} port={} dbname=pg_auto_failover", monitor.files().directory, monitor.pgport()),
        Millis(10'000));
    ASSERT_TRUE(ok(owner));
    ASSERT_TRUE(ok(owner->script("SELECT autoctl.set_node_password('TOPSECRET')", Millis(10'000))));
  }
  const std::string uri = fmt::format("postgres://autoctl_node:TOPSECRET@{}:{}/pg_auto_failover?sslmode=require",
                                      monitor.host(), monitor.pgport());
  auto by_uri = place({"-vv"});
  by_uri.monitor = uri;
  ASSERT_TRUE(ok(cluster().create_node("node_1", by_uri)));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const lab::AutoctlDaemon& node = *cluster().find("node_1");
  expect_forgotten(node, "TOPSECRET");

  const auto create_again = [&](const std::string& to) {
    return autoctl({"create", "postgres", "--auth", "scram-sha-256", "--ssl-self-signed", "--pgdata", node.pgdata(),
                    "--pgport", std::to_string(node.pgport()), "--hostname", node.host(), "--monitor", to});
  };
  const auto again = create_again(uri);
  EXPECT_TRUE(again.ok()) << again.output;
  const auto other = create_again("postgres://autoctl_node:TOPSECRET@localhost:1/pg_auto_failover");
  EXPECT_FALSE(other.ok());
  EXPECT_THAT(again.output + other.output, Not(HasSubstr("TOPSECRET")));

  const auto shown = autoctl({"show", "state", "--monitor", uri});
  EXPECT_TRUE(shown.ok()) << shown.output;
  EXPECT_THAT(shown.output, HasSubstr("node_1"));
  const auto operated = autoctl({"pause", "--monitor", uri});
  EXPECT_EQ(operated.exit_code, denied) << operated.output;
  EXPECT_THAT(operated.output, HasSubstr("--token-file"));
  const auto at_home =
      autoctl({"set", "formation", "heartbeat", "900", "--monitor", uri, "--pgdata", monitor.pgdata()});
  EXPECT_TRUE(at_home.ok()) << at_home.output;

  const auto alone = autoctl({"disable", "monitor", "--pgdata", node.pgdata()});
  EXPECT_FALSE(alone.ok()) << "a primary needs an operator for that";
  EXPECT_THAT(alone.output, HasSubstr("--token-file"));
  const auto left = autoctl({"disable", "monitor", "--pgdata", node.pgdata(), "--token-file", monitor.files().token()});
  ASSERT_TRUE(left.ok()) << left.output;
  const auto enabled = autoctl({"enable", "monitor", uri, "--pgdata", node.pgdata()});
  EXPECT_TRUE(enabled.ok()) << enabled.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  expect_forgotten(node, "TOPSECRET");
}

}  // namespace
}  // namespace autoctl::test
