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

}  // namespace
}  // namespace autoctl::test
