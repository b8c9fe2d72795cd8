// An operator takes nodes out of service and back: what is refused, what survives a restart, what follows from silence.
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

class EngineMaintenance : public EngineTest {
 protected:
  Result<protocol::OperationDocument> start(const std::string& kind, const std::string& name,
                                            bool allow_failover = false, const std::string& bearer = {}) {
    std::optional<Result<protocol::OperationDocument>> result;
    engine->start_operation({.kind = kind, .name = name, .allow_failover = allow_failover}, {bearer, 0},
                            [&](Result<protocol::OperationDocument> answer) { result = std::move(answer); });
    return *result;
  }
  std::string status(const protocol::OperationDocument& operation) const {
    return std::string(to_string(store.operations.at(operation.id).status));
  }
  NodeState goal(const PretendedKeeper& keeper) const { return store.nodes.at(keeper.id).goal.state; }
  void put_b_into_maintenance() {
    ASSERT_NO_FATAL_FAILURE(make_pair());
    const auto started = start("maintenance", "b");
    ASSERT_TRUE(started) << started.error().message;
    settle();
    ASSERT_EQ(status(*started), "done");
    ASSERT_EQ(goal(b()), NodeState::maintenance);
    ASSERT_EQ(goal(a()), NodeState::wait_primary);
  }
};

TEST_F(EngineMaintenance, AStandbyGoesAndComesBack) {
  ASSERT_NO_FATAL_FAILURE(put_b_into_maintenance());
  const auto ended = start("end_maintenance", "b");
  ASSERT_TRUE(ended) << ended.error().message;
  settle();
  EXPECT_EQ(status(*ended), "done");
  EXPECT_EQ(goal(b()), NodeState::secondary);
  EXPECT_EQ(goal(a()), NodeState::primary);
  EXPECT_TRUE(has_event("an operator asks for maintenance of b", "operator"));
  EXPECT_TRUE(has_event("maintenance_starts"));
  EXPECT_TRUE(has_event("an operator ends the maintenance of b", "operator"));
}

TEST_F(EngineMaintenance, AStandbyComesBackWithAFreshCopy) {
  ASSERT_NO_FATAL_FAILURE(put_b_into_maintenance());
  EXPECT_EQ(start("reinit", "a").error().code, Errc::conflict) << "it is the primary";
  const auto ended = start("reinit", "b");
  ASSERT_TRUE(ended) << ended.error().message;
  settle();
  EXPECT_EQ(status(*ended), "done");
  EXPECT_EQ(goal(b()), NodeState::secondary);
  EXPECT_TRUE(has_event("an operator wants the data of b replaced by a fresh copy", "operator"));
}

/// `autoctl enable maintenance` on the node, where operators need a credential.
TEST_F(EngineMaintenance, ANodesOwnCredentialIsForThatNodeOnly) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  start_engine(false);
  hold_all();
  EXPECT_EQ(start("maintenance", "b").error().code, Errc::denied);
  EXPECT_EQ(start("maintenance", "b", false, a().token).error().code, Errc::denied);
  EXPECT_EQ(start("maintenance", "nobody", false, a().token).error().code, Errc::denied);
  EXPECT_EQ(start("maintenance", "", false, a().token).error().code, Errc::denied);
  EXPECT_EQ(start("switchover", "b", false, b().token).error().code, Errc::denied);
  EXPECT_EQ(start("promotion", "b", false, b().token).error().code, Errc::denied);
  EXPECT_EQ(start("nonsense", "b", false, b().token).error().code, Errc::denied);
  const auto started = start("maintenance", "b", false, b().token);
  ASSERT_TRUE(started) << started.error().message;
  settle();
  EXPECT_EQ(goal(b()), NodeState::maintenance);
  EXPECT_TRUE(has_event("its own host asks for maintenance of b", "operator"));
  EXPECT_EQ(start("end_maintenance", "b", false, a().token).error().code, Errc::denied);
  EXPECT_TRUE(start("end_maintenance", "b", false, b().token));
}

TEST_F(EngineMaintenance, ThePrimaryHandsOverFirst) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto started = start("maintenance", "a", true);
  ASSERT_TRUE(started) << started.error().message;
  settle();
  EXPECT_EQ(status(*started), "done");
  EXPECT_EQ(goal(a()), NodeState::maintenance);
  EXPECT_EQ(goal(b()), NodeState::wait_primary);
}

TEST_F(EngineMaintenance, WhatCannotBeDoneIsRefusedWithAHint) {
  add("a");
  settle();
  EXPECT_EQ(start("maintenance", "a", true).error().code, Errc::conflict) << "nobody can take over";
  ASSERT_NO_FATAL_FAILURE(add("b"));
  EXPECT_EQ(start("maintenance", "b").error().code, Errc::conflict) << "it has not joined";
  settle();
  const auto primary = start("maintenance", "a");
  EXPECT_EQ(primary.error().code, Errc::conflict);
  EXPECT_NE(primary.error().hint.find("--allow-failover"), std::string::npos);
  EXPECT_EQ(start("end_maintenance", "b").error().code, Errc::conflict) << "it is not in maintenance";
  EXPECT_EQ(start("maintenance", "nobody").error().code, Errc::not_found);
  EXPECT_EQ(start("maintenance", "").error().code, Errc::bad_usage);
  ASSERT_TRUE(start("maintenance", "b"));
  settle();
  EXPECT_EQ(start("maintenance", "b").error().code, Errc::conflict) << "it is in maintenance already";
  EXPECT_EQ(start("maintenance", "a", true).error().code, Errc::conflict) << "at once: no standby can take over";
  EXPECT_EQ(goal(a()), NodeState::wait_primary);
  EXPECT_EQ(store.operations.rbegin()->second.status, monitor::OperationStatus::failed);
}

TEST_F(EngineMaintenance, NoStandbyIsSparedThatCommitsHaveToWaitFor) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  add("c");
  settle();
  ASSERT_EQ(store.formations.at("default").settings.number_sync_standbys, 1);
  ASSERT_TRUE(start("maintenance", "c"));
  settle();
  EXPECT_EQ(goal(*keepers[2]), NodeState::maintenance);
  EXPECT_EQ(start("maintenance", "b").error().code, Errc::conflict);
  EXPECT_EQ(start("maintenance", "a", true).error().code, Errc::conflict);
  settle();
  EXPECT_EQ(goal(b()), NodeState::secondary);
}

TEST_F(EngineMaintenance, ItSurvivesARestartOfTheMonitorAtAnyMoment) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto started = start("maintenance", "a", true);
  ASSERT_TRUE(started);
  for (int round = 0; round < 20; ++round) {
    start_engine();
    for (auto& keeper : keepers) {
      ++keeper->connection;
      obey_and_report(*keeper);
    }
  }
  EXPECT_EQ(status(*started), "done");
  EXPECT_EQ(goal(a()), NodeState::maintenance);
}

TEST_F(EngineMaintenance, ANodeInItIsNeitherWatchedNorJudgedNorMissed) {
  ASSERT_NO_FATAL_FAILURE(put_b_into_maintenance());
  engine->disconnected(b().connection);
  pass_reporting(Millis{60'000}, {&b()});
  EXPECT_FALSE(prober.watched.contains(b().id));
  const auto document = state();
  EXPECT_TRUE(document.trusts_itself);
  EXPECT_NE(document.nodes[1].health, "dead");
  EXPECT_EQ(document.groups[0].waiting_for, "b is in maintenance");
  EXPECT_EQ(goal(b()), NodeState::maintenance);
}

}  // namespace
}  // namespace autoctl::test
