// A formation without standbys takes one node for each group, whatever becomes of its monitor, until they are enabled.
#include <filesystem>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

constexpr int refused = 4;  // docs/exit-codes.md: conflict

class Secondary : public ClusterTest {
 protected:
  bool is_set(const std::string& value) {
    return at_monitor({"get", "formation", "settings", "--json"})
               .output.find("\"setting\": \"secondaries\",\n            \"value\": \"" + value + "\"") !=
           std::string::npos;
  }
  /// Before anything is made of it.
  void expect_second_node_is_refused() {
    const auto free = lab::find_free_ports(17'000, 1);
    ASSERT_TRUE(ok(free));
    const std::string pgdata = directory() + "/not_to_be";
    const auto done = autoctl({"create", "postgres", "--pgdata", pgdata, "--pgport", std::to_string(*free), "--auth",
                               "trust", "--no-ssl", "--hostname", "127.0.0.1", "--monitor", cluster().monitor_uri()});
    EXPECT_EQ(done.exit_code, refused) << done.output;
    EXPECT_NE(done.output.find("secondaries are disabled"), std::string::npos) << done.output;
    EXPECT_NE(done.output.find("autoctl enable secondary"), std::string::npos) << done.output;
    EXPECT_FALSE(std::filesystem::exists(pgdata));
  }
};

TEST_F(Secondary, StaysDisabledUnderEveryMonitorUntilItIsEnabled) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(1));
  EXPECT_TRUE(is_set("true")) << at_monitor({"get", "formation", "settings", "--json"}).output;
  ASSERT_NO_FATAL_FAILURE(say({"disable", "secondary"}));
  EXPECT_TRUE(is_set("false"));
  ASSERT_NO_FATAL_FAILURE(expect_second_node_is_refused());

  ASSERT_TRUE(cluster().monitor().stop(Millis(20'000)));
  ASSERT_TRUE(ok(cluster().monitor().run()));
  ASSERT_TRUE(lab::eventually(Millis(20'000), [this] { return cluster().settled(); }));
  ASSERT_NO_FATAL_FAILURE(expect_second_node_is_refused());

  cluster().monitor().destroy();
  const auto former = cluster().give_up_monitor();
  ASSERT_TRUE(shell("mkdir another").ok());
  ASSERT_TRUE(ok(cluster().create_monitor({.directory = directory() + "/another"})));
  const auto came =
      autoctl({"enable", "monitor", "--pgdata", cluster().find("node_1")->pgdata(), cluster().monitor_uri()});
  ASSERT_EQ(came.exit_code, 0) << came.output;
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  EXPECT_TRUE(is_set("false")) << "the node brought it along";
  ASSERT_NO_FATAL_FAILURE(expect_second_node_is_refused());

  ASSERT_NO_FATAL_FAILURE(say({"enable", "secondary"}));
  ASSERT_TRUE(ok(cluster().create_node("node_2", {})));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  const auto too_late = at_monitor({"disable", "secondary"});
  EXPECT_EQ(too_late.exit_code, refused) << too_late.output;
  EXPECT_NE(too_late.output.find("has standbys: node_2"), std::string::npos) << too_late.output;
  EXPECT_TRUE(is_set("true"));
}

TEST_F(Secondary, AFormationIsMadeWithoutThem) {
  ASSERT_TRUE(ok(cluster().create_monitor({})));
  ASSERT_NO_FATAL_FAILURE(say({"create", "formation", "--formation", "cache", "--disable-secondary"}));
  EXPECT_NE(at_monitor({"show", "settings", "--formation", "cache"}).output.find("secondaries"), std::string::npos);
  EXPECT_EQ(at_monitor({"disable", "secondary", "--formation", "cahce"}).exit_code, 8) << "there is no such formation";
  lab::LocalCluster::Place place;
  place.words = {"--formation", "cache"};
  ASSERT_TRUE(ok(cluster().create_node("node_1", place)));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  ASSERT_TRUE(ok(cluster().create_node("node_2", place)));
  EXPECT_TRUE(lab::eventually(Millis(20'000), [this] {
    return cluster().find("node_2")->log_tail(20).find("secondaries are disabled") != std::string::npos;
  })) << cluster().find("node_2")->log_tail(20);
}

}  // namespace
}  // namespace autoctl::test
