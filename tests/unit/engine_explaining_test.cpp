// What the engine says of a failover that has not happened.
#include <gmock/gmock.h>

#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

class EngineExplaining : public EngineTest {
 protected:
  Result<protocol::ExplanationsDocument> explain(const std::string& formation, const std::string& bearer) {
    std::optional<Result<protocol::ExplanationsDocument>> result;
    engine->explain(formation, std::nullopt, {bearer, 0}, [&](auto answer) { result = std::move(answer); });
    return *result;
  }
  protocol::ExplanationDocument explained() { return explain("default", "operator-token").value().groups.at(0); }

  /// a is the primary and waits for two of b and c.
  void make_three() {
    for (const char* name : {"a", "b", "c"}) add(name);
    settle();
    ASSERT_EQ(a().assignment.goal.state, NodeState::primary);
    ASSERT_EQ(store.groups.at({"default", 0}).quorum_confirmed.voters.size(), 2U);
  }
  PretendedKeeper& c() { return *keepers[2]; }
  void prefer_c() {
    bool done = false;
    engine->change_node(c().id, {.values = {{"candidate_priority", "100"}}}, {},
                        [&](const auto& answer) { done = answer.has_value(); });
    ASSERT_TRUE(done);
    settle();
  }
  const protocol::NodeDocument* shown(const std::string& name, const protocol::StateDocument& state) {
    const auto found = std::ranges::find(state.nodes, name, &protocol::NodeDocument::name);
    return found == state.nodes.end() ? nullptr : &*found;
  }
};

TEST_F(EngineExplaining, NamesTheOneThatTheRulesWouldChoose) {
  ASSERT_NO_FATAL_FAILURE(make_three());
  ASSERT_NO_FATAL_FAILURE(prefer_c());
  const auto said = explained();
  EXPECT_EQ(said.primary, "a");
  EXPECT_EQ(said.would_win, "c");
  EXPECT_THAT(said.explanation, HasSubstr("c would take over: it has candidate priority 100"));
  ASSERT_EQ(said.others.size(), 1U);
  EXPECT_EQ(said.others[0].why_not, "its candidate priority 50 is lower");
}

TEST_F(EngineExplaining, AStandbyThatForkedOffIsNotTheWinnerThoughItsPriorityIsTheHighest) {
  ASSERT_NO_FATAL_FAILURE(make_three());
  ASSERT_NO_FATAL_FAILURE(prefer_c());
  c().report.facts.forked = true;
  report(c());
  const auto said = explained();
  const auto now_shown = state();
  EXPECT_FALSE(shown("c", now_shown)->electable);
  EXPECT_EQ(shown("c", now_shown)->lineage, "forked");
  EXPECT_NE(said.would_win, "c");
  ASSERT_FALSE(said.others.empty());
  EXPECT_EQ(said.others.back().name, "c");
  EXPECT_EQ(said.others.back().why_not, shown("c", now_shown)->not_electable_because);
}

TEST_F(EngineExplaining, ItIsNotForEverybody) {
  start_engine(false);
  EXPECT_EQ(explain("default", "").error().code, Errc::denied);
  EXPECT_EQ(explain("elsewhere", "operator-token").error().code, Errc::not_found);
  EXPECT_TRUE(explain("", "operator-token"));
}

}  // namespace
}  // namespace autoctl::test
