// What operators do: register, drop, switch over, change settings, look.
#include "monitor/engine/settings_values.h"
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineOperations : public EngineTest {
 protected:
  Result<protocol::OperationDocument> start(const std::string& kind, const std::string& name = {}) {
    std::optional<Result<protocol::OperationDocument>> result;
    engine->start_operation({.kind = kind, .formation = "default", .group = std::nullopt, .name = name}, {},
                            [&](Result<protocol::OperationDocument> answer) { result = std::move(answer); });
    return *result;
  }
  Result<> drop(NodeId id, const std::string& bearer = {}, bool allow_data_loss = false) {
    std::optional<Result<>> result;
    engine->drop_node(id, allow_data_loss, {bearer, 0}, [&](Result<> answer) { result = std::move(answer); });
    return *result;
  }
  Result<protocol::SettingsDocument> change(const monitor::SettingValues& values) {
    std::optional<Result<protocol::SettingsDocument>> result;
    engine->change_settings({"default", values}, {},
                            [&](Result<protocol::SettingsDocument> answer) { result = std::move(answer); });
    return *result;
  }
  Errc code(const Result<protocol::RegisterAnswer>& answer) { return answer ? Errc::internal : answer.error().code; }
};

TEST_F(EngineOperations, RegistrationIsCheckedAndCredentialsAreStoredHashed) {
  auto first = request("a");
  const auto answer = register_node(first);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->goal.state, NodeState::single);
  EXPECT_EQ(store.nodes.at(answer->node).token_sha256, one_way(answer->token));
  EXPECT_NE(answer->replication_password, "");

  EXPECT_EQ(code(register_node(first)), Errc::conflict);
  auto r = request("b");
  r.port = first.port;
  EXPECT_EQ(code(register_node(r)), Errc::conflict);
  r = request("b\nb");
  EXPECT_EQ(code(register_node(r)), Errc::bad_usage);
  r = request("b");
  r.group = 1;
  EXPECT_EQ(code(register_node(r)), Errc::bad_usage) << "a pgsql formation has group 0 only";
  r = request("b");
  r.kind = "citus";
  r.role = "worker";
  EXPECT_EQ(code(register_node(r)), Errc::conflict) << "the formation is of another kind";
  r = request("b");
  r.protocol = protocol::version + 1;
  EXPECT_EQ(code(register_node(r)), Errc::incompatible);
  EXPECT_EQ(store.nodes.size(), 1U);
}

TEST_F(EngineOperations, AGroupHasOneSystemIdentifier) {
  auto first = request("a");
  first.system_id = SystemId{5};
  ASSERT_TRUE(register_node(first));
  auto second = request("b");
  second.system_id = SystemId{6};
  EXPECT_EQ(code(register_node(second)), Errc::conflict);
  second.system_id = SystemId{5};
  second.existing_standby = true;
  EXPECT_TRUE(register_node(second));
}

TEST_F(EngineOperations, AStandbyOpensNoGroup) {
  auto r = request("a");
  r.system_id = SystemId{5};
  r.existing_standby = true;
  EXPECT_EQ(code(register_node(r)), Errc::conflict);
  EXPECT_TRUE(store.nodes.empty());
}

TEST_F(EngineOperations, CitusWorkersGetGroupsOfTwo) {
  engine->create_formation({.name = "cluster", .kind = "citus"}, {}, [](const auto& made) { ASSERT_TRUE(made); });
  const auto worker = [&] {
    auto r = request("");
    r.formation = "cluster";
    r.kind = "citus";
    r.role = "worker";
    return register_node(r).value();
  };
  EXPECT_EQ(worker().group, 1);
  EXPECT_EQ(worker().group, 1);
  EXPECT_EQ(worker().group, 2);
  EXPECT_EQ(worker().name, "worker2b");
}

TEST_F(EngineOperations, WithAuthenticationEverythingNeedsACredential) {
  start_engine(false);
  EXPECT_EQ(code(register_node(request("a"))), Errc::denied);
  EXPECT_EQ(code(register_node(request("a"), "operator-tokem")), Errc::denied);
  const auto answer = register_node(request("a"), "operator-token");
  ASSERT_TRUE(answer);
  EXPECT_EQ(code(register_node(request("b"), answer->token)), Errc::denied) << "a node is no operator";
  int seen = 0;
  const auto look = [&](const std::string& bearer) {
    bool allowed = false;
    engine->state("", std::nullopt, {bearer, 0}, [&](const auto& result) {
      allowed = result.has_value();
      ++seen;
    });
    return allowed;
  };
  EXPECT_TRUE(look(answer->token));
  EXPECT_FALSE(look(""));
  EXPECT_EQ(seen, 2);
  EXPECT_TRUE(drop(answer->node, answer->token)) << "a node may drop itself";
}

TEST_F(EngineOperations, SwitchoverRunsToItsEndAndIsWaitedFor) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto started = start("switchover");
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(started->status, "running");
  EXPECT_EQ(start("switchover").error().code, Errc::conflict);
  std::optional<protocol::OperationDocument> ended;
  engine->operation(started->id, Millis{30'000}, {}, [&](const auto& result) { ended = result.value(); });
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::draining);
  for (int round = 0; round < 12 && !ended; ++round)
    for (auto& keeper : keepers) {
      report(*keeper);
      obey_and_report(*keeper);
    }
  ASSERT_TRUE(ended);
  EXPECT_EQ(ended->status, "done") << ended->message;
  EXPECT_EQ(store.operations.at(started->id).status, monitor::OperationStatus::done);
  EXPECT_TRUE(has_event("an operator asks for a switchover", "operator"));
}

TEST_F(EngineOperations, WhatCannotBeDoneIsRefused) {
  add("a");
  report(a());
  obey_and_report(a());
  EXPECT_EQ(start("switchover").error().code, Errc::conflict) << "there is no standby";
  EXPECT_EQ(start("promotion", "nobody").error().code, Errc::not_found);
  EXPECT_EQ(start("promotion", "a").error().code, Errc::conflict) << "it is the primary";
  EXPECT_EQ(start("promotion").error().code, Errc::bad_usage);
  EXPECT_EQ(start("reboot").error().code, Errc::bad_usage);
  EXPECT_TRUE(store.operations.empty());
}

TEST_F(EngineOperations, CommitsAreGivenUpOnlyOnRequestAndWhenThePrimaryIsLost) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  EXPECT_EQ(start("forced_failover").error().code, Errc::conflict) << "the primary is there";
  b().report.facts.receiving = false;
  a().report.facts.streaming.clear();
  report(a());
  pass_reporting(Millis{6'000});
  obey(a());  // it waits for nobody any more
  a().report.facts.streaming.clear();
  report(a());
  ASSERT_EQ(store.nodes.at(a().id).goal.state, NodeState::wait_primary);
  engine->disconnected(a().connection);
  now += Millis{1};
  engine->probed(a().id, monitor::ProbedPort::postgres, PortState::refused);
  engine->probed(a().id, monitor::ProbedPort::keeper, PortState::refused);
  pass_reporting(Millis{5'000}, {&a()});
  ASSERT_EQ(store.nodes.at(a().id).goal.state, NodeState::wait_primary) << "b may lack commits";
  const auto started = start("forced_failover");
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::prepare_promotion);
  EXPECT_TRUE(has_event("accepts that commits may be lost", "operator"));
  for (int round = 0; round < 4; ++round) {
    report(b());
    obey_and_report(b());
    b().report.facts.receiving = false;
  }
  EXPECT_EQ(store.operations.at(started->id).status, monitor::OperationStatus::done)
      << store.operations.at(started->id).message;
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::wait_primary);
}

/// The old primary has told that it drains, then both are gone, and a standby alone cannot know what it lacks.
TEST_F(EngineOperations, GivingCommitsUpEndsAHandOverThatCannotEnd) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  add("c");
  settle();
  const auto planned = start("switchover");
  ASSERT_TRUE(planned) << planned.error().message;
  ASSERT_EQ(store.nodes.at(a().id).goal.state, NodeState::draining);
  EXPECT_EQ(start("switchover").error().code, Errc::conflict);
  for (auto* keeper : {&a(), &b()}) {
    engine->disconnected(keeper->connection);
    now += Millis{1};
    engine->probed(keeper->id, monitor::ProbedPort::postgres, PortState::refused);
    engine->probed(keeper->id, monitor::ProbedPort::keeper, PortState::refused);
  }
  keepers[2]->report.facts.receiving = false;
  pass_reporting(Millis{6'000}, {&a(), &b()});
  ASSERT_EQ(store.operations.at(planned->id).status, monitor::OperationStatus::running);
  const auto forced = start("forced_failover");
  ASSERT_TRUE(forced) << forced.error().message;
  EXPECT_EQ(store.operations.at(planned->id).status, monitor::OperationStatus::failed);
  EXPECT_EQ(store.operations.at(forced->id).target, keepers[2]->id);
  EXPECT_EQ(store.nodes.at(keepers[2]->id).goal.state, NodeState::prepare_promotion);
}

TEST_F(EngineOperations, AWaiterIsToldWhenItsTimeIsOver) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto started = start("switchover");
  ASSERT_TRUE(started);
  std::string status;
  engine->operation(started->id, Millis{300}, {}, [&](const auto& result) { status = result->status; });
  pass(Millis{350});
  EXPECT_EQ(status, "running");
}

TEST_F(EngineOperations, APrimaryThatWaitsForNobodyIsNotDroppedByTheWay) {
  add("a");
  report(a());
  obey_and_report(a());
  engine->disconnected(a().connection);
  pass(Millis{20'000});
  const auto unheard = drop(a().id);
  ASSERT_FALSE(unheard) << "it may go on taking writes";
  EXPECT_EQ(unheard.error().code, Errc::conflict);
  EXPECT_NE(unheard.error().message.find("goes on taking writes"), std::string::npos) << unheard.error().message;
  report(a());
  add("b");
  const auto needed = drop(a().id);
  ASSERT_FALSE(needed) << "b has nothing yet";
  EXPECT_NE(needed.error().hint.find("--allow-data-loss"), std::string::npos) << needed.error().hint;
  EXPECT_NE(store.nodes.at(a().id).goal.state, NodeState::dropped);
  ASSERT_TRUE(drop(b().id)) << "it has nothing that anybody needs";
  obey_and_report(b());
  ASSERT_TRUE(drop(a().id)) << "it is heard, and nobody is left who could need it";
}

TEST_F(EngineOperations, WhatAPrimaryAloneHasIsGivenUpOnRequest) {
  add("a");
  report(a());
  obey_and_report(a());
  add("b");
  ASSERT_TRUE(drop(a().id, {}, true));
  EXPECT_TRUE(has_event("a is dropped by an operator, who accepts that commits may be lost", "operator"));
}

TEST_F(EngineOperations, ANodeThatDropsItselfHasStopped) {
  add("a");
  report(a());
  obey_and_report(a());
  add("b");
  ASSERT_TRUE(drop(a().id, a().token));
}

TEST_F(EngineOperations, ADroppedNodeStopsFirstAndIsForgottenThen) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  ASSERT_TRUE(drop(b().id));
  EXPECT_EQ(b().assignment.goal.state, NodeState::dropped);
  EXPECT_TRUE(store.nodes.contains(b().id));
  obey_and_report(b());
  EXPECT_FALSE(store.nodes.contains(b().id));
  report(a());
  EXPECT_TRUE(a().assignment.peers.empty());
  report(b());
  EXPECT_EQ(refusal(b()), Errc::not_found);
  EXPECT_EQ(drop(b().id).error().code, Errc::not_found);
  EXPECT_GT(add("c").id, NodeId{2}) << "ids are never reused";
}

TEST_F(EngineOperations, ADeadNodeIsForgottenWithoutItsWord) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->disconnected(b().connection);
  now += Millis{1};
  engine->probed(b().id, monitor::ProbedPort::postgres, PortState::refused);
  engine->probed(b().id, monitor::ProbedPort::keeper, PortState::refused);
  a().report.facts.streaming.clear();
  report(a());
  ASSERT_TRUE(drop(b().id));
  EXPECT_FALSE(store.nodes.contains(b().id));
}

TEST_F(EngineOperations, ANodeThatCannotBeHeardIsForgottenWhenAskedTwice) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  pass_reporting(Millis{2'000}, {&b()});
  ASSERT_TRUE(drop(b().id));
  EXPECT_TRUE(store.nodes.contains(b().id)) << "nothing proves that it has stopped";
  ASSERT_TRUE(drop(b().id));
  EXPECT_FALSE(store.nodes.contains(b().id));

  // It had heard nothing of it, and comes back.
  report(b());
  ASSERT_FALSE(b().refused);
  EXPECT_EQ(b().assignment.goal.state, NodeState::dropped);
  EXPECT_GT(b().assignment.goal.term, store.groups.at({"default", 0}).term)
      << "whatever it was told last, this is newer";
  EXPECT_EQ(b().assignment.monitor_id, engine->monitor_id());
  report(b());
  EXPECT_EQ(refusal(b()), Errc::not_found) << "it knows";
}

TEST_F(EngineOperations, AGroupWhoseLastNodeWasDroppedBeginsAnew) {
  add("a");
  report(a());
  obey_and_report(a());
  ASSERT_TRUE(drop(a().id));
  auto r = request("new");
  r.system_id = SystemId{1234};
  const auto term = store.groups.at({"default", 0}).term;
  const auto answer = register_node(r);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->goal.state, NodeState::init) << "the old one may still serve";
  report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::dropped) << "its data is of another cluster, and still it is told";
  obey_and_report(a());
  EXPECT_EQ(store.nodes.at(answer->node).goal.state, NodeState::single);
  EXPECT_GT(store.groups.at({"default", 0}).term, term);
}

TEST_F(EngineOperations, SettingsAreCheckedStoredAndInForce) {
  add("a");
  report(a());
  EXPECT_EQ(change({{"heartbeat", "soon"}}).error().code, Errc::bad_usage);
  EXPECT_EQ(change({{"hartbeat", "500"}}).error().code, Errc::not_found);
  EXPECT_EQ(change({{"heartbeat", "500"}, {"silence_timeout", "600"}}).error().code, Errc::bad_usage);
  ASSERT_TRUE(change({{"heartbeat", "500"}}));
  EXPECT_EQ(store.formations.at("default").settings.heartbeat, Millis{500});
  report(a());
  EXPECT_EQ(a().assignment.heartbeat, Millis{500});
}

TEST_F(EngineOperations, EventsAreFollowed) {
  add("a");
  std::optional<protocol::EventsDocument> seen;
  monitor::EventQuery query{.after = store.all_events().back().id};
  engine->events(query, Millis{10'000}, {}, [&](const auto& result) { seen = result.value(); });
  EXPECT_FALSE(seen);
  report(a());
  obey_and_report(a());
  ASSERT_TRUE(seen);
  EXPECT_EQ(seen->events.front().kind, "report");
  EXPECT_EQ(seen->last_id, store.all_events().back().id);

  query.after = seen->last_id;
  seen.reset();
  engine->events(query, Millis{100}, {}, [&](const auto& result) { seen = result.value(); });
  pass(Millis{150});
  ASSERT_TRUE(seen);
  EXPECT_TRUE(seen->events.empty());
}

TEST_F(EngineOperations, TheLatestEventsAreFoundAlsoWhenTheyAreLongPast) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  std::optional<protocol::EventsDocument> latest;
  engine->events({.latest = true, .count = 2}, Millis{0}, {}, [&](const auto& result) { latest = result.value(); });
  ASSERT_EQ(latest->events.size(), 2U);
  EXPECT_EQ(latest->events.back().id, store.all_events().back().id);
}

TEST_F(EngineOperations, TheStateSaysWhoCanTakeOverAndWhyNot) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto document = state();
  ASSERT_EQ(document.nodes.size(), 2U);
  EXPECT_EQ(document.nodes[0].connection, "read-write");
  EXPECT_EQ(document.nodes[1].connection, "read-only");
  EXPECT_TRUE(document.nodes[1].electable);
  EXPECT_FALSE(document.nodes[0].electable);
  EXPECT_EQ(document.nodes[0].not_electable_because, "it is the primary");
  EXPECT_EQ(document.groups[0].waiting_for, "");
  EXPECT_EQ(document.formations[0].name, "default");
}

TEST_F(EngineOperations, WithSeveralGroupsAnOperationSaysWhichOrNamesANode) {
  const auto add_citus = [this](const std::string& role, const std::string& name) {
    auto r = request(name);
    r.kind = "citus";
    r.role = role;
    if (role == "worker") r.group = 1;
    add(r);
  };
  add_citus("coordinator", "c1");
  settle();
  EXPECT_EQ(start("switchover").error().code, Errc::conflict) << "the only group, and it has no standby";
  for (const char* name : {"w1", "w2"}) add_citus("worker", name);
  add_citus("coordinator", "c2");
  settle();
  const auto unclear = start("switchover");
  ASSERT_FALSE(unclear);
  EXPECT_EQ(unclear.error().code, Errc::bad_usage);
  EXPECT_NE(unclear.error().message.find("0, 1"), std::string::npos) << unclear.error().message;
  EXPECT_EQ(start("promotion", "nobody").error().code, Errc::not_found);
  const auto named = start("promotion", "w2");
  ASSERT_TRUE(named) << named.error().message;
  EXPECT_EQ(named->group, 1);
  const auto maintenance = start("maintenance", "c2");
  ASSERT_TRUE(maintenance) << maintenance.error().message;
  EXPECT_EQ(maintenance->group, 0);
}

}  // namespace
}  // namespace autoctl::test
