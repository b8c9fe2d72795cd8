// A primary that a failover with bounded loss may replace: nothing but its lease keeps it from acknowledging beside its
// successor.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

using testing::Contains;
using testing::Not;

class StrictLease : public KeeperCore {
 protected:
  void begin_leased(bool strict = true) {
    runs_as_primary({});
    begin(goal(NodeState::wait_primary, 5));
    rest();
    answer(strict);
    rest();
  }
  void answer(bool strict = true, Millis lease = 4s) {
    auto told = assignment(core->saved_state().goal);
    told.lease = lease;
    told.lease_required = told.strict_lease = strict;
    core->answered(told, now, now);
  }
};

TEST_F(StrictLease, EndsThoughAStandbyStreams) {
  begin_leased();
  const TimePoint granted = now;
  now += 3s;
  core->observed(seen, now);
  EXPECT_EQ(core->fence_at(), granted + 4s);
  EXPECT_EQ(core->guarded_until(), granted + 4s);
  answer();
  EXPECT_EQ(core->fence_at(), now + 4s);
}

TEST_F(StrictLease, IsNoneWhereTheMonitorDoesNotAskForIt) {
  begin_leased(false);
  EXPECT_EQ(core->fence_at(), std::nullopt);
  EXPECT_EQ(core->guarded_until(), std::nullopt);
}

TEST_F(StrictLease, IsToldToTheMonitorOnceItIsSaved) {
  runs_as_primary({});
  begin(goal(NodeState::wait_primary, 5));
  rest();
  answer();
  EXPECT_FALSE(core->next_report(false, now).strict_lease);
  rest();
  EXPECT_TRUE(saves.back().strict_lease);
  const auto report = core->next_report(false, now + std::chrono::microseconds{1});
  EXPECT_TRUE(report.strict_lease);
  EXPECT_EQ(report.left, std::chrono::duration_cast<Millis>(now.time_since_epoch()) + 1ms) << "no earlier than it did";
  EXPECT_EQ(report.leased_until, std::chrono::duration_cast<Millis>(now.time_since_epoch()) + 4s);
}

TEST_F(StrictLease, AReportSaysWhenTheLookBeganThatItTellsOf) {
  begin_leased();
  seen.began = now + 100ms;
  seen.answer->lsn = Lsn{200};
  now += 300ms;
  core->observed(seen, now);
  core->ready(now);
  const auto report = core->next_report(false, now);
  EXPECT_EQ(report.facts.lsn, Lsn{200});
  EXPECT_EQ(TimePoint{report.looked}, seen.began);
}

/// How much of its lease is left is not known.
TEST_F(StrictLease, IsOverWhenTheKeeperHasStartedAgain) {
  runs_as_primary({});
  Goal reached = goal(NodeState::wait_primary, 5);
  begin(reached);
  SavedState saved = core->saved_state();
  saved.lease_required = saved.strict_lease = true;
  core.emplace(Identity{.node = self, .pgdata = "/data"}, saved, now);
  core->observed(seen, now);
  ASSERT_TRUE(core->fence_at());
  EXPECT_LE(*core->fence_at(), now);
}

TEST_F(StrictLease, PostgresIsNotStartedWithoutIt) {
  begin_leased();
  now += 5s;
  is_stopped(false);
  core->observed(seen, now);
  orders.clear();
  rest();
  EXPECT_THAT(orders, Not(Contains(Kind::start)));
  EXPECT_NE(core->facts().trouble.find("waits for the monitor"), std::string::npos);
  answer();
  rest(Kind::start);
  EXPECT_THAT(orders, Contains(Kind::start));
}

/// Crash recovery may take longer than the lease, and the server opens when nobody looks.
TEST_F(StrictLease, GuardsAPostgresThatStarts) {
  begin_leased();
  is_stopped(false);
  core->observed(seen, now);
  EXPECT_EQ(core->fence_at(), std::nullopt) << "nothing runs";
  for (int turn = 0; turn < 20; ++turn) {
    const Ready ready = core->ready(now);
    if (ready.look) core->observed(seen, now);
    if (!ready.order) continue;
    if (ready.order->kind == Kind::start) break;
    core->finished(now);
  }
  EXPECT_EQ(core->fence_at(), now + 4s);
}

TEST_F(StrictLease, APostgresThatSomebodyStartsAfterItIsFencedOnceMore) {
  begin_leased();
  now += 4s;
  core->fenced();
  is_stopped(false);
  core->observed(seen, now);
  EXPECT_EQ(core->fence_at(), std::nullopt);
  ++seen.server;
  runs_as_primary({});
  core->observed(seen, now);
  ASSERT_TRUE(core->fence_at());
  EXPECT_LE(*core->fence_at(), now);
}

}  // namespace
}  // namespace autoctl::keeper::test
