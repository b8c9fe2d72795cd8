// What the monitor's authority wants of all nodes reaches them, and who has not come to it.
#include <gmock/gmock.h>

#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class EngineTrust : public EngineTest {
 protected:
  EngineTrust() { make_pair(); }

  const protocol::TrustGoal first_{"both", "old", 0}, second_{"both", "new", 0};
  static protocol::TrustFacts has(const std::string& bundle, const std::string& issuer, std::int64_t issued = 100) {
    return {.bundle = bundle, .issuer = issuer, .serial = "1", .issued = issued, .ends = 1'000};
  }
  void tell(PretendedKeeper& keeper, const protocol::TrustFacts& trust) {
    keeper.report.trust = trust;
    report(keeper);
  }
};

TEST_F(EngineTrust, NodesThatWaitHearOfItAtOnce) {
  const int answers = a().answers;
  engine->set_trust(first_, "a change");
  EXPECT_EQ(a().answers, answers + 1) << "its report was held";
  EXPECT_EQ(a().assignment.trust, first_);
  EXPECT_EQ(b().assignment.trust, first_);
  EXPECT_EQ(state().trust, first_);
  EXPECT_EQ(state().trust_change, "a change");
  hold_all();
  const auto version = a().assignment.version;
  engine->set_trust(first_, "");
  EXPECT_EQ(a().assignment.version, version) << "nothing is new";
  EXPECT_EQ(state().trust_change, "");
}

TEST_F(EngineTrust, EachStepWaitsForThoseThatAreBehind) {
  engine->set_trust(first_, "");
  tell(a(), has("old one", "old"));
  tell(b(), has("both", "old"));
  EXPECT_THAT(engine->behind_in_trust(true), ElementsAre("a"));
  tell(a(), has("both", "old"));
  EXPECT_THAT(engine->behind_in_trust(true), IsEmpty());

  engine->set_trust(second_, "");
  EXPECT_THAT(engine->behind_in_trust(false), ElementsAre("a", "b"));
  tell(a(), has("both", "new"));
  EXPECT_THAT(engine->behind_in_trust(false), ElementsAre("b"));
  tell(b(), has("both", "new"));
  EXPECT_THAT(engine->behind_in_trust(false), IsEmpty());

  engine->set_trust({"both", "new", 101}, "");
  EXPECT_THAT(engine->behind_in_trust(false), ElementsAre("a", "b")) << "theirs were issued before";
}

/// It may believe the old authority only: the old one must not be forgotten behind its back.
TEST_F(EngineTrust, ANodeThatSaysNothingIsWaitedFor) {
  start_engine();
  engine->set_trust(first_, "");
  EXPECT_THAT(engine->behind_in_trust(true), ElementsAre("a", "b"));
  tell(a(), {});  // its certificate is of another kind
  tell(b(), has("both", "old"));
  EXPECT_THAT(engine->behind_in_trust(true), IsEmpty());
}

TEST_F(EngineTrust, WhatIsSaidOfTheAuthorityIsAnEventOfEachFormation) {
  engine->create_formation({.name = "shop"}, {"operator-token", 0}, [](const auto& made) { ASSERT_TRUE(made); });
  engine->tell("the authority is another one");
  std::set<std::string> formations;
  for (const auto& event : store.all_events())
    if (event.description == "the authority is another one") formations.insert(event.formation);
  EXPECT_THAT(formations, ElementsAre("default", "shop"));
}

}  // namespace
}  // namespace autoctl::test
