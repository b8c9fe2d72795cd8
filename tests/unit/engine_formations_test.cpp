// Formations: made by operators, joined by nodes, dropped when they are empty.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineFormations : public EngineTest {
 protected:
  Errc create(const protocol::FormationDocument& formation, const std::string& bearer = {}) {
    Errc code = Errc::internal;
    engine->create_formation(formation, {bearer, 0},
                             [&](const auto& made) { code = made ? succeeded : made.error().code; });
    return code;
  }
  Errc drop(const std::string& formation) {
    Errc code = Errc::internal;
    engine->drop_formation(formation, {}, [&](const auto& done) { code = done ? succeeded : done.error().code; });
    return code;
  }
  Errc join(const std::string& formation, const std::string& kind, const std::string& dbname = "postgres") {
    auto r = request("");
    r.formation = formation;
    r.kind = kind;
    r.role = kind == "citus" ? "coordinator" : "postgres";
    r.dbname = dbname;
    const auto answer = register_node(r);
    return answer ? succeeded : answer.error().code;
  }
  /// What an empty formation's only node does when it is dropped.
  void drop_node(NodeId id, const std::string& token) {
    engine->drop_node(id, false, {}, [](const auto& dropped) { EXPECT_TRUE(dropped); });
    protocol::Report stopped;
    stopped.epoch = stopped.sequence = 1;
    stopped.facts.state = NodeState::dropped;
    stopped.facts.term = store.nodes.at(id).goal.term;
    engine->report(id, stopped, {token, 1}, [](const auto&) {});
    ASSERT_FALSE(store.nodes.contains(id));
  }
  static constexpr auto succeeded = static_cast<Errc>(-1);
};

class EngineSecondaries : public EngineFormations {
 protected:
  Result<> set(bool secondaries) {
    Result<> result;
    engine->change_settings({"default", {{"secondaries", secondaries ? "true" : "false"}}}, {}, [&](const auto& done) {
      if (!done) result = fail(done.error());
    });
    return result;
  }
};

TEST_F(EngineSecondaries, DisabledASecondNodeIsRefusedUntilTheyAreEnabled) {
  ASSERT_EQ(create({.name = "cache", .secondaries = false}), succeeded);
  EXPECT_EQ(join("cache", "pgsql"), succeeded);
  EXPECT_EQ(join("cache", "pgsql"), Errc::conflict);
  start_engine();
  EXPECT_EQ(join("cache", "pgsql"), Errc::conflict) << "the monitor started again";
  EXPECT_EQ(store.nodes.size(), 1U);
  engine->change_settings({"cache", {{"secondaries", "true"}}}, {}, [](const auto& done) { EXPECT_TRUE(done); });
  EXPECT_EQ(join("cache", "pgsql"), succeeded);
}

TEST_F(EngineSecondaries, AreNotDisabledWhileThereAreSome) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto refused = set(false);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::conflict);
  EXPECT_NE(refused.error().message.find("has standbys: b"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(store.formations.at("default").settings.secondaries);
  engine->drop_node(b().id, false, {}, [](const auto& dropped) { EXPECT_TRUE(dropped); });
  EXPECT_TRUE(set(false)) << "it is on its way out";
  EXPECT_TRUE(has_event("secondaries = false", "operator"));
  const auto answer = register_node(request("c"));
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().hint.find("autoctl enable secondary"), std::string::npos);
}

/// Nobody asked for a standby: a worker that names no group begins one.
TEST_F(EngineSecondaries, DisabledAWorkerBeginsAGroupOfItsOwn) {
  ASSERT_EQ(create({.name = "cache", .kind = "citus", .secondaries = false}), succeeded);
  ASSERT_EQ(join("cache", "citus"), succeeded);
  for (const GroupId expected : {1, 2}) {
    auto worker = request("");
    worker.formation = "cache";
    worker.kind = "citus";
    worker.role = "worker";
    const auto answer = register_node(worker);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->group, expected);
  }
  auto second = request("");
  second.formation = "cache";
  second.kind = "citus";
  second.role = "worker";
  second.group = 1;
  EXPECT_FALSE(register_node(second));
  EXPECT_EQ(join("cache", "citus"), Errc::conflict) << "a second coordinator";
}

TEST_F(EngineFormations, AMisspeltFormationIsNotMade) {
  auto r = request("a");
  r.formation = "defualt";
  const auto answer = register_node(r);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::not_found);
  EXPECT_NE(answer.error().hint.find("autoctl create formation"), std::string::npos);
  EXPECT_FALSE(store.formations.contains("defualt"));
  EXPECT_TRUE(store.nodes.empty());
  EXPECT_EQ(join("default", "pgsql"), succeeded) << "this one is always there";
}

TEST_F(EngineFormations, TheFirstNodeSaysWhatDefaultIs) {
  EXPECT_EQ(join("default", "citus", "app"), succeeded);
  EXPECT_EQ(store.formations.at("default").kind, "citus");
  EXPECT_EQ(store.formations.at("default").dbname, "app");
  EXPECT_EQ(join("default", "pgsql"), Errc::conflict);
}

TEST_F(EngineFormations, AFormationStaysOfTheKindItWasMadeWith) {
  ASSERT_EQ(create({.name = "shop", .kind = "citus", .dbname = "shop"}), succeeded);
  EXPECT_EQ(join("shop", "pgsql"), Errc::conflict);
  EXPECT_EQ(join("shop", "citus", "other"), succeeded);
  EXPECT_EQ(store.formations.at("shop").dbname, "shop");
  EXPECT_NE(store.formations.at("shop").replication_password, "");
  ASSERT_EQ(create({.name = "plain"}), succeeded);
  EXPECT_EQ(join("plain", "pgsql", "app"), succeeded);
  EXPECT_EQ(store.formations.at("plain").dbname, "app") << "nobody had said";
}

TEST_F(EngineFormations, WhatCannotBeAFormationIsRefused) {
  EXPECT_EQ(create({.name = ""}), Errc::bad_usage);
  EXPECT_EQ(create({.name = "a b"}), Errc::bad_usage);
  EXPECT_EQ(create({.name = "a", .kind = "mysql"}), Errc::bad_usage);
  EXPECT_EQ(create({.name = "a", .dbname = ""}), Errc::bad_usage);
  EXPECT_EQ(create({.name = "a", .number_sync_standbys = 1}), Errc::bad_usage);
  ASSERT_EQ(create({.name = "a"}), succeeded);
  EXPECT_EQ(create({.name = "a"}), Errc::conflict);
  store.away = true;
  EXPECT_EQ(create({.name = "b"}), Errc::unavailable);
  EXPECT_EQ(create({.name = "c"}), Errc::unavailable);
  EXPECT_EQ(store.formations.size(), 1U);
  start_engine(false);
  EXPECT_EQ(create({.name = "b"}), Errc::denied);
}

TEST_F(EngineFormations, OnlyAnEmptyFormationIsDropped) {
  EXPECT_EQ(drop("shop"), Errc::not_found);
  ASSERT_EQ(create({.name = "shop"}), succeeded);
  auto r = request("a");
  r.formation = "shop";
  const auto answer = register_node(r);
  ASSERT_TRUE(answer);
  EXPECT_EQ(drop("shop"), Errc::conflict);
  ASSERT_NO_FATAL_FAILURE(drop_node(answer->node, answer->token));
  EXPECT_EQ(drop("shop"), succeeded);
  EXPECT_FALSE(store.formations.contains("shop"));
  EXPECT_TRUE(store.groups.empty());
  EXPECT_TRUE(has_event("formation shop is dropped", "operator"));
  EXPECT_EQ(join("shop", "pgsql"), Errc::not_found);
  ASSERT_EQ(create({.name = "shop"}), succeeded);
  EXPECT_EQ(join("shop", "pgsql"), succeeded);
}

TEST_F(EngineFormations, AnOperationEndsWithItsFormation) {
  store.formations["shop"] = {.name = "shop"};
  store.groups[{"shop", 0}] = {.formation = "shop"};
  store.operations[1] = {.id = 1, .kind = monitor::OperationKind::switchover, .formation = "shop"};
  start_engine();
  std::string status;
  engine->operation(1, Millis{30'000}, {}, [&](const auto& ended) { status = ended->status; });
  EXPECT_EQ(drop("shop"), succeeded);
  EXPECT_EQ(status, "failed");
  EXPECT_EQ(store.operations.at(1).status, monitor::OperationStatus::failed);
}

TEST_F(EngineFormations, DefaultIsAlwaysThere) {
  ASSERT_EQ(join("default", "pgsql"), succeeded);
  EXPECT_EQ(drop("default"), Errc::conflict);
}

}  // namespace
}  // namespace autoctl::test
