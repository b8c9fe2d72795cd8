// Join tokens: what they let a node do, and what nobody may do with them.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineTokens : public EngineTest {
 protected:
  EngineTokens() { start_engine(false); }

  Result<protocol::TokenDocument> create(const protocol::TokenRequest& r,
                                         const std::string& bearer = "operator-token") {
    std::optional<Result<protocol::TokenDocument>> result;
    engine->create_token(r, {bearer, 0}, [&](auto answer) { result = std::move(answer); });
    return *result;
  }
  Result<protocol::TokenDocument> revoke(std::int64_t id, const std::string& bearer = "operator-token") {
    std::optional<Result<protocol::TokenDocument>> result;
    engine->revoke_token(id, {bearer, 0}, [&](auto answer) { result = std::move(answer); });
    return *result;
  }
  std::vector<protocol::TokenDocument> list(const std::string& bearer = "operator-token") {
    std::vector<protocol::TokenDocument> all;
    engine->tokens({bearer, 0}, [&](const auto& answer) {
      if (answer) all = answer->tokens;
    });
    return all;
  }
  std::string state_of(std::int64_t id) {
    for (const auto& token : list())
      if (token.id == id) return token.state;
    return "gone";
  }
  std::string secret(const protocol::TokenRequest& r = {}) {
    const auto made = create(r);
    EXPECT_TRUE(made) << made.error().message;
    return made ? made->secret : "";
  }
  void make_formation(const std::string& name, const std::string& kind = "pgsql") {
    engine->create_formation({.name = name, .kind = kind}, {"operator-token", 0},
                             [](const auto& made) { ASSERT_TRUE(made) << made.error().message; });
  }

  /// It is denied, says why, and nothing is another than before.
  void expect_refused(const protocol::RegisterRequest& r, const std::string& bearer, const std::string& why) {
    const int commits = store.commits;
    const auto tokens_before = store.tokens;
    const auto answer = register_node(r, bearer);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::denied) << answer.error().message;
    EXPECT_NE(answer.error().message.find(why), std::string::npos) << answer.error().message;
    EXPECT_EQ(store.commits, commits);
    for (const auto& [id, token] : tokens_before) EXPECT_EQ(store.tokens.at(id).nodes_left, token.nodes_left);
  }
  /// An operator's work is not for whoever has this.
  void expect_no_operator(const std::string& bearer) {
    const auto denied = [](const auto& answer) {
      ASSERT_FALSE(answer);
      EXPECT_EQ(answer.error().code, Errc::denied) << answer.error().message;
    };
    const monitor::Caller caller{bearer, 0};
    const int commits = store.commits;
    denied(create({}, bearer));
    denied(revoke(1, bearer));
    EXPECT_TRUE(list(bearer).empty());
    engine->start_operation({.kind = "switchover"}, caller, denied);
    engine->start_operation({.kind = "forced_failover"}, caller, denied);
    engine->start_operation({.kind = "maintenance", .name = "a"}, caller, denied);
    engine->change_settings({"default", {{"paused", "true"}}}, caller, denied);
    engine->change_node(a().id, {"default", {{"candidate_priority", "0"}}}, caller, denied);
    engine->drop_node(a().id, true, caller, denied);
    engine->leave(a().id, caller, denied);
    engine->create_formation({.name = "mine"}, caller, denied);
    engine->drop_formation("default", caller, denied);
    EXPECT_EQ(store.commits, commits);
  }
  bool may_look(const std::string& bearer) {
    bool may = false;
    engine->state("", std::nullopt, {bearer, 0}, [&](const auto& answer) { may = answer.has_value(); });
    return may;
  }
};

TEST_F(EngineTokens, OneLetsSoManyNodesJoin) {
  const std::string token = secret({.nodes = 2});
  const auto first = register_node(request("a"), token);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_NE(first->token, token) << "the node's own credential is another one";
  EXPECT_EQ(list().at(0).nodes_left, 1);
  ASSERT_TRUE(register_node(request("b"), token));
  expect_refused(request("c"), token, "join token 1 is used up");
  EXPECT_EQ(state_of(1), "used up");
  EXPECT_EQ(store.nodes.size(), 2U);
}

TEST_F(EngineTokens, OnlyItsHashIsOnRecord) {
  const std::string token = secret();
  EXPECT_EQ(store.tokens.at(1).sha256, one_way(token));
  EXPECT_EQ(list().at(0).secret, "");
  for (const auto& event : store.all_events()) EXPECT_EQ(event.description.find(token), std::string::npos);
}

TEST_F(EngineTokens, ARefusedRegistrationCostsNothing) {
  const std::string token = secret();
  ASSERT_TRUE(register_node(request("a"), "operator-token"));
  EXPECT_EQ(register_node(request("a"), token).error().code, Errc::conflict) << "the name is taken";
  auto wrong = request("b");
  wrong.port = 0;
  EXPECT_EQ(register_node(wrong, token).error().code, Errc::bad_usage);
  EXPECT_EQ(list().at(0).nodes_left, 1);
  EXPECT_TRUE(register_node(request("b"), token));
}

TEST_F(EngineTokens, AnExpiredOneIsRefused) {
  const std::string token = secret({.ttl = std::chrono::minutes(5)});
  pass(std::chrono::minutes(5) - Millis{1});
  EXPECT_EQ(state_of(1), "valid");
  pass(Millis{1});
  expect_refused(request("a"), token, "join token 1 is expired");
}

TEST_F(EngineTokens, ARevokedOneIsRefused) {
  const std::string token = secret();
  ASSERT_TRUE(revoke(1));
  expect_refused(request("a"), token, "join token 1 is revoked");
  EXPECT_EQ(revoke(2).error().code, Errc::not_found);
  EXPECT_EQ(revoke(1)->state, "revoked") << "a second time there is nothing to do";
}

TEST_F(EngineTokens, AnotherFormationIsRefused) {
  ASSERT_NO_FATAL_FAILURE(make_formation("shop"));
  const std::string token = secret({.formations = {"shop"}});
  expect_refused(request("a"), token, "for formation 'shop'");
  auto at_home = request("a");
  at_home.formation = "shop";
  EXPECT_TRUE(register_node(at_home, token));
}

TEST_F(EngineTokens, AnotherGroupIsRefusedAndItsOwnNeedsNotBeSaid) {
  ASSERT_NO_FATAL_FAILURE(make_formation("cluster", "citus"));
  const std::string token = secret({.formations = {"cluster"}, .group = 3, .nodes = 5});
  auto worker = request("");
  worker.formation = "cluster";
  worker.kind = "citus";
  worker.role = "worker";
  worker.group = 2;
  expect_refused(worker, token, "group 3");
  worker.group.reset();
  const auto joined = register_node(worker, token);
  ASSERT_TRUE(joined) << joined.error().message;
  EXPECT_EQ(joined->group, 3);
  auto coordinator = request("");
  coordinator.formation = "cluster";
  coordinator.kind = "citus";
  coordinator.role = "coordinator";
  EXPECT_FALSE(register_node(coordinator, token)) << "group 0 is another group";
  EXPECT_EQ(store.nodes.size(), 1U);
}

/// What a token says holds also where everybody may join.
TEST_F(EngineTokens, ItsTermsHoldWithTrustToo) {
  start_engine(true);
  const std::string token = secret();
  ASSERT_TRUE(revoke(1));
  expect_refused(request("a"), token, "revoked");
  EXPECT_TRUE(register_node(request("a")));
}

TEST_F(EngineTokens, ADroppedFormationsTokensAreRevoked) {
  ASSERT_NO_FATAL_FAILURE(make_formation("shop"));
  const std::string token = secret({.formations = {"shop"}});
  engine->drop_formation("shop", {"operator-token", 0}, [](const auto& done) { ASSERT_TRUE(done); });
  ASSERT_NO_FATAL_FAILURE(make_formation("shop"));
  auto r = request("a");
  r.formation = "shop";
  expect_refused(r, token, "revoked");
}

TEST_F(EngineTokens, AMonitorThatStartsAgainKnowsThem) {
  const std::string once = secret();
  const std::string twice = secret({.nodes = 2});
  ASSERT_TRUE(register_node(request("a"), once));
  ASSERT_TRUE(register_node(request("b"), twice));
  start_engine(false);
  expect_refused(request("c"), once, "used up");
  EXPECT_TRUE(register_node(request("c"), twice));
  expect_refused(request("d"), twice, "used up");
}

/// The answer was lost, and it is not known whether the node is registered: the token and the node go together.
TEST_F(EngineTokens, InDoubtTheTokenIsUsedIfAndOnlyIfTheNodeIsThere) {
  const std::string token = secret();
  for (const auto failure : {MemoryStore::Failure::before_commit, MemoryStore::Failure::after_commit}) {
    store.next_failure = failure;
    EXPECT_EQ(register_node(request("a"), token).error().code, Errc::unavailable);
    engine->restore(store.load().value());
    EXPECT_EQ(list().at(0).nodes_left, store.nodes.empty() ? 1 : 0);
  }
  EXPECT_EQ(store.nodes.size(), 1U);
}

TEST_F(EngineTokens, EachThingThatHappensToOneIsAnEvent) {
  const std::string token = secret({.nodes = 2});
  ASSERT_TRUE(register_node(request("a"), token));
  ASSERT_TRUE(revoke(1));
  EXPECT_TRUE(has_event("join token 1 is made: for 2 nodes of formation 'default', until ", "operator"));
  EXPECT_TRUE(has_event("a is registered with join token 1", "operator"));
  EXPECT_TRUE(has_event("join token 1 is revoked", "operator"));
}

TEST_F(EngineTokens, AJoinCredentialIsNoOperators) {
  const std::string token = secret({.nodes = 5});
  const auto node = register_node(request("a"), token);
  ASSERT_TRUE(node);
  auto& keeper = *keepers.emplace_back(std::make_unique<PretendedKeeper>());
  keeper.id = node->node;
  expect_no_operator(token);
  expect_no_operator("entry-credential");
  EXPECT_FALSE(may_look(token));
  EXPECT_TRUE(may_look("entry-credential")) << "its role may look at the same in the database";
  EXPECT_TRUE(register_node(request("b"), "entry-credential"));
  EXPECT_FALSE(register_node(request("c"), node->token)) << "a node's own credential lets no other one join";
  EXPECT_FALSE(register_node(request("c"), "guessed"));
  EXPECT_FALSE(register_node(request("c")));
}

TEST_F(EngineTokens, WhatMakesNoSenseIsRefused) {
  for (const protocol::TokenRequest& r :
       {protocol::TokenRequest{.role = "root"}, protocol::TokenRequest{.role = "operator"},
        protocol::TokenRequest{.role = "admin", .formations = {"default"}},
        protocol::TokenRequest{.role = "viewer", .group = 1}, protocol::TokenRequest{.role = "viewer", .nodes = 2},
        protocol::TokenRequest{.role = "viewer", .ttl = std::chrono::hours(24 * 366 + 1)},
        protocol::TokenRequest{.formations = {"default", "default"}}, protocol::TokenRequest{.nodes = 0},
        protocol::TokenRequest{.nodes = 10'001}, protocol::TokenRequest{.ttl = Millis{999}},
        protocol::TokenRequest{.ttl = std::chrono::hours(24 * 30 + 1)}, protocol::TokenRequest{.group = -1}})
    EXPECT_EQ(create(r).error().code, Errc::bad_usage);
  EXPECT_EQ(create({.formations = {"nowhere"}}).error().code, Errc::not_found);
  EXPECT_TRUE(store.tokens.empty());
}

TEST_F(EngineTokens, ThoseThatHaveEndedAreForgottenInTheEndAndNoNumberIsGivenTwice) {
  secret({.ttl = std::chrono::minutes(1)});
  secret({.ttl = std::chrono::minutes(1)});
  pass(std::chrono::minutes(90));
  EXPECT_EQ(state_of(1), "expired");
  secret();
  EXPECT_EQ(state_of(1), "gone");
  EXPECT_EQ(state_of(2), "gone");
  EXPECT_EQ(state_of(3), "valid");
  start_engine(false);
  EXPECT_EQ(create({})->id, 4);
}

}  // namespace
}  // namespace autoctl::test
