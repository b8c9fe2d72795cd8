// Nodes that leave for another monitor, and nodes that come from one that was lost.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineReturning : public EngineTest {
 protected:
  /// The monitor is lost: another one that knows nothing. The keepers remember what they were told.
  void lose_monitor() {
    for (auto& keeper : keepers) remember(*keeper);
    store = MemoryStore();
    now += Millis{60'000};
    start_engine();
  }
  void remember(PretendedKeeper& keeper) {
    password_ = store.formations.at("default").replication_password;
    keeper.report.memory = {keeper.assignment.goal, keeper.assignment.peers, keeper.assignment.neighbours};
  }
  Result<> come(PretendedKeeper& keeper, const std::string& name) {
    protocol::RegisterRequest r;
    r.name = name;
    r.group = 0;
    r.host = keeper.report.host;
    r.port = keeper.report.port;
    r.api_port = keeper.report.api_port;
    r.system_id = keeper.report.facts.system_id;
    r.candidate_priority = keeper.assignment.standing.candidate_priority;
    r.former = protocol::FormerNode{keeper.id, password_, keeper.assignment.standing.settings};
    const auto answer = register_node(r);
    if (!answer) return fail(answer.error());
    EXPECT_EQ(answer->node, keeper.id);
    keeper.token = answer->token;
    return {};
  }
  void come_and_report(PretendedKeeper& keeper, const std::string& name) {
    const auto came = come(keeper, name);
    ASSERT_TRUE(came) << came.error().message;
    ++keeper.report.epoch;
    keeper.assignment.version = 0;
    report(keeper);
    ASSERT_FALSE(keeper.refused) << keeper.refused->message;
    keeper.report.memory.reset();
  }
  Result<> leave(PretendedKeeper& keeper) {
    std::optional<Result<>> result;
    engine->leave(keeper.id, {keeper.token, 0}, [&](Result<> answer) { result = std::move(answer); });
    return *result;
  }
  Result<> drop(PretendedKeeper& keeper, bool allow_data_loss = false) {
    std::optional<Result<>> result;
    engine->drop_node(keeper.id, allow_data_loss, {}, [&](Result<> answer) { result = std::move(answer); });
    return *result;
  }
  std::string waiting_for() { return state().groups.at(0).waiting_for; }

  std::string password_;
};

TEST_F(EngineReturning, WhatTheNodesKnowIsBack) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  engine->change_settings({"default", {{"silence_timeout", "9000"}}}, {}, [](const auto&) {});
  hold_all();
  const auto before = store.groups.at({"default", 0});
  const Goal goal_a = a().assignment.goal;
  const Goal goal_b = b().assignment.goal;
  lose_monitor();

  come_and_report(a(), "a");
  EXPECT_EQ(a().assignment.goal, goal_a) << "nothing changes before all are here";
  EXPECT_EQ(a().assignment.peers.size(), 1U) << "the standby's slot stays";
  EXPECT_TRUE(a().assignment.lease_required);
  EXPECT_EQ(a().assignment.lease, Millis{0}) << "the other monitor may live, and elect the standby";
  EXPECT_NE(waiting_for().find("enable monitor"), std::string::npos) << waiting_for();
  pass_reporting(Millis{120'000}, {&b()});
  EXPECT_EQ(a().assignment.goal, goal_a);

  come_and_report(b(), "b");
  EXPECT_EQ(b().assignment.goal, goal_b);
  report(a());
  EXPECT_EQ(a().assignment.goal, goal_a);
  EXPECT_GT(a().assignment.lease, Millis{0});
  EXPECT_EQ(store.groups.at({"default", 0}).quorum_confirmed, before.quorum_confirmed);
  EXPECT_GT(store.groups.at({"default", 0}).term, std::max(goal_a.term, goal_b.term));
  EXPECT_EQ(store.formations.at("default").settings.silence_timeout, Millis{9000});
  EXPECT_EQ(store.formations.at("default").replication_password, password_);
  EXPECT_EQ(waiting_for(), "");
}

TEST_F(EngineReturning, StandbyThatComesFirstWaitsForThePrimary) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  lose_monitor();
  come_and_report(b(), "b");
  pass_reporting(Millis{120'000}, {&a()});
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary);
  const auto dropped = drop(a());
  ASSERT_FALSE(dropped) << "what the primary acknowledged may be there alone";
  EXPECT_EQ(dropped.error().code, Errc::conflict);
  come_and_report(a(), "a");
  EXPECT_EQ(a().assignment.goal.state, NodeState::primary);
  EXPECT_EQ(store.groups.at({"default", 0}).quorum_confirmed.voters, std::vector<NodeId>{b().id});
}

/// The monitor and the primary are lost together.
TEST_F(EngineReturning, LastPrimaryIsGivenUpByAnOperatorOnly) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  lose_monitor();
  come_and_report(b(), "b");
  ASSERT_FALSE(drop(a()));
  EXPECT_FALSE(has_event("gives up"));
  start_engine();
  ASSERT_TRUE(drop(a(), true));
  EXPECT_TRUE(has_event("an operator gives up a, which was last seen as primary", "operator"));
  start_engine();  // the word is written down, and b has to report again before anything is decided
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::secondary);
  for (int round = 0; round < 4; ++round) {
    report(b());
    obey_and_report(b());
    b().report.facts.receiving = false;
  }
  EXPECT_TRUE(has_event("formation_is_complete"));
  EXPECT_TRUE(has_event("standbys_elect"));
  EXPECT_TRUE(is_leader_state(store.nodes.at(b().id).goal.state)) << to_string(store.nodes.at(b().id).goal.state);
  EXPECT_FALSE(store.groups.at({"default", 0}).primary_given_up) << "it was for this once";
  come_and_report(a(), "a");
  EXPECT_FALSE(is_leader_state(a().assignment.goal.state)) << "its time is over";
}

TEST_F(EngineReturning, LastPrimaryThatComesInTimeGoesOnThoughItWasGivenUp) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  add("c");
  settle();
  hold_all();
  lose_monitor();
  come_and_report(b(), "b");
  ASSERT_TRUE(drop(a(), true));
  come_and_report(a(), "a");
  come_and_report(*keepers[2], "c");
  EXPECT_EQ(store.nodes.at(a().id).goal.state, NodeState::primary);
  EXPECT_EQ(store.nodes.at(b().id).goal.state, NodeState::secondary);
}

TEST_F(EngineReturning, StandbyThatIsGoneIsDroppedAndThePrimaryGoesOnAlone) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  lose_monitor();
  come_and_report(a(), "a");
  const auto dropped = drop(b());
  ASSERT_TRUE(dropped) << dropped.error().message;
  for (int i = 0; i < 5; ++i) obey_and_report(a());
  EXPECT_EQ(a().assignment.goal.state, NodeState::single);
}

/// They bring the formation's settings with them: what an operator had set is not made another by their coming.
TEST_F(EngineReturning, NumberSyncStandbysIsAsTheNodesKnowItAndFitsThoseWhoAreLeft) {
  for (const std::string set : {"0", "1"}) {
    SCOPED_TRACE("number_sync_standbys = " + set);
    store = MemoryStore();
    keepers.clear();
    start_engine();
    ASSERT_NO_FATAL_FAILURE(make_pair());
    add("c");
    settle();
    engine->change_settings({"default", {{"number_sync_standbys", set}}}, {}, [](const auto&) {});
    settle();
    lose_monitor();
    const auto now_set = [this] {
      return std::to_string(store.formations.at("default").settings.number_sync_standbys);
    };
    come_and_report(a(), "a");
    come_and_report(b(), "b");
    EXPECT_EQ(now_set(), set);
    ASSERT_TRUE(drop(*keepers[2]));
    EXPECT_EQ(now_set(), "0") << "one standby is left";
    come_and_report(*keepers[2], "c");
    EXPECT_EQ(now_set(), "0") << "a former node changes nothing";
  }
}

TEST_F(EngineReturning, LatecomerJoinsTheGroupThatWentOn) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  lose_monitor();
  come_and_report(a(), "a");
  ASSERT_TRUE(drop(b()));
  for (int i = 0; i < 5; ++i) obey_and_report(a());
  ASSERT_EQ(a().assignment.goal.state, NodeState::single);
  come_and_report(b(), "b");
  EXPECT_EQ(b().assignment.goal.state, NodeState::catchingup);
  settle();
  EXPECT_EQ(a().assignment.goal.state, NodeState::primary);
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary);
}

TEST_F(EngineReturning, MonitorThatStartsAgainMeanwhileWaitsOn) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  lose_monitor();
  come_and_report(a(), "a");
  start_engine();
  come_and_report(b(), "b");
  EXPECT_NE(waiting_for().find("a has reported"), std::string::npos) << waiting_for();
  report(a());
  EXPECT_EQ(waiting_for(), "");
}

TEST_F(EngineReturning, NodeThatLeftIsNotReplacedAndMayComeBack) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const Goal goal = a().assignment.goal;
  remember(a());
  ASSERT_TRUE(leave(a()));
  EXPECT_EQ(refusal(a()), Errc::denied) << "the report that was held open";
  report(a());
  EXPECT_EQ(refusal(a()), Errc::denied);
  pass_reporting(Millis{120'000}, {&a()});
  EXPECT_EQ(b().assignment.goal.state, NodeState::secondary) << "it may be the primary under another monitor";
  come_and_report(a(), "a");
  EXPECT_EQ(a().assignment.goal, goal);
  EXPECT_EQ(waiting_for(), "");
}

/// A primary and two standbys, the second of which leaves by its own word.
class EngineStandbyLeaves : public EngineReturning {
 protected:
  void make_three() {
    ASSERT_NO_FATAL_FAILURE(make_pair());
    add("c");
    settle();
    ASSERT_EQ(quorum().voters, (std::vector<NodeId>{b().id, c().id}));
    hold_all();
    remember(b());
  }
  PretendedKeeper& c() { return *keepers[2]; }
  const SyncQuorum& quorum() { return store.groups.at({"default", 0}).quorum_confirmed; }
  NodeState goal_of(const PretendedKeeper& keeper) { return store.nodes.at(keeper.id).goal.state; }
  /// The primary is dead by conclusive evidence; the third node says what it sees.
  void kill_primary() {
    engine->disconnected(a().connection);
    c().report.facts.receiving = false;
    for (int i = 0; i < 20; ++i) {
      pass(Millis{20});
      engine->probed(a().id, monitor::ProbedPort::postgres, PortState::refused);
      engine->probed(a().id, monitor::ProbedPort::keeper, PortState::refused);
      report(c(), true);
    }
  }
};

TEST_F(EngineStandbyLeaves, TheOthersGoOnAndFailOver) {
  ASSERT_NO_FATAL_FAILURE(make_three());
  ASSERT_TRUE(leave(b()));
  EXPECT_EQ(refusal(b()), Errc::denied) << "the report that was held open";
  EXPECT_EQ(waiting_for(), "");
  EXPECT_FALSE(store.formations.at("default").incomplete);
  EXPECT_LT(state().nodes.at(1).report_age_ms, 0) << "`enable monitor` there has something to do";
  for (int i = 0; i < 5; ++i) {
    obey_and_report(a());
    report(c());
  }
  EXPECT_EQ(quorum().voters, std::vector<NodeId>{c().id}) << "what it acknowledges counts no more";
  EXPECT_EQ(a().assignment.peers.size(), 2U) << "its slot and its lines are kept for it";
  EXPECT_GT(a().assignment.lease, Millis{0});
  report(b());
  EXPECT_EQ(refusal(b()), Errc::denied);
  for (const char* kind : {"promotion", "maintenance"})
    engine->start_operation({.kind = kind, .formation = "default", .group = std::nullopt, .name = "b"}, {},
                            [&](const auto& answer) { EXPECT_EQ(answer.error().code, Errc::conflict) << kind; });
  ASSERT_NO_FATAL_FAILURE(kill_primary());
  EXPECT_NE(goal_of(c()), NodeState::secondary) << "the failover goes on";
  EXPECT_EQ(goal_of(b()), NodeState::secondary) << "of one that is gone nothing is wanted";
}

/// Until the primary has proved that it waits for others, the one that left may have the last commits.
TEST_F(EngineStandbyLeaves, WhatItMayHaveAcknowledgedIsNotGivenUp) {
  ASSERT_NO_FATAL_FAILURE(make_three());
  ASSERT_TRUE(leave(b()));
  ASSERT_EQ(quorum().voters, (std::vector<NodeId>{b().id, c().id})) << "the primary has not said anything since";
  ASSERT_NO_FATAL_FAILURE(kill_primary());
  for (int i = 0; i < 5; ++i) obey_and_report(c());
  EXPECT_FALSE(is_candidate_state(goal_of(c())) || is_leader_state(goal_of(c()))) << to_string(goal_of(c()));
  come_and_report(b(), "b");
  EXPECT_TRUE(counts_in_elections(goal_of(b()))) << to_string(goal_of(b())) << ": nobody has told it anything since";
}

TEST_F(EngineStandbyLeaves, ItComesBackAsAStandby) {
  ASSERT_NO_FATAL_FAILURE(make_three());
  ASSERT_TRUE(leave(b()));
  for (int i = 0; i < 5; ++i) {
    obey_and_report(a());
    report(c());
  }
  come_and_report(b(), "b");
  EXPECT_EQ(goal_of(b()), NodeState::catchingup) << "the others have gone on without it";
  settle();
  EXPECT_EQ(goal_of(b()), NodeState::secondary);
  EXPECT_EQ(quorum().voters, (std::vector<NodeId>{b().id, c().id}));
}

TEST_F(EngineStandbyLeaves, TheOnlyOneLeavesThePrimaryAlone) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  hold_all();
  remember(b());
  ASSERT_TRUE(leave(b()));
  for (int i = 0; i < 5; ++i) obey_and_report(a());
  EXPECT_TRUE(is_leader_state(goal_of(a())));
  EXPECT_TRUE(quorum().asynchronous());
  start_engine();  // it is written down
  for (int i = 0; i < 5; ++i) obey_and_report(a());
  EXPECT_TRUE(is_leader_state(goal_of(a())));
  come_and_report(b(), "b");
  settle();
  EXPECT_EQ(goal_of(a()), NodeState::primary);
  EXPECT_EQ(goal_of(b()), NodeState::secondary);
}

/// All of them go to another monitor, the primary first: none of them is told anything on the way.
TEST_F(EngineStandbyLeaves, AfterThePrimaryTheOthersLeaveAsTheyAre) {
  ASSERT_NO_FATAL_FAILURE(make_three());
  const Goal goal = a().assignment.goal;
  ASSERT_TRUE(leave(a()));
  ASSERT_TRUE(leave(b()));
  pass_reporting(Millis{60'000}, {&a(), &b()});
  EXPECT_EQ(store.nodes.at(a().id).goal, goal);
  EXPECT_EQ(goal_of(c()), NodeState::secondary);
  EXPECT_NE(waiting_for().find("a, b"), std::string::npos) << waiting_for();
}

TEST_F(EngineReturning, RefusesWhatDoesNotFit) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  remember(a());
  EXPECT_EQ(come(a(), "a").error().code, Errc::conflict) << "it is here";
  lose_monitor();
  come_and_report(a(), "a");
  const auto newcomer = register_node(request("c"));
  ASSERT_FALSE(newcomer);
  EXPECT_EQ(newcomer.error().code, Errc::conflict);
  b().report.facts.system_id = SystemId{4712};
  EXPECT_EQ(come(b(), "b").error().code, Errc::conflict) << "another cluster's data";
}

TEST_F(EngineReturning, ATermThatNothingComesAfterIsNotTakenOver) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  lose_monitor();
  come_and_report(a(), "a");
  constexpr Term last{std::numeric_limits<std::uint64_t>::max()};
  b().report.memory->goal.term = last;
  ASSERT_TRUE(come(b(), "b"));
  ++b().report.epoch;
  report(b());
  EXPECT_EQ(refusal(b()), Errc::bad_usage) << "its state file is not to be believed";

  b().report.memory->goal = {.state = NodeState::dropped, .term = last};
  b().report.facts.state = NodeState::dropped;
  b().report.facts.term = last;
  report(b());
  EXPECT_FALSE(store.nodes.contains(b().id)) << "it was dropped for good";
  EXPECT_LT(store.groups.at({"default", 0}).term, Term{100});
}

}  // namespace
}  // namespace autoctl::test
