// How a node gets to follow another: as it is, by a rewind, or by a copy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

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

TEST_F(Joining, WhatAnOperatorDoesNotTrustIsCopiedWhateverItIs) {
  begin_as_primary();
  orders.clear();
  Goal anew = goal(NodeState::catchingup, 6, other);
  anew.fresh_copy = true;
  assign(anew);
  rest();
  EXPECT_THAT(orders, ElementsAre(Kind::stop, Kind::copy, Kind::set_upstream, Kind::configure, Kind::start));
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

}  // namespace
}  // namespace autoctl::keeper::test
