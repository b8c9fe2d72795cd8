// A server that somebody else has made: what the keeper restarts it for, and what it only tells.
#include <gmock/gmock.h>

#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class KeeperAdoption : public KeeperCore {
 protected:
  void begin_new(const Goal& wanted, NodeState reached) {
    core.emplace(Identity{.node = self, .pgdata = "/data"},
                 SavedState{.state = reached,
                            .term = reached == NodeState::init ? Term{} : Term{1},
                            .goal = wanted,
                            .peers = {{.id = other, .name = "other", .host = "h2", .port = 5432}},
                            .epoch = 1},
                 now);
  }
  std::vector<std::string> news() {
    std::vector<std::string> texts;
    for (const auto& item : core->next_report(false).news) texts.push_back(item.text);
    return texts;
  }

  const std::vector<std::string> needs = {"max_wal_senders (0, needs 10)", "wal_level (minimal, needs replica)"};
};

TEST_F(KeeperAdoption, APrimaryIsRestartedOnceForItsSettingsAndThatIsSaid) {
  runs_as_primary({});
  seen.restart_needs = needs;
  begin_new(goal(NodeState::single, 1), NodeState::init);
  rest(Kind::set_sync);
  EXPECT_THAT(orders, ElementsAre(Kind::configure, Kind::checkpoint, Kind::stop, Kind::configure, Kind::start,
                                  Kind::create_accounts, Kind::set_sync));
  EXPECT_THAT(news(), ElementsAre("Postgres is taken over, and restarted once for max_wal_senders (0, needs 10) and "
                                  "wal_level (minimal, needs replica)"));
}

TEST_F(KeeperAdoption, OneThatNeedsNothingGoesOn) {
  runs_as_primary({});
  begin_new(goal(NodeState::single, 1), NodeState::init);
  rest(Kind::set_sync);
  EXPECT_THAT(orders, ElementsAre(Kind::configure, Kind::create_accounts, Kind::set_sync));
  EXPECT_THAT(news(), IsEmpty());
}

/// Where even a restart does not help, it goes on, and the need is told.
TEST_F(KeeperAdoption, ARestartThatDoesNotHelpIsNotRepeated) {
  runs_as_primary({});
  seen.restart_needs = needs;
  begin_new(goal(NodeState::single, 1), NodeState::init);
  rest(Kind::start);
  seen.restart_needs = needs;
  rest();
  core->observed(seen, now);
  rest();
  EXPECT_EQ(std::ranges::count(orders, Kind::stop), 1);
  EXPECT_EQ(core->facts().state, NodeState::single);
  EXPECT_THAT(core->facts().trouble, HasSubstr("autoctl restart postgres"));
}

TEST_F(KeeperAdoption, WhatARunningPrimaryNeedsLaterIsToldAndLeftToAnOperator) {
  begin_as_primary();
  orders.clear();
  seen.restart_needs = needs;
  for (int look = 0; look < 3; ++look) {
    core->observed(seen, now);
    rest();
    now += 3s;
  }
  EXPECT_THAT(orders, testing::Not(testing::Contains(Kind::stop)));
  EXPECT_THAT(news(), ElementsAre("Postgres needs a restart for max_wal_senders (0, needs 10) and wal_level (minimal, "
                                  "needs replica): `autoctl restart postgres`"))
      << "once";
  EXPECT_EQ(core->facts().trouble, news().front());
  core->request_restart();
  rest();
  EXPECT_THAT(orders, testing::IsSupersetOf({Kind::stop, Kind::start}));
  EXPECT_EQ(core->facts().trouble, "");
}

TEST_F(KeeperAdoption, AStandbyThatLetsNobodyInLaterIsRestarted) {
  begin_as_standby();
  orders.clear();
  seen.answer.reset();
  seen.restart_needs = {"hot_standby (off, needs on)"};
  core->observed(seen, now);
  rest();
  EXPECT_THAT(orders, testing::IsSupersetOf({Kind::stop, Kind::start}));
  EXPECT_THAT(news(), testing::Contains(HasSubstr("lets no session in")));
}

/// Before it can be told to follow anybody.
TEST_F(KeeperAdoption, SoIsOneThatIsToJoin) {
  begin_as_standby();
  orders.clear();
  seen.answer.reset();
  seen.restart_needs = {"hot_standby (off, needs on)"};
  core->observed(seen, now);
  assign(goal(NodeState::catchingup, 6, other));
  rest(Kind::start);
  EXPECT_THAT(orders, ElementsAre(Kind::stop, Kind::set_upstream, Kind::configure, Kind::start));
  EXPECT_THAT(news(), ElementsAre(HasSubstr("lets no session in")));
}

}  // namespace
}  // namespace autoctl::keeper::test
