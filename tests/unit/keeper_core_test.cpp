// The keeper's brain, without a Postgres: what it wants done for what it is shown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST_F(KeeperCore, AGoalIsSavedBeforeItIsObeyed) {
  begin_as_standby();
  orders.clear();
  assign(goal(NodeState::report_lsn, 6));
  const Ready ready = next();
  ASSERT_TRUE(ready.save);
  EXPECT_EQ(ready.save->goal.term, Term{6});
  EXPECT_FALSE(ready.order);
  EXPECT_EQ(core->saved_state().goal.term, Term{5}) << "not before it is durable";
  core->saved(now);
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop_receiving));
}

TEST_F(KeeperCore, AStateIsReportedOnlyWhenItIsSaved) {
  begin_as_standby();
  assign(goal(NodeState::report_lsn, 6));
  rest(Kind::stop_receiving);
  const Ready ready = next();
  ASSERT_TRUE(ready.save);
  EXPECT_EQ(ready.save->state, NodeState::report_lsn);
  EXPECT_EQ(core->next_report(false).facts.state, NodeState::secondary);
  core->saved(now);
  rest();
  EXPECT_TRUE(core->is_urgent());
  EXPECT_EQ(core->next_report(false).facts.state, NodeState::report_lsn);
  EXPECT_FALSE(core->is_urgent()) << "once";
}

TEST_F(KeeperCore, ALowerTermIsNeverObeyed) {
  begin_as_standby();
  saves.clear();
  now += 1s;
  assign(goal(NodeState::demoted, 4));
  rest();
  EXPECT_TRUE(saves.empty());
  EXPECT_EQ(core->saved_state().goal.state, NodeState::secondary);
}

TEST_F(KeeperCore, AGoalThatCannotBeSavedIsNotObeyedButWhatIsToStopStops) {
  begin_as_primary();
  orders.clear();
  assign(goal(NodeState::demoted, 6));
  ASSERT_TRUE(next().save);
  core->save_failed({Errc::system, "no space left", ""}, now);
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop));
  EXPECT_EQ(core->saved_state().goal.state, NodeState::primary);
  EXPECT_EQ(core->facts().state, NodeState::primary);
  now += 5s;
  rest();
  EXPECT_EQ(core->saved_state().state, NodeState::demoted) << "once the disk lets it";
}

TEST_F(KeeperCore, PromotesAfterItHasStoppedToReceive) {
  runs_as_standby();
  begin(goal(NodeState::prepare_promotion, 6));
  rest();
  orders.clear();
  assign(goal(NodeState::stop_replication, 7));
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop_receiving, Kind::set_sync, Kind::promote));
  EXPECT_EQ(core->saved_state().state, NodeState::stop_replication);
}

/// Later its own promotion and somebody else's would look the same.
TEST_F(KeeperCore, ACandidateThatWasPromotedByHandAndDiedIsMarked) {
  begin_as_standby();
  orders.clear();
  is_stopped(false);
  core->observed(seen, now);
  assign(goal(NodeState::prepare_promotion, 6));
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::mark_forked));
  EXPECT_NE(core->saved_state().state, NodeState::prepare_promotion);
}

TEST_F(KeeperCore, ACandidateThatDoesNotAnswerIsNone) {
  begin_as_standby();
  seen.answer.reset();
  core->observed(seen, now);
  assign(goal(NodeState::prepare_promotion, 6));
  rest();
  EXPECT_NE(core->saved_state().state, NodeState::prepare_promotion);
  EXPECT_FALSE(core->facts().trouble.empty());
  runs_as_standby();
  now += 2s;
  core->observed(seen, now);
  rest();
  EXPECT_EQ(core->saved_state().state, NodeState::prepare_promotion);
}

TEST_F(KeeperCore, AnotherGoalCancelsTheOrderUnderWay) {
  begin_as_standby();
  is_stopped(true);
  core->observed(seen, now);
  ASSERT_TRUE(next().order) << "restarts in place";
  EXPECT_FALSE(core->cancelled());
  assign(goal(NodeState::secondary, 6, other));
  EXPECT_FALSE(core->cancelled()) << "the same task in another term";
  now += 1ms;
  assign(goal(NodeState::report_lsn, 7));
  EXPECT_TRUE(core->cancelled());
}

TEST_F(KeeperCore, PrimaryIsReachedWhenTheQuorumHasWhatWasWritten) {
  runs_as_primary({});
  begin(goal(NodeState::wait_primary, 5));
  rest();
  Goal wanted = goal(NodeState::primary, 6);
  wanted.sync = {1, {other}};
  seen.answer->senders = {{other, true, Lsn{99}}};
  assign(wanted);
  rest();
  EXPECT_EQ(core->saved_state().state, NodeState::wait_primary) << "the standby lacks the end";
  seen.answer->lsn = Lsn{500};
  seen.answer->senders = {{other, true, Lsn{100}}};
  core->observed(seen, now);
  rest();
  EXPECT_EQ(core->saved_state().state, NodeState::primary) << "what is written later does not count";
}

TEST_F(KeeperCore, ADeadPostgresIsRestartedInPlaceAndGivenUpAfterThreeTries) {
  begin_as_standby();
  is_stopped(true);
  for (int attempt = 0; attempt < 3; ++attempt) {
    EXPECT_FALSE(core->facts().cannot_run);
    core->observed(seen, now);
    for (Ready ready = next(); ready.order; ready = next()) {
      if (ready.order->kind == Kind::start)
        core->failed({Errc::postgres, "it does not start", ""}, now);
      else
        core->finished(now);
    }
    now += 5s;
  }
  EXPECT_TRUE(core->facts().cannot_run);
  EXPECT_EQ(core->facts().trouble, "it does not start");
}

TEST_F(KeeperCore, APrimaryIsNotRestartedWithoutALease) {
  begin_as_primary();
  auto guarded = assignment(core->saved_state().goal);
  guarded.lease_required = true;
  core->answered(guarded, now, now);
  rest();
  orders.clear();
  is_stopped(false);
  core->observed(seen, now);
  rest();
  EXPECT_TRUE(orders.empty());
  EXPECT_THAT(core->facts().trouble, HasSubstr("waits for the monitor"));
}

TEST_F(KeeperCore, ALeaseThatRunsOutDuringARestartStartsNothing) {
  begin_as_primary();
  auto guarded = assignment(core->saved_state().goal);
  guarded.lease_required = true;
  guarded.lease = 4s;
  core->answered(guarded, now, now);
  rest();
  core->request_restart();
  rest(Kind::stop);
  orders.clear();
  now += 10s;
  core->fenced();
  rest();
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::start)));
  EXPECT_THAT(core->facts().trouble, HasSubstr("waits for the monitor"));
  now += 10s;
  core->answered(guarded, now, now);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::start));
}

TEST_F(KeeperCore, AStandbyThatWasPromotedByHandIsStoppedAndMarked) {
  begin_as_standby();
  orders.clear();
  seen.answer->in_recovery = false;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::mark_forked, Kind::stop));
  EXPECT_TRUE(core->facts().forked);
}

TEST_F(KeeperCore, APromotionByHandIsReportedBeforeItIsEnded) {
  begin_as_standby();
  core->next_report(false);
  seen.answer->in_recovery = false;
  seen.answer->timeline = Timeline{2};
  core->observed(seen, now);
  ASSERT_TRUE(core->ready(now).order);
  EXPECT_TRUE(core->is_urgent());
  const NodeFacts facts = core->next_report(false).facts;
  EXPECT_FALSE(facts.in_recovery);
  EXPECT_EQ(facts.timeline, Timeline{2});
}

TEST_F(KeeperCore, ADeadPostgresIsReportedBeforeItIsRestarted) {
  begin_as_standby();
  core->next_report(false);
  is_stopped(true);
  core->observed(seen, now);
  ASSERT_TRUE(core->ready(now).order);
  EXPECT_TRUE(core->is_urgent());
  EXPECT_FALSE(core->next_report(false).facts.postgres_running);
}

TEST_F(KeeperCore, InMaintenanceASecondPrimaryIsStoppedAndMarked) {
  runs_as_standby();
  begin(goal(NodeState::maintenance, 5));
  rest();
  EXPECT_TRUE(core->takes_over_servers());
  orders.clear();
  seen.answer->in_recovery = seen.standby_signal = false;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::mark_forked, Kind::stop));
}

TEST_F(KeeperCore, SyncNamesThatWereChangedArePutBackAndProvedAgain) {
  begin_as_primary();
  orders.clear();
  seen.answer->sync = {};
  core->observed(seen, now);
  rest();
  now += 1s;
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::set_sync));
  EXPECT_EQ(core->facts().term, Term{5});
  EXPECT_EQ(core->facts().sync_in_force, (SyncQuorum{1, {other}}));
}

/// pg_hba.conf has addresses.
TEST_F(KeeperCore, ThePeerThatWasAwayIsLookedUpAnew) {
  begin_as_primary();
  orders.clear();
  auto again = assignment(core->saved_state().goal);
  core->answered(again, now, now);
  rest();
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::configure)));
  again = assignment(core->saved_state().goal);
  again.peers.front().address_epoch = 9;
  core->answered(again, now, now);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::configure));
}

TEST_F(KeeperCore, APeerThatComesFromAnotherAddressIsLetInThere) {
  begin_as_primary();
  orders.clear();
  auto again = assignment(core->saved_state().goal);
  again.peers.front().addresses = {*IpAddress::parse("10.0.0.2")};
  core->answered(again, now, now);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::configure));
}

TEST_F(KeeperCore, WhereItConnectsFromIsToldAtOnce) {
  begin_as_primary();
  EXPECT_EQ(core->next_report(false).addresses, std::nullopt) << "not known yet";
  const std::vector<IpAddress> some = {*IpAddress::parse("10.0.0.2")};
  core->set_addresses(some);
  EXPECT_TRUE(core->is_urgent());
  EXPECT_EQ(core->next_report(false).addresses, some);
  core->set_addresses(some);
  EXPECT_FALSE(core->is_urgent());
}

// ---- joining

class Joining : public KeeperCore {
 protected:
  void join() {
    orders.clear();
    assign(goal(NodeState::catchingup, 6, other));
  }
  /// Carries out what is asked for, up to one of these.
  Order::Kind go_on_until(std::initializer_list<Order::Kind> kinds) {
    for (;;) {
      const Ready ready = next();
      if (ready.save) core->saved(now);
      if (ready.order && std::ranges::find(kinds, ready.order->kind) != kinds.end()) return ready.order->kind;
      if (ready.order) {
        react(*ready.order);
        core->finished(now);
      }
      if (ready.idle()) now = ready.wake_at;
    }
  }
};

TEST_F(Joining, AStandbyFollowsAsItIs) {
  begin_as_standby();
  join();
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::set_upstream, Kind::configure));
  EXPECT_EQ(core->saved_state().state, NodeState::catchingup);
}

TEST_F(Joining, WhatWasAPrimaryIsRewound) {
  begin_as_primary();
  join();
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop, Kind::rewind, Kind::set_upstream, Kind::configure, Kind::start));
}

TEST_F(Joining, AnEmptyDirectoryGetsACopy) {
  seen = {};
  seen.disk = DiskView{};
  begin(goal(NodeState::wait_standby, 5));
  rest();
  join();
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop, Kind::copy, Kind::set_upstream, Kind::configure, Kind::start));
}

TEST_F(Joining, ARewindThatProvesImpossibleBecomesACopy) {
  begin_as_primary();
  join();
  go_on_until({Kind::rewind});
  core->failed({Errc::conflict, "no common ancestor", ""}, now);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::copy));
}

TEST_F(Joining, ARewindThatFailsAgainAndAgainBecomesACopy) {
  begin_as_primary();
  join();
  int rewinds = 0;
  while (rewinds < 20 && go_on_until({Kind::rewind, Kind::copy}) == Kind::rewind) {
    ++rewinds;
    core->failed({Errc::postgres, "pg_rewind failed: for a reason of its own", ""}, now);
  }
  EXPECT_EQ(rewinds, 5);
}

TEST_F(Joining, ARewindWhosePrimaryIsAwayIsTriedForAsLongAsThatTakes) {
  begin_as_primary();
  join();
  for (int times = 0; times < 20; ++times) {
    ASSERT_EQ(go_on_until({Kind::rewind, Kind::copy}), Kind::rewind);
    core->failed({Errc::unavailable, "cannot reach the primary to rewind from", ""}, now);
  }
}

TEST_F(Joining, AStandbyThatIsRefusedIsRewoundOrCopied) {
  begin_as_standby();
  seen.answer->receiving = false;
  join();
  rest();
  EXPECT_EQ(core->saved_state().state, NodeState::secondary) << "it waits";
  seen.refusal = Refusal::wal_gone;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::copy));
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::rewind)));
}

TEST_F(Joining, AStandbyThatStandsStillIsLookedIntoWhenItsUpstreamIsThere) {
  begin_as_standby();
  seen.answer->receiving = false;
  join();
  rest();
  now += 11s;
  core->observed(seen, now);
  rest();
  ASSERT_TRUE(core->wants_upstream_probe());
  seen.upstream_port = PortState::refused;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::rewind)));
  seen.upstream_port.reset();
  now += 11s;
  core->observed(seen, now);
  rest();
  seen.upstream_port = PortState::open;
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, testing::Contains(Kind::rewind));
}

// ---- the lease

TEST_F(KeeperCore, TheLeaseCountsFromWhenTheRequestLeft) {
  begin_as_primary();
  seen.answer->senders.clear();
  now += 1min;
  core->observed(seen, now);
  auto guarded = assignment(core->saved_state().goal);
  guarded.lease_required = true;
  guarded.lease = 4s;
  core->answered(guarded, now - 3s, now);
  EXPECT_EQ(core->fence_at(), now + 1s);
  core->answered(guarded, now - 5s, now);
  EXPECT_EQ(core->fence_at(), now + 1s) << "an older answer never shortens it";
}

TEST_F(KeeperCore, AStreamingStandbyKeepsAPrimaryServing) {
  begin_as_primary();
  now += 1min;
  auto guarded = assignment(core->saved_state().goal);
  guarded.lease_required = true;
  core->answered(guarded, now, now);
  core->observed(seen, now);
  EXPECT_GT(core->fence_at().value(), now + 1s);
  const auto until = core->fence_at();
  now += 1s;
  seen.answer.reset();  // it hangs: what was seen before proves nothing now
  core->observed(seen, now);
  rest();
  EXPECT_EQ(core->fence_at(), until);
}

TEST_F(KeeperCore, WithoutAnElectableStandbyNothingIsGuarded) {
  begin_as_primary({});
  core->answered(assignment(core->saved_state().goal), now, now);
  EXPECT_FALSE(core->fence_at());
}

// ---- the monitor's word

TEST_F(KeeperCore, AnAnswerThatWasOvertakenIsNotTaken) {
  begin_as_standby();
  const auto older = assignment(goal(NodeState::secondary, 6, other));
  const auto newer = assignment(goal(NodeState::secondary, 7, other));
  core->answered(newer, now, now);
  core->answered(older, now, now);
  EXPECT_EQ(core->assignment()->goal.term, Term{7});
}

TEST_F(KeeperCore, AMonitorThatStartedAgainWithItsClockSetBackIsHeard) {
  begin_as_standby();
  auto before = assignment(goal(NodeState::secondary, 6, other));
  before.version = 100;
  core->answered(before, now, now);
  now += 1ms;
  assign(goal(NodeState::secondary, 7, other));
  EXPECT_EQ(core->assignment()->goal.term, Term{7});
}

TEST_F(KeeperCore, NewsGoWithEachReportUntilOneWasAnswered) {
  begin_as_standby();
  core->tell("one");
  core->tell("two");
  const auto first = core->next_report(false);
  ASSERT_EQ(first.news.size(), 2U);
  EXPECT_EQ(first.epoch, 7U);
  core->tell("three");
  EXPECT_EQ(core->next_report(true).news.size(), 3U);
  core->told(first.news.back().number);
  const auto later = core->next_report(true);
  ASSERT_EQ(later.news.size(), 1U);
  EXPECT_EQ(later.news[0].text, "three");
  EXPECT_LT(first.sequence, later.sequence);
}

TEST_F(KeeperCore, AnUrgentReportThatFailedIsSentAgain) {
  begin_as_standby();
  core->tell("one");
  core->next_report(false);
  EXPECT_FALSE(core->is_urgent());
  core->send_failed();
  EXPECT_TRUE(core->is_urgent());
}

TEST_F(KeeperCore, TheRolesChangeShowsWhereHooksWillHang) {
  runs_as_standby();
  begin(goal(NodeState::prepare_promotion, 6));
  rest();
  assign(goal(NodeState::stop_replication, 7));
  std::vector<HookPoint::Kind> hooks;
  for (Ready ready = next(); !ready.idle(); ready = next()) {
    for (const HookPoint& hook : ready.hooks) hooks.push_back(hook.kind);
    if (ready.save) core->saved(now);
    if (ready.order) {
      react(*ready.order);
      core->finished(now);
    }
  }
  for (const HookPoint& hook : core->ready(now).hooks) hooks.push_back(hook.kind);
  EXPECT_EQ(hooks.front(), HookPoint::Kind::before_promotion);
}

}  // namespace
}  // namespace autoctl::keeper::test
