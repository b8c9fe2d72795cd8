// A paused formation: nothing begins, what would is told once; and a primary that is about to stop hands over.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EnginePause : public EngineTest {
 protected:
  Result<> set_paused(bool paused) {
    std::optional<Result<protocol::SettingsDocument>> changed;
    engine->change_settings({"default", {{"paused", paused ? "true" : "false"}}}, {},
                            [&](auto result) { changed = std::move(result); });
    if (!*changed) return fail(changed->error());
    return {};
  }
  Result<protocol::OperationDocument> start(const std::string& kind) {
    std::optional<Result<protocol::OperationDocument>> result;
    engine->start_operation({.kind = kind}, {}, [&](auto answer) { result = std::move(answer); });
    return *result;
  }
  void lose_a() {
    engine->disconnected(a().connection);
    now += Millis{1};
    engine->probed(a().id, monitor::ProbedPort::postgres, PortState::refused);
    engine->probed(a().id, monitor::ProbedPort::keeper, PortState::refused);
    b().report.facts.receiving = false;
    b().report.facts.upstream_port = PortState::refused;
    pass_reporting(Millis{3'000}, {&a()});
  }
  NodeState goal(const PretendedKeeper& keeper) const { return store.nodes.at(keeper.id).goal.state; }
  long count_events(const std::string& words) const {
    return std::ranges::count_if(store.all_events(),
                                 [&](const auto& e) { return e.description.find(words) != std::string::npos; });
  }
};

TEST_F(EnginePause, NobodyFailsOverAndWhatWouldHappenIsToldOnce) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(set_paused(true));
  lose_a();
  EXPECT_EQ(goal(a()), NodeState::primary);
  EXPECT_EQ(goal(b()), NodeState::secondary);
  pass_reporting(Millis{10'000}, {&a()});
  EXPECT_EQ(count_events("paused: would fail over now because a is dead"), 1);
  EXPECT_TRUE(has_event("primary_is_dead", "monitor")) << "the rule is named";
  EXPECT_TRUE(state().formations.at(0).paused);
  EXPECT_TRUE(b().assignment.lease_required) << "the old primary still has to fence itself";

  start_engine();
  ++b().connection;
  pass_reporting(Millis{20'000}, {&a()});
  EXPECT_EQ(goal(a()), NodeState::primary) << "a pause survives a restart";
  ASSERT_TRUE(set_paused(false));
  lose_a();
  EXPECT_NE(goal(b()), NodeState::secondary) << "what was due happens when the pause is over";
}

TEST_F(EnginePause, OperatorsAreRefusedWithAHint) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(set_paused(true));
  const auto refused = start("switchover");
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().hint.find("autoctl resume"), std::string::npos);
  EXPECT_EQ(register_node(request("c")).error().code, Errc::conflict);
  std::optional<Result<>> dropped;
  engine->drop_node(b().id, false, {}, [&](auto result) { dropped = std::move(result); });
  EXPECT_EQ(dropped->error().code, Errc::conflict);
  ASSERT_TRUE(set_paused(false));
  EXPECT_TRUE(start("switchover"));
}

TEST_F(EnginePause, AnOperationUnderWayIsFinishedFirst) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(start("switchover"));
  EXPECT_EQ(set_paused(true).error().code, Errc::conflict);
  settle();
  EXPECT_TRUE(set_paused(true));
}

/// A group must not be left without a primary for as long as somebody thinks.
TEST_F(EnginePause, AFailoverThatHasBegunIsFinished) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  lose_a();
  ASSERT_EQ(goal(b()), NodeState::prepare_promotion);
  ASSERT_TRUE(set_paused(true));
  for (int round = 0; round < 6; ++round) obey_and_report(b());
  EXPECT_EQ(goal(b()), NodeState::wait_primary);
}

TEST_F(EnginePause, AnAssignedQuorumIsProved) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  a().report.facts.sync_in_force = {};
  report(a());
  EXPECT_TRUE(store.groups.at({"default", 0}).quorum_confirmed.asynchronous());
  ASSERT_TRUE(set_paused(true));
  obey_and_report(a());
  EXPECT_FALSE(store.groups.at({"default", 0}).quorum_confirmed.asynchronous());
}

class EngineHandOver : public EngineTest {
 protected:
  Result<protocol::OperationDocument> hand_over(const PretendedKeeper& keeper) {
    return hand_over(keeper, keeper.token);
  }
  Result<protocol::OperationDocument> hand_over(const PretendedKeeper& keeper, const std::string& bearer) {
    std::optional<Result<protocol::OperationDocument>> result;
    engine->start_operation({.kind = "hand_over", .name = store.nodes.at(keeper.id).name}, {bearer, 0},
                            [&](auto answer) { result = std::move(answer); });
    return *result;
  }
};

TEST_F(EngineHandOver, APrimaryThatIsAboutToStopIsReplaced) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto started = hand_over(a());
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(started->status, "running");
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::draining);
  settle();
  EXPECT_EQ(store.operations.at(started->id).status, monitor::OperationStatus::done);
}

TEST_F(EngineHandOver, OnlyTheNodeItselfOrAnOperatorMayAsk) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  start_engine(false);
  for (auto& keeper : keepers) {
    ++keeper->connection;
    obey_and_report(*keeper);
  }
  EXPECT_EQ(hand_over(a(), b().token).error().code, Errc::denied);
  EXPECT_EQ(hand_over(a(), "").error().code, Errc::denied);
  EXPECT_TRUE(hand_over(a()));
}

TEST_F(EngineHandOver, NobodyIsAskedToWaitForWhatCannotBe) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  EXPECT_EQ(hand_over(b()).error().code, Errc::conflict) << "it is no primary";
  engine->disconnected(b().connection);
  pass(Millis{1'600});
  EXPECT_EQ(hand_over(a()).error().code, Errc::conflict) << "nobody can take over now";
  EXPECT_TRUE(store.operations.empty());
}

}  // namespace
}  // namespace autoctl::test
