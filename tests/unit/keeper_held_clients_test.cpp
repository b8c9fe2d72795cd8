// restart_holds_clients: a primary whose Postgres was started again lets no client in before its quorum has what was
// there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsSupersetOf;
using testing::Not;

class HeldClients : public KeeperCore {
 protected:
  void begin_with_setting(bool on = true) {
    begin_as_primary();
    auto told = assignment(core->saved_state().goal);
    if (on) told.standing.settings = {{"restart_holds_clients", "true"}};
    core->answered(told, now, now);
    rest();
    orders.clear();
  }
  /// As the shell shows it.
  void crash() {
    is_stopped(false);
    core->observed(seen, now);
  }
  /// Until the core waits or rests.
  void go_on() {
    for (int turn = 0; turn < 100; ++turn) {
      const Ready ready = core->ready(now);
      if (ready.look) {
        core->observed(seen, now);
      } else if (ready.save) {
        core->saved(now);
      } else if (ready.order) {
        const Kind kind = ready.order->kind;
        const bool held = kind == Kind::hold_clients || (seen.clients_held && kind != Kind::admit_clients);
        orders.push_back(kind);
        react(*ready.order);
        seen.clients_held = held;
        if (kind == Kind::start) seen.answer->senders.front().flushed = Lsn{99};
        core->finished(now);
      } else {
        return;
      }
    }
  }
};

TEST_F(HeldClients, AreLetInWhenTheQuorumHasWhatWasThere) {
  begin_with_setting();
  crash();
  go_on();
  ASSERT_THAT(orders, Contains(Kind::start));
  EXPECT_LT(std::ranges::find(orders, Kind::hold_clients), std::ranges::find(orders, Kind::configure));
  EXPECT_LT(std::ranges::find(orders, Kind::configure), std::ranges::find(orders, Kind::start));
  EXPECT_THAT(orders, Not(Contains(Kind::admit_clients))) << "the standby lacks something";
  EXPECT_NE(core->facts().trouble.find("clients are held off"), std::string::npos);
  seen.answer->lsn = Lsn{150};  // WAL of our own, written since
  seen.answer->senders.front().flushed = Lsn{100};
  now += 10ms;
  core->observed(seen, now);
  go_on();
  EXPECT_EQ(orders.back(), Kind::admit_clients) << "up to the end of recovery";
  EXPECT_EQ(core->facts().trouble, "");
}

TEST_F(HeldClients, AreLetInAtOnceWhereNobodyAsksForIt) {
  begin_with_setting(false);
  crash();
  go_on();
  ASSERT_THAT(orders, Contains(Kind::start));
  EXPECT_THAT(orders, Not(Contains(Kind::hold_clients)));
}

TEST_F(HeldClients, AreLetInWhenTheMonitorSaysThatThePrimaryGoesOnAlone) {
  begin_with_setting();
  crash();
  go_on();
  ASSERT_THAT(orders, Not(Contains(Kind::admit_clients)));
  now += 10ms;
  auto alone = assignment(goal(NodeState::wait_primary, 6));
  alone.standing = core->saved_state().standing;
  core->answered(alone, now, now);
  go_on();
  EXPECT_THAT(orders, IsSupersetOf({Kind::set_sync, Kind::admit_clients}));
}

TEST_F(HeldClients, StayHeldWhenTheKeeperStartsAgain) {
  begin_with_setting();
  crash();
  go_on();
  ASSERT_TRUE(seen.clients_held);
  const SavedState saved = core->saved_state();
  core.emplace(Identity{.node = self, .pgdata = "/data"}, saved, now);
  orders.clear();
  go_on();
  EXPECT_THAT(orders, Not(Contains(Kind::admit_clients)));
  seen.answer->senders.front().flushed = Lsn{100};
  now += 10ms;
  core->observed(seen, now);
  go_on();
  EXPECT_THAT(orders, Contains(Kind::admit_clients));
}

TEST_F(HeldClients, OfANodeThatIsAStandbyNowAreLetIn) {
  begin_as_standby();
  orders.clear();
  seen.clients_held = true;
  core->observed(seen, now);
  go_on();
  EXPECT_THAT(orders, Contains(Kind::admit_clients));
}

}  // namespace
}  // namespace autoctl::keeper::test
