// A Citus worker's hand-over, from the operator's request to the statements that go on: what the coordinator's keeper
// is told, and what its word does.
#include <gmock/gmock.h>

#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

class EngineCitusSwitchover : public EngineTest {
 protected:
  PretendedKeeper& add_citus(const std::string& role, std::optional<GroupId> group = {}) {
    auto r = request("");
    r.kind = "citus";
    r.role = role;
    r.group = group;
    return add(r);
  }
  /// A coordinator that sends group 1's statements to its primary, and a worker pair at rest.
  void make_formation() {
    add_citus("coordinator");
    add_citus("worker", 1);
    add_citus("worker", 1);
    settle();
    ASSERT_EQ(old_primary().assignment.goal.state, NodeState::primary);
    ASSERT_EQ(candidate().assignment.goal.state, NodeState::secondary);
    coordinator_says(old_primary().id, {});
    for (auto& keeper : keepers) listen(*keeper);
  }
  /// Its last report is held: what it does not know yet the first one has brought.
  void listen(PretendedKeeper& keeper) {
    for (int i = 0; i < 3; ++i) report(keeper, true);
  }
  PretendedKeeper& coordinator() { return *keepers[0]; }
  PretendedKeeper& old_primary() { return *keepers[1]; }
  PretendedKeeper& candidate() { return *keepers[2]; }

  void coordinator_says(NodeId routed_to, NodeId held_for, const std::string& trouble = {}) {
    coordinator().report.citus = protocol::CitusFacts{
        .ready = true,
        .routes = {{.group = 0, .routed_to = coordinator().id},
                   {.group = 1, .routed_to = routed_to, .held_for = held_for, .trouble = trouble}}};
    listen(coordinator());
  }
  const protocol::CitusRoute& route() const { return keepers[0]->assignment.citus->routes.at(1); }

  Result<protocol::OperationDocument> ask_for_switchover() {
    std::optional<Result<protocol::OperationDocument>> answer;
    engine->start_operation({.kind = "switchover", .group = 1}, {"operator-token", 0},
                            [&](Result<protocol::OperationDocument> result) { answer = std::move(result); });
    return *answer;
  }
  protocol::OperationDocument operation(std::int64_t id) {
    std::optional<protocol::OperationDocument> document;
    engine->operation(id, Millis{0}, {"operator-token", 0},
                      [&](Result<protocol::OperationDocument> result) { document = result.value(); });
    return *document;
  }
};

TEST_F(EngineCitusSwitchover, TheStatementsWaitFromBeforeTheOldPrimaryStopsUntilTheNewOneServes) {
  ASSERT_NO_FATAL_FAILURE(make_formation());
  const auto asked = ask_for_switchover();
  ASSERT_TRUE(asked) << asked.error().message;
  EXPECT_EQ(old_primary().assignment.goal.state, NodeState::primary);
  EXPECT_TRUE(old_primary().assignment.goal.checkpoint);
  EXPECT_EQ(route().hold_for, NodeId{});
  EXPECT_EQ(route().primary, old_primary().id);

  listen(coordinator());
  const int answers = coordinator().answers;
  obey_and_report(old_primary(), true);
  EXPECT_EQ(coordinator().answers, answers + 1) << "its held report is answered at once";
  EXPECT_EQ(route().hold_for, candidate().id);
  EXPECT_EQ(route().cooldown, Millis{5000});
  EXPECT_EQ(old_primary().assignment.goal.state, NodeState::primary) << "it serves until the statements are held";

  listen(old_primary());
  coordinator_says(old_primary().id, candidate().id);
  EXPECT_EQ(old_primary().assignment.goal.state, NodeState::draining) << "at once, in another group";
  EXPECT_EQ(route().hold_for, candidate().id);
  EXPECT_EQ(route().primary, NodeId{});

  listen(candidate());
  obey_and_report(candidate(), true);
  obey_and_report(old_primary(), true);
  listen(candidate());
  listen(coordinator());
  EXPECT_EQ(candidate().assignment.goal.state, NodeState::stop_replication);
  EXPECT_EQ(route().hold_for, candidate().id);
  obey_and_report(candidate(), true);
  EXPECT_EQ(route().hold_for, NodeId{});
  EXPECT_EQ(route().primary, candidate().id) << "in one and the same word to the coordinator: the move is committed";
  coordinator_says(candidate().id, {});
  settle();
  EXPECT_EQ(operation(asked->id).status, "done");
}

TEST_F(EngineCitusSwitchover, IsCalledOffWhenTheHoldDoesNotCome) {
  ASSERT_NO_FATAL_FAILURE(make_formation());
  const auto asked = ask_for_switchover();
  ASSERT_TRUE(asked);
  obey_and_report(old_primary());
  coordinator_says(old_primary().id, {}, "session 17 is in the way");
  pass_reporting(Millis{31'000});
  EXPECT_EQ(operation(asked->id).status, "failed");
  EXPECT_THAT(operation(asked->id).message, HasSubstr("session 17 is in the way"));
  EXPECT_EQ(route().hold_for, NodeId{});
  EXPECT_EQ(route().primary, old_primary().id);
  EXPECT_EQ(old_primary().assignment.goal.state, NodeState::primary);
  EXPECT_FALSE(old_primary().assignment.goal.checkpoint);
  EXPECT_EQ(candidate().assignment.goal.state, NodeState::secondary);
}

TEST_F(EngineCitusSwitchover, IsRefusedWhileTheCoordinatorIsAway) {
  ASSERT_NO_FATAL_FAILURE(make_formation());
  engine->disconnected(coordinator().connection);
  const auto asked = ask_for_switchover();
  ASSERT_TRUE(asked);
  EXPECT_FALSE(old_primary().assignment.goal.checkpoint);
  pass_reporting(Millis{7'000}, {&coordinator()});
  EXPECT_EQ(operation(asked->id).status, "failed");
  EXPECT_THAT(operation(asked->id).message, HasSubstr("the coordinator is not ready"));
  EXPECT_EQ(old_primary().assignment.goal.state, NodeState::primary);
}

TEST_F(EngineCitusSwitchover, FinishesWithoutTheCoordinatorOnceTheOldPrimaryDrains) {
  ASSERT_NO_FATAL_FAILURE(make_formation());
  ASSERT_TRUE(ask_for_switchover());
  obey_and_report(old_primary());
  listen(old_primary());
  coordinator_says(old_primary().id, candidate().id);
  ASSERT_EQ(old_primary().assignment.goal.state, NodeState::draining);
  engine->disconnected(coordinator().connection);
  listen(candidate());
  obey_and_report(candidate());
  obey_and_report(old_primary());
  listen(candidate());
  obey_and_report(candidate());
  EXPECT_TRUE(is_leader_state(candidate().assignment.goal.state));
  coordinator_says(old_primary().id, {});  // the one that came back
  EXPECT_EQ(route().primary, candidate().id);
  EXPECT_EQ(route().hold_for, NodeId{});
  EXPECT_EQ(route().cooldown, monitor::Settings{}.citus_failover_cooldown);
}

TEST_F(EngineCitusSwitchover, ADroppedWorkerKeepsItsRowUntilItHasStopped) {
  add_citus("coordinator");
  auto& worker = add_citus("worker", 1);
  settle();
  coordinator_says(worker.id, {});
  engine->drop_node(worker.id, false, {"operator-token", 0}, [](const Result<>&) {});
  report(coordinator());
  ASSERT_EQ(route().nodes.size(), 1U) << "citus#8855: it still runs";
  EXPECT_EQ(route().primary, NodeId{});
  report(worker);
  obey_and_report(worker);
  report(coordinator());
  EXPECT_TRUE(route().nodes.empty()) << "now its row may go";
}

}  // namespace
}  // namespace autoctl::test
