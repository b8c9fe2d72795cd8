// What operators' tokens allow and where, and what the event log says of who used them.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using monitor::Caller;

class EngineRoles : public EngineTest {
 protected:
  EngineRoles() {
    start_engine(false);
    for (const char* name : {"shop", "blog"})
      engine->create_formation({.name = name}, admin, [](const auto& made) { ASSERT_TRUE(made); });
  }

  std::string token(const std::string& role, const std::vector<std::string>& formations = {},
                    const std::string& label = {}) {
    std::string secret;
    engine->create_token({.role = role, .formations = formations, .label = label}, admin, [&](const auto& made) {
      ASSERT_TRUE(made) << made.error().message;
      secret = made->secret;
    });
    return secret;
  }
  NodeId node(const std::string& formation) {
    auto r = request("");
    r.formation = formation;
    const auto answer = register_node(r, "operator-token");
    EXPECT_TRUE(answer) << answer.error().message;
    return answer->node;
  }
  /// "done", or why not.
  template <class T>
  static auto note(std::string& outcome) {
    return [&outcome](const Result<T>& answer) { outcome = answer ? "done" : std::string(to_string(answer.error())); };
  }
  static std::string to_string(const Error& error) {
    return error.code == Errc::denied      ? "denied"
           : error.code == Errc::bad_usage ? "bad usage"
                                           : "other: " + error.message;
  }
  std::string set(const std::string& formation, const Caller& caller, const std::string& value = "700") {
    std::string outcome;
    engine->change_settings({formation, {{"heartbeat", value}}}, caller, note<protocol::SettingsDocument>(outcome));
    return outcome;
  }
  std::string look(const std::string& formation, const Caller& caller) {
    std::string outcome;
    engine->state(formation, std::nullopt, caller, note<protocol::StateDocument>(outcome));
    return outcome;
  }
  std::string drop(NodeId id, const Caller& caller) {
    std::string outcome;
    engine->drop_node(id, true, caller, note<void>(outcome));
    return outcome;
  }
  std::string make_token(const Caller& caller) {
    std::string outcome;
    engine->create_token({.role = "admin"}, caller, note<protocol::TokenDocument>(outcome));
    return outcome;
  }
  std::string revoke(std::int64_t id, const Caller& caller) {
    std::string outcome;
    engine->revoke_token(id, caller, note<protocol::TokenDocument>(outcome));
    return outcome;
  }
  /// Two nodes, settled.
  void add_pair_to_default() {
    for (const char* name : {"a", "b"}) add(request(name), "operator-token");
    settle();
    ASSERT_EQ(b().assignment.goal.state, NodeState::secondary);
  }
  const protocol::EventDocument& last_event() const { return store.all_events().back(); }

  const Caller admin{.bearer = "operator-token"};
};

TEST_F(EngineRoles, AnOperatorOperatesItsFormationsAndSeesNoOther) {
  const NodeId own = node("shop"), foreign = node("blog");
  const Caller alice{.bearer = token("operator", {"shop"})};
  EXPECT_EQ(set("shop", alice), "done");
  EXPECT_EQ(set("blog", alice), "denied");
  EXPECT_EQ(look("shop", alice), "done");
  EXPECT_EQ(look("", alice), "done") << "it is its own";
  EXPECT_EQ(look("blog", alice), "denied");
  EXPECT_EQ(drop(foreign, alice), "denied");
  EXPECT_EQ(drop(own, alice), "done");
  EXPECT_EQ(make_token(alice), "denied");
  std::string outcome;
  engine->create_formation({.name = "mine"}, alice, note<protocol::FormationDocument>(outcome));
  EXPECT_EQ(outcome, "denied");
  engine->drop_formation("shop", alice, note<void>(outcome));
  EXPECT_EQ(outcome, "denied");
  engine->start_operation({.kind = "switchover", .formation = "blog"}, alice,
                          note<protocol::OperationDocument>(outcome));
  EXPECT_EQ(outcome, "denied");
  engine->change_node(foreign, {"blog", {{"candidate_priority", "0"}}}, alice,
                      note<protocol::SettingsDocument>(outcome));
  EXPECT_EQ(outcome, "denied");
  auto r = request("");
  r.formation = "blog";
  EXPECT_EQ(register_node(r, alice.bearer).error().code, Errc::denied);
}

TEST_F(EngineRoles, AViewerLooksAndNothingElse) {
  const NodeId id = node("shop");
  const Caller everywhere{.bearer = token("viewer")}, in_two{.bearer = token("viewer", {"shop", "blog"})};
  EXPECT_EQ(look("", everywhere), "done");
  EXPECT_EQ(look("blog", in_two), "done");
  EXPECT_EQ(look("default", in_two), "denied");
  EXPECT_EQ(look("", in_two), "denied") << "that would be more than its two";
  for (const Caller& viewer : {everywhere, in_two}) {
    EXPECT_EQ(set("shop", viewer), "denied");
    EXPECT_EQ(drop(id, viewer), "denied");
    EXPECT_EQ(make_token(viewer), "denied");
    EXPECT_EQ(revoke(1, viewer), "denied");
    EXPECT_FALSE(register_node(request("x"), viewer.bearer));
  }
}

TEST_F(EngineRoles, AnAdminsTokenDoesEverythingUntilItEnds) {
  const Caller bob{.bearer = token("admin", {}, "bob")};
  EXPECT_EQ(set("blog", bob), "done");
  EXPECT_EQ(make_token(bob), "done");
  EXPECT_EQ(revoke(1, bob), "done") << "its own";
  EXPECT_EQ(set("blog", bob, "800"), "denied");
  const Caller short_lived{.bearer = token("admin")};
  pass(std::chrono::hours(1));
  EXPECT_EQ(set("blog", short_lived, "800"), "denied");
}

/// With --auth trust who shows nothing may everything; who shows a token gets what it says.
TEST_F(EngineRoles, TheTermsOfATokenHoldWithTrustToo) {
  const std::string viewer = token("viewer"), alice = token("operator", {"shop"});
  start_engine(true);
  EXPECT_EQ(set("shop", {}), "done");
  EXPECT_EQ(last_event().who, "anybody, with --auth trust");
  EXPECT_EQ(set("shop", {.bearer = viewer}, "800"), "denied");
  EXPECT_EQ(set("blog", {.bearer = alice}), "denied");
  EXPECT_EQ(set("shop", {.bearer = alice}, "900"), "done");
}

TEST_F(EngineRoles, ADroppedFormationIsTakenFromTokensForSeveral) {
  const Caller both{.bearer = token("operator", {"shop", "blog"})}, one{.bearer = token("operator", {"shop"})};
  engine->drop_formation("shop", admin, [](const auto& done) { ASSERT_TRUE(done); });
  engine->create_formation({.name = "shop"}, admin, [](const auto& made) { ASSERT_TRUE(made); });
  EXPECT_EQ(set("shop", both), "denied");
  EXPECT_EQ(set("blog", both), "done");
  EXPECT_EQ(set("shop", one), "denied");
  EXPECT_EQ(set("blog", one), "denied");
}

TEST_F(EngineRoles, EachActSaysWhoFromWhereAndWhy) {
  const auto expect_signed = [&](const char* act) {
    EXPECT_EQ(last_event().kind, "operator") << act;
    EXPECT_EQ(last_event().who, "admin token 1 \"carol\"") << act << ": " << last_event().description;
    EXPECT_EQ(last_event().from, "10.0.0.9") << act;
    EXPECT_EQ(last_event().reason, "the disk fails") << act;
  };
  const Caller carol{.bearer = token("admin", {}, "carol"), .elsewhere = "10.0.0.9", .reason = "the disk fails"};
  EXPECT_EQ(last_event().who, "the monitor's host");
  EXPECT_EQ(last_event().from, "the monitor's machine");
  const NodeId id = node("shop");
  ASSERT_EQ(set("shop", carol), "done");
  expect_signed("settings");
  std::string outcome;
  engine->create_formation({.name = "more"}, carol, note<protocol::FormationDocument>(outcome));
  expect_signed("create formation");
  engine->drop_formation("more", carol, note<void>(outcome));
  expect_signed("drop formation");
  engine->create_token({}, carol, note<protocol::TokenDocument>(outcome));
  expect_signed("create token");
  ASSERT_EQ(revoke(2, carol), "done");
  expect_signed("revoke token");
  engine->change_node(id, {"shop", {{"region", "west"}}}, carol, note<protocol::SettingsDocument>(outcome));
  expect_signed("node");
  ASSERT_EQ(drop(id, carol), "done");
  expect_signed("drop node");
}

TEST_F(EngineRoles, AnOperationSaysWhoAskedForIt) {
  add_pair_to_default();
  const Caller dave{.bearer = token("operator", {"default"}, "dave"), .reason = "kernel update"};
  std::string outcome;
  engine->start_operation({.kind = "switchover"}, dave, note<protocol::OperationDocument>(outcome));
  ASSERT_EQ(outcome, "done");
  const auto& events = store.all_events();
  const auto found = std::ranges::find_if(events, [](const auto& e) { return e.reason == "kernel update"; });
  ASSERT_NE(found, events.end());
  EXPECT_EQ(found->description, "an operator asks for a switchover");
  EXPECT_EQ(found->who, "operator token 1 \"dave\"");
}

TEST_F(EngineRoles, WhereAReasonIsRequiredNothingIsDoneWithoutOne) {
  add_pair_to_default();
  std::string outcome;
  const auto require = [&](const std::string& value, const Caller& caller) {
    engine->change_settings({"default", {{"require_reason", value}}}, caller,
                            note<protocol::SettingsDocument>(outcome));
    return outcome;
  };
  ASSERT_EQ(require("true", admin), "done");
  const Caller with_reason{.bearer = "operator-token", .reason = "because"};
  const int commits = store.commits;
  EXPECT_EQ(set("default", admin), "bad usage");
  EXPECT_EQ(require("false", admin), "bad usage");
  EXPECT_EQ(drop(b().id, admin), "bad usage");
  engine->start_operation({.kind = "switchover"}, admin, note<protocol::OperationDocument>(outcome));
  EXPECT_EQ(outcome, "bad usage");
  engine->create_token({.formations = {"default"}}, admin, note<protocol::TokenDocument>(outcome));
  EXPECT_EQ(outcome, "bad usage");
  EXPECT_EQ(store.commits, commits) << "nothing has happened";
  EXPECT_EQ(set("shop", admin), "done") << "it is another formation";
  EXPECT_EQ(set("default", with_reason), "done");
  engine->start_operation({.kind = "maintenance", .name = "b"}, {.bearer = b().token},
                          note<protocol::OperationDocument>(outcome));
  EXPECT_EQ(outcome, "done") << "a node itself needs no reason: its keeper has none";
  EXPECT_EQ(require("false", with_reason), "done");
}

}  // namespace
}  // namespace autoctl::test
