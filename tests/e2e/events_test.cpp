// `show events` tells a stranger why each failover happened.
#include <gmock/gmock.h>
#include <signal.h>

#include "support/cluster_test.h"

namespace autoctl::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class Events : public ClusterTest {
 protected:
  /// What the monitor decided after event `after`, one line per event: rule and description.
  std::string decisions(std::int64_t after) {
    client::EventsQuery query;
    query.after = after;
    query.count = 100;
    const auto events = cluster().api().events(query, Millis(5000));
    EXPECT_TRUE(ok(events));
    std::string text;
    for (const auto& event : events ? events->events : std::vector<protocol::EventDocument>{})
      if (!event.rule.empty()) text += event.rule + ": " + event.description + "\n";
    return text;
  }
  std::int64_t last_event() {
    const auto events = cluster().api().events({}, Millis(5000));
    EXPECT_TRUE(ok(events));
    return events ? events->last_id : 0;
  }
};

TEST_F(Events, SayWhoDiedHowItWasKnownAndWhoTookOver) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  const std::int64_t before = last_event();
  lab::AutoctlDaemon& victim = *cluster().find("node_1");
  victim.signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [this] { return cluster().primary() == cluster().find("node_2"); }));
  EXPECT_THAT(decisions(before), AllOf(HasSubstr("node_1"), HasSubstr("refused"), HasSubstr("node_2")));

  const Finished shown = autoctl({"show", "events", "--pgdata", cluster().monitor().pgdata()});
  EXPECT_TRUE(shown.ok());
  EXPECT_THAT(shown.output, AllOf(HasSubstr("node_1"), HasSubstr("refused")));
}

TEST_F(Events, SayThatAnOperatorAskedForIt) {
  ASSERT_NO_FATAL_FAILURE(start_cluster());
  const std::int64_t before = last_event();
  ASSERT_TRUE(ok(cluster().switchover(Millis(60'000))));
  EXPECT_THAT(decisions(before), HasSubstr("switchover"));
}

/// Of three nodes two are lost: the third cannot know what they acknowledged. That is one event for each set of missing
/// nodes, however long it lasts.
TEST_F(Events, SayOnceThatNoStandbyCanBeElected) {
  ASSERT_NO_FATAL_FAILURE(start_cluster(3));
  const auto blocked = [&] {
    const auto shown =
        autoctl({"show", "events", "--json", "--count", "200", "--pgdata", cluster().monitor().pgdata()});
    std::size_t count = 0;
    for (auto at = shown.output.find("no standby can be elected"); at != std::string::npos;
         at = shown.output.find("no standby can be elected", at + 1))
      ++count;
    return count;
  };
  const std::string primary = cluster().primary()->name();
  cluster().find("node_2")->signal_node(SIGKILL);
  cluster().find("node_1")->signal_node(SIGKILL);
  ASSERT_EQ(primary, "node_1");
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return blocked() > 0; }));
  constexpr std::size_t sets = 2;  // the two, and one of them while the other is not given up yet
  EXPECT_FALSE(lab::eventually(Millis(12'000), [&] { return blocked() > sets; })) << blocked();
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
}

}  // namespace
}  // namespace autoctl::test
