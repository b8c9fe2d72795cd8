// A monitor that was restored from a backup: its nodes were told more than it knows, and it takes that from them.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineRestored : public EngineTest {
 protected:
  void switch_over() {
    std::optional<Result<protocol::OperationDocument>> started;
    engine->start_operation({}, {}, [&](auto answer) { started = std::move(answer); });
    ASSERT_TRUE(*started) << started->error().message;
    settle();
    ASSERT_EQ(store.operations.rbegin()->second.status, monitor::OperationStatus::done);
  }
  void restore(const MemoryStore& backup) {
    store = backup;
    now += Millis{2'000};
    start_engine();
  }
  /// As keepers do after a report that failed.
  void report_with_memory(PretendedKeeper& keeper) {
    keeper.report.memory = protocol::Memory{keeper.assignment.goal, keeper.assignment.peers, {}};
    report(keeper);
    keeper.report.memory.reset();
  }
  bool is_incomplete() const { return store.formations.at("default").incomplete; }
};

TEST_F(EngineRestored, ContinuesWhereItsNodesAre) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const MemoryStore backup = store;
  for (int i = 0; i < 3; ++i) ASSERT_NO_FATAL_FAILURE(switch_over());
  const auto before = store.groups.at({"default", 0});
  const Goal goal_b = b().assignment.goal;
  ASSERT_EQ(goal_b.state, NodeState::primary);
  ASSERT_NO_FATAL_FAILURE(restore(backup));

  report(a());
  EXPECT_EQ(refusal(a()), Errc::unavailable) << "what it was last told is asked for";
  EXPECT_TRUE(has_event("it was restored from a backup", "monitor"));
  EXPECT_TRUE(is_incomplete());
  report_with_memory(a());
  EXPECT_FALSE(a().refused);
  EXPECT_EQ(a().assignment.goal.state, NodeState::secondary) << "nothing is decided before all have come";
  report_with_memory(b());
  EXPECT_FALSE(is_incomplete());
  settle();
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::primary);
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::secondary);
  const auto after = store.groups.at({"default", 0});
  EXPECT_GE(after.term, before.term);
  EXPECT_EQ(after.quorum_confirmed, before.quorum_confirmed);
  ASSERT_NO_FATAL_FAILURE(switch_over());
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
}

TEST_F(EngineRestored, ATaskThatANodeWasToldAndHasNotReachedCountsToo) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const MemoryStore backup = store;
  // It is told to hand over, and its keeper has not got anywhere.
  engine->start_operation({}, {}, [](const auto& answer) { ASSERT_TRUE(answer); });
  report(a());
  ASSERT_EQ(a().assignment.goal.state, NodeState::draining);
  ASSERT_NO_FATAL_FAILURE(restore(backup));
  report_with_memory(a());
  EXPECT_TRUE(is_incomplete());
  EXPECT_EQ(a().assignment.goal.state, NodeState::draining);
}

TEST_F(EngineRestored, EndsWhatWasUnderWayThen) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->start_operation({}, {}, [](const auto& answer) { ASSERT_TRUE(answer); });
  const MemoryStore backup = store;
  settle();
  ASSERT_NO_FATAL_FAILURE(switch_over());
  ASSERT_NO_FATAL_FAILURE(restore(backup));
  for (auto* keeper : {&a(), &b()}) report_with_memory(*keeper);
  settle();
  EXPECT_EQ(store.operations.begin()->second.status, monitor::OperationStatus::failed);
  EXPECT_NE(store.operations.begin()->second.message.find("restored"), std::string::npos);
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary) << "two switchovers, as the nodes know";
}

TEST_F(EngineRestored, KeepsItsStateWhereNothingWasDecidedSince) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const MemoryStore backup = store;
  ASSERT_NO_FATAL_FAILURE(restore(backup));
  for (auto* keeper : {&a(), &b()}) report_with_memory(*keeper);
  EXPECT_FALSE(is_incomplete());
  EXPECT_FALSE(has_event("restored from a backup"));
}

TEST_F(EngineRestored, KnowsOfANodeThatJoinedSince) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const MemoryStore backup = store;
  add("c");
  settle();
  ASSERT_NO_FATAL_FAILURE(restore(backup));
  for (auto* keeper : {&a(), &b()}) report_with_memory(*keeper);
  EXPECT_TRUE(is_incomplete()) << "it waits for the third one";
  EXPECT_NE(state().groups.at(0).waiting_for.find("c"), std::string::npos);
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
}

}  // namespace
}  // namespace autoctl::test
