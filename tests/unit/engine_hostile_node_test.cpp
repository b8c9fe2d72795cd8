// A node's credential harms that node: what others decide, and what the event log holds, stays what it was.
#include "tests/support/engine_fixture.h"

namespace autoctl {
namespace {

class EngineHostileNode : public test::EngineTest {
 protected:
  std::size_t events_that_say(const std::string& words) const {
    const auto all = store.all_events();
    return static_cast<std::size_t>(std::ranges::count_if(
        all, [&](const auto& event) { return event.description.find(words) != std::string::npos; }));
  }
  void tells(test::PretendedKeeper& keeper, int news) {
    keeper.report.news.clear();
    for (int i = 0; i < news; ++i) keeper.report.news.push_back({++told_, "look at me"});
    report(keeper);
  }

 private:
  std::uint64_t told_ = 0;
};

TEST_F(EngineHostileNode, ThatTellsWithoutEndDoesNotPushOutWhatHappened) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  for (int i = 0; i < 20; ++i) tells(b(), 100);
  EXPECT_LT(events_that_say("look at me"), 250U);
  EXPECT_EQ(events_that_say("tells too much"), 1U);
  pass_reporting(Millis{61'000});
  tells(b(), 1);
  EXPECT_LT(events_that_say("look at me"), 251U);
  EXPECT_TRUE(has_event("look at me"));
}

/// It had nothing that the others would have to wait for.
TEST_F(EngineHostileNode, ThatLeavesBeforeItHasJoinedStopsNobody) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  auto& third = add("c");
  std::optional<Result<>> left;
  engine->leave(third.id, {third.token, 0}, [&](Result<> answer) { left = std::move(answer); });
  ASSERT_TRUE(left && *left);
  EXPECT_FALSE(store.nodes.contains(third.id));
  engine->disconnected(a().connection);
  b().report.facts.receiving = false;
  for (int i = 0; i < 20; ++i) {
    pass(Millis{20});
    engine->probed(a().id, monitor::ProbedPort::postgres, PortState::refused);
    engine->probed(a().id, monitor::ProbedPort::keeper, PortState::refused);
    report(b(), true);
  }
  EXPECT_NE(store.nodes.at(b().id).goal.state, NodeState::secondary) << "the failover goes on";
}

/// Nobody could be elected in its formation until it comes back.
TEST_F(EngineHostileNode, APrimarysCredentialAloneStopsNoDecisions) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  start_engine(false);
  std::optional<Result<>> left;
  const auto leave = [&](const std::string& bearer) {
    engine->leave(a().id, {bearer, 0}, [&](Result<> answer) { left = std::move(answer); });
  };
  leave(a().token);
  ASSERT_TRUE(left && !*left);
  EXPECT_EQ(left->error().code, Errc::conflict) << "a denial would tell the node that it is forgotten";
  EXPECT_FALSE(store.formations.at("default").incomplete);
  engine->change_settings({"default", {{"paused", "true"}}}, {"operator-token", 0},
                          [](const auto& paused) { ASSERT_TRUE(paused); });
  leave(a().token);
  ASSERT_TRUE(*left) << "an operator has stopped the decisions: " << left->error().message;
}

TEST_F(EngineHostileNode, AnOperatorTakesAPrimaryAway) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  start_engine(false);
  std::optional<Result<>> left;
  engine->leave(a().id, {"operator-token", 0}, [&](Result<> answer) { left = std::move(answer); });
  ASSERT_TRUE(left && *left);
  EXPECT_TRUE(store.formations.at("default").incomplete);
}

TEST_F(EngineHostileNode, IdsDoNotOverflow) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  auto former = request("former");
  former.formation = "elsewhere";
  former.group = 0;
  former.former = protocol::FormerNode{.id = NodeId{9223372036854775807}, .replication_password = "x", .settings = {}};
  const auto refused = register_node(former);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::bad_usage);
  EXPECT_TRUE(register_node(request("next")));
}

TEST_F(EngineHostileNode, AGroupHasNoMoreNodesThanItCanLookAfter) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(register_node(request("node_of_many_" + std::to_string(i))));
  const auto refused = register_node(request("one_more"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
}

TEST_F(EngineHostileNode, AFormationHasNoMoreNodesThanItCanLookAfter) {
  engine->create_formation({.name = "large", .kind = "citus"}, {}, [](const auto& made) { ASSERT_TRUE(made); });
  const auto worker = [this](GroupId group) {
    auto r = request("");
    r.formation = "large";
    r.kind = "citus";
    r.role = group == 0 ? "coordinator" : "worker";
    r.group = group;
    return register_node(r);
  };
  for (int i = 0; i < 500; ++i) ASSERT_TRUE(worker(i / 50));
  const auto refused = worker(10);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_TRUE(register_node(request("elsewhere"))) << "it is that formation only";
}

}  // namespace
}  // namespace autoctl
