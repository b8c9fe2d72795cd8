// What the keeper does where others have their hands in: who dropped the node, stopped its Postgres, changed its files,
// or took all of its connections.
#include <gmock/gmock.h>

#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KeeperAmongOthers : public KeeperCore {
 protected:
  void ends(bool in_order) {
    is_stopped(seen.standby_signal, in_order ? Lsn{100} : Lsn{});
    core->observed(seen, now);
    orders.clear();
  }
  std::string news() { return core->next_report(false).news.empty() ? "" : core->next_report(false).news.back().text; }
};

TEST_F(KeeperAmongOthers, ADroppedNodeEndsWhenItsMonitorKnowsThatItHasStopped) {
  begin_as_standby();
  core->unknown_to_monitor(now);
  EXPECT_FALSE(core->has_retired(now + 1h)) << "only one that was dropped";
  assign(goal(NodeState::dropped, 6));
  const TimePoint before = now;
  now += 1s;
  rest();
  EXPECT_EQ(core->facts().state, NodeState::dropped);
  core->unknown_to_monitor(before);
  EXPECT_FALSE(core->has_retired(now)) << "that report said nothing of it";
  core->unknown_to_monitor(now);
  EXPECT_TRUE(core->has_retired(now));
}

TEST_F(KeeperAmongOthers, ADroppedNodeEndsWithAnyAnswerAndDoesNotWaitForOneForEver) {
  begin_as_standby();
  assign(goal(NodeState::dropped, 6));
  now += 1s;
  rest();
  EXPECT_FALSE(core->has_retired(now + 29s));
  EXPECT_TRUE(core->has_retired(now + 31s)) << "the monitor is gone";
  core->answered(assignment(goal(NodeState::dropped, 6)), now, now);
  EXPECT_TRUE(core->has_retired(now));
}

// ---- somebody else stops Postgres

TEST_F(KeeperAmongOthers, AServerThatSomebodyElseStoppedIsLeftAloneForASecond) {
  for (const bool standby : {false, true}) {
    standby ? begin_as_standby() : begin_as_primary();
    ends(true);
    const Ready ready = rest();
    EXPECT_THAT(orders, IsEmpty());
    EXPECT_EQ(ready.wake_at, now + 1s);
    EXPECT_TRUE(core->takes_over_servers()) << "one that they start counts as ours";
    EXPECT_THAT(news(), HasSubstr("autoctl stop postgres"));
    now += 1s;
    rest();
    EXPECT_THAT(orders, testing::Contains(Kind::start));
    EXPECT_FALSE(core->takes_over_servers());
  }
}

TEST_F(KeeperAmongOthers, ACrashIsNotLeftAlone) {
  begin_as_standby();
  ends(false);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::start));
  EXPECT_EQ(news(), "");
}

TEST_F(KeeperAmongOthers, WhatWeStoppedOurselvesIsNotLeftAlone) {
  begin_as_primary();
  core->request_restart();
  orders.clear();
  rest();
  EXPECT_THAT(orders, testing::IsSupersetOf({Kind::stop, Kind::start}));
  EXPECT_EQ(news(), "");
  ends(true);
  rest();
  EXPECT_THAT(orders, IsEmpty()) << "the next one is somebody else's again";
}

TEST_F(KeeperAmongOthers, AServerThatTheyStartAgainIsTakenOver) {
  begin_as_primary();
  const SyncQuorum sync{1, {other}};
  ends(true);
  rest();
  now += 300ms;
  runs_as_primary(sync);
  seen.server = 2;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::start)));
}

/// A goal that has Postgres stopped is not waited for, and a keeper that finds it stopped starts it.
TEST_F(KeeperAmongOthers, LeavingAloneHoldsNothingUpButAStart) {
  begin_as_primary();
  ends(true);
  assign(goal(NodeState::demoted, 6));
  rest();
  EXPECT_EQ(core->saved_state().state, NodeState::demoted);
  is_stopped(true);
  begin(goal(NodeState::secondary, 5, other));
  orders.clear();
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::start));
}

TEST_F(KeeperAmongOthers, AnOperatorHoldsItStopped) {
  begin_as_primary();
  seen.held_stopped = true;
  core->observed(seen, now);
  orders.clear();
  rest(Kind::stop);
  seen.held_stopped = true;
  rest();
  now += 1s;
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop));
  EXPECT_TRUE(core->facts().cannot_run) << "another node takes over at once";
  EXPECT_THAT(core->facts().trouble, HasSubstr("autoctl start postgres"));
  now += 1h;
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop)) << "for as long as he wants";
  seen.held_stopped = false;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::start));
  EXPECT_FALSE(core->facts().cannot_run);
}

// ---- configuration, connections

TEST_F(KeeperAmongOthers, ConfigurationThatOthersChangeIsPutBackAtOnce) {
  begin_as_standby();
  orders.clear();
  seen.configuration_changed = true;
  core->observed(seen, now);
  rest(Kind::configure);
  seen.configuration_changed = false;
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::configure, Kind::set_upstream, Kind::keep_slots))
      << "the upstream may have been in what is gone";
}

/// synchronous_standby_names are in a file that the server no longer reads.
TEST_F(KeeperAmongOthers, ItIsPutBackBeforeTheQuorumIs) {
  begin_as_primary();
  orders.clear();
  seen.configuration_changed = true;
  seen.answer->sync = SyncQuorum{3, {NodeId{7}, NodeId{8}, NodeId{9}}};
  core->observed(seen, now);
  rest(Kind::configure);
  ASSERT_FALSE(orders.empty());
  EXPECT_EQ(orders.front(), Kind::configure);
}

/// Whoever has removed our HBA lines has shut us out as well.
TEST_F(KeeperAmongOthers, AlsoWhereNoSessionIsLetIn) {
  begin_as_primary();
  seen.answer.reset();
  now += 10s;
  core->observed(seen, now);
  rest();
  EXPECT_FALSE(core->facts().postgres_running);
  orders.clear();
  seen.configuration_changed = true;
  core->observed(seen, now);
  rest(Kind::configure);
  EXPECT_THAT(orders, ElementsAre(Kind::configure));
}

TEST_F(KeeperAmongOthers, AStandbyWithTooSmallSettingsIsRestartedAndOneThatIsPausedIsTold) {
  begin_as_standby();
  orders.clear();
  seen.answer->replay_paused = true;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(core->facts().trouble, HasSubstr("replay is paused"));
  EXPECT_THAT(news(), HasSubstr("replay is paused"));
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::stop)));
  seen.answer->restart_helps = true;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, testing::IsSupersetOf({Kind::stop, Kind::start}));
  EXPECT_THAT(news(), HasSubstr("larger settings"));
  EXPECT_EQ(core->facts().trouble, "");
}

TEST_F(KeeperAmongOthers, AKeeperThatFindsNoFreeConnectionTakesNobodyForDead) {
  runs_as_primary({1, {other}});
  seen.answer.reset();
  seen.crowded = true;
  Goal reached = goal(NodeState::primary, 5);
  reached.sync = {1, {other}};
  begin(reached);
  rest();
  now += 1min;
  rest();
  EXPECT_TRUE(core->facts().postgres_running);
  EXPECT_FALSE(core->facts().in_recovery);
  EXPECT_EQ(core->saved_state().term, Term{5}) << "nor the names for changed";
  auto leased = assignment(core->saved_state().goal);
  leased.lease_required = true;
  leased.lease = 4s;
  core->answered(leased, now, now);
  core->observed(seen, now);
  EXPECT_TRUE(core->fence_at()) << "and it is fenced as any primary";
}

TEST_F(KeeperAmongOthers, APrimaryWithoutAFreeConnectionLivesAndIsToldToWaitForNobody) {
  begin_as_primary();
  seen.answer.reset();
  seen.crowded = true;
  now += 10s;
  core->observed(seen, now);
  rest();
  EXPECT_TRUE(core->facts().postgres_running);
  EXPECT_THAT(core->facts().streaming, IsEmpty()) << "nobody knows";
  orders.clear();
  assign(goal(NodeState::wait_primary, 6));
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::set_sync));
  EXPECT_EQ(core->saved_state().state, NodeState::wait_primary);
}

}  // namespace
}  // namespace autoctl::keeper::test
