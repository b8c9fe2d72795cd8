// Who a keeper is, and what one does that may not be the node that it says to be.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "common/util/place.h"
#include "keeper/core/core.h"
#include "keeper/core/instance_chain.h"
#include "tests/support/scratch.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

const TimePoint start{1h};

// ---- the chain

TEST(InstanceChain, EachLinkNamesTheOnesBeforeItUntilTheMonitorKnowsIt) {
  InstanceChain chain({}, "here");
  chain.saved(chain.with_link("one"), start);
  EXPECT_EQ(chain.current().id, "one");
  EXPECT_EQ(chain.current().place, "here");
  InstanceChain restarted(chain.with_link("two"), "here");
  EXPECT_THAT(restarted.current().former, ElementsAre("one")) << "the monitor may have heard of it";
  restarted.confirmed("two");
  EXPECT_TRUE(restarted.current().former.empty());
  EXPECT_EQ(restarted.current().confirmed, 2U);
  EXPECT_THAT(restarted.with_link("three").former, ElementsAre("two"));
}

TEST(InstanceChain, TakesALinkWhenTheMonitorKnowsTheLastOneAndNotBefore) {
  InstanceChain chain({}, "here");
  EXPECT_FALSE(chain.wants_link(start + 1h)) << "the first one is made at the start";
  chain.saved(chain.with_link("one"), start);
  chain.confirmed("one");
  EXPECT_FALSE(chain.wants_link(start + 1s));
  EXPECT_TRUE(chain.wants_link(start + 2s));
  chain.saved(chain.with_link("two"), start + 2s);
  EXPECT_FALSE(chain.wants_link(start + 1h)) << "the answer was lost";
  chain.confirmed("one");
  EXPECT_FALSE(chain.wants_link(start + 1h)) << "an answer to an older report";
  chain.confirmed("two");
  EXPECT_TRUE(chain.wants_link(start + 1h));
}

TEST(InstanceChain, AMonitorThatIsAwayForLongMakesItNotEndless) {
  InstanceChain chain({}, "here");
  chain.saved(chain.with_link("known"), start);
  chain.confirmed("known");
  for (int i = 0; i < 1000; ++i) chain.saved(chain.with_link("start " + std::to_string(i)), start);
  EXPECT_LE(chain.current().former.size(), 64U);
  EXPECT_EQ(chain.current().former.front(), "known") << "the one that the monitor knows";
  EXPECT_EQ(chain.current().former.back(), "start 998");
  EXPECT_EQ(chain.current().number, 1001U);
}

TEST(InstanceChain, IsElsewhereUntilTheMonitorKnowsThePlace) {
  InstanceChain here({.id = "one", .number = 1, .former = {}, .confirmed = 1, .place = "here"}, "here");
  EXPECT_FALSE(here.is_elsewhere());
  InstanceChain there({.id = "one", .number = 1, .former = {}, .confirmed = 1, .place = "here"}, "there");
  there.saved(there.with_link("two"), start);
  EXPECT_TRUE(there.is_elsewhere());
  EXPECT_EQ(there.with_link("three").place, "here") << "on disk it says where it was known";
  there.confirmed("two");
  EXPECT_FALSE(there.is_elsewhere());
}

TEST(Place, IsAnotherOneForEveryCopy) {
  const test::ScratchDirectory scratch;
  const std::string here = scratch.path() + "/here";
  std::filesystem::create_directory(here);
  EXPECT_EQ(place_of(here), place_of(here));
  std::filesystem::rename(here, here + ".moved");
  const std::string moved = place_of(here + ".moved");
  std::filesystem::copy(here + ".moved", here, std::filesystem::copy_options::recursive);
  EXPECT_NE(place_of(here), moved);
  std::filesystem::rename(here + ".moved", here + ".again");
  EXPECT_EQ(place_of(here + ".again"), moved) << "another name is no other place";
}

// ---- the core

class KeeperIdentity : public testing::Test {
 protected:
  void begin(NodeState state, bool unproved) {
    const Goal goal{.state = state, .term = Term{5}, .upstream = state == NodeState::secondary ? NodeId{2} : NodeId{}};
    core.emplace(Identity{.node = NodeId{1}, .pgdata = "/data", .unproved = unproved},
                 SavedState{.state = state,
                            .term = Term{5},
                            .goal = goal,
                            .peers = {{.id = NodeId{2}, .name = "other", .host = "h2", .port = 5432}},
                            .epoch = 7},
                 now);
    assignment = {.version = 1, .goal = goal, .peers = core->saved_state().peers};
  }
  void is_stopped(bool standby) {
    seen = {.standby_signal = standby};
    seen.disk = DiskView{.exists = true, .is_postgres = true, .end = Lsn{100}};
  }
  void runs(bool standby) {
    seen = {.running = true, .server = 1, .standby_signal = standby};
    seen.answer = ServerView{.in_recovery = standby, .timeline = Timeline{1}, .lsn = Lsn{100}, .receiving = standby};
  }
  /// What it wants done, until it rests or for a while.
  std::vector<Order::Kind> orders() {
    std::vector<Order::Kind> all;
    for (int turn = 0; turn < 20; ++turn) {
      const Ready ready = core->ready(now);
      for (const LogLine& line : ready.log) log += line.text + "\n";
      if (ready.idle()) break;
      if (ready.look) core->observed(seen, now);
      if (ready.save) core->saved(now);
      if (!ready.order) continue;
      all.push_back(ready.order->kind);
      core->finished(now);
    }
    return all;
  }
  Error twin{Errc::twin, "another one is the node", "type this"};
  TimePoint now = start;
  std::optional<Core> core;
  Observation seen;
  protocol::Assignment assignment;
  std::string log;
};

TEST_F(KeeperIdentity, ACopyStartsNothingBeforeTheMonitorHasAnswered) {
  for (const NodeState state : {NodeState::single, NodeState::wait_primary, NodeState::primary, NodeState::secondary}) {
    is_stopped(state == NodeState::secondary);
    begin(state, true);
    EXPECT_TRUE(orders().empty()) << to_string(state);
    EXPECT_THAT(core->facts().trouble, HasSubstr("copied or moved"));
    core->answered(assignment, now, now);
    EXPECT_FALSE(orders().empty()) << to_string(state) << ": it is the node";
  }
  is_stopped(false);
  begin(NodeState::single, false);
  EXPECT_FALSE(orders().empty()) << "where the node was, it needs no monitor";
}

TEST_F(KeeperIdentity, OneThatIsRefusedKillsPostgresAtOnceAndStartsItNoMore) {
  for (const bool standby : {false, true}) {
    runs(standby);
    begin(standby ? NodeState::secondary : NodeState::primary, false);
    core->answered(assignment, now, now);
    orders();
    core->refused(twin);
    ASSERT_TRUE(core->fence_at());
    EXPECT_LE(*core->fence_at(), now);
    core->fenced();
    EXPECT_FALSE(core->fence_at()) << "once";
    is_stopped(standby);
    core->observed(seen, now);
    EXPECT_TRUE(orders().empty());
    EXPECT_THAT(log, HasSubstr("another one is the node"));
    EXPECT_THAT(log, HasSubstr("type this"));
    now += 1s;
    core->refused(twin);
    EXPECT_FALSE(core->fence_at()) << "it is told again and again";
    runs(standby);
    core->observed(seen, now);
    EXPECT_TRUE(core->fence_at()) << "somebody has started Postgres again";
    EXPECT_TRUE(core->takes_over_servers()) << "whoever started it";
  }
}

TEST_F(KeeperIdentity, OneThatIsRefusedGoesOnWhenTheMonitorTakesItForTheNode) {
  runs(false);
  begin(NodeState::primary, false);
  core->answered(assignment, now, now);
  orders();
  core->refused(twin);
  core->fenced();
  is_stopped(false);
  core->observed(seen, now);
  orders();
  assignment.lease = 4s;
  core->answered(assignment, now, now);
  core->observed(seen, now);  // the worker, woken, looks
  EXPECT_FALSE(orders().empty());
  EXPECT_EQ(core->facts().trouble.find("another one"), std::string::npos);
}

TEST_F(KeeperIdentity, OneThatIsRefusedObeysNoGoalAndBreaksOffWhatItDoes) {
  is_stopped(true);
  begin(NodeState::secondary, false);
  Ready ready = core->ready(now);
  while (!ready.order) {
    if (ready.look) core->observed(seen, now);
    ready = core->ready(now);
  }
  EXPECT_FALSE(core->cancelled());
  core->refused(twin);
  EXPECT_TRUE(core->cancelled());
  core->failed({Errc::unavailable, "cancelled", ""}, now);
  now += 1min;
  EXPECT_TRUE(orders().empty());
  EXPECT_GT(core->ready(now).wake_at, now) << "it does not spin";
}

/// A monitor that was restored from a backup has to be told.
TEST_F(KeeperIdentity, AfterAFailureReportsTellWhatItWasLastTold) {
  runs(false);
  begin(NodeState::primary, false);
  EXPECT_TRUE(core->next_report(true).memory);
  core->answered(assignment, now, now);
  EXPECT_FALSE(core->next_report(true).memory);
  assignment.goal.term = Term{9};
  ++assignment.version;
  core->answered(assignment, now, now);
  orders();
  core->report_failed();
  const auto report = core->next_report(true);
  ASSERT_TRUE(report.memory);
  EXPECT_EQ(report.memory->goal.term, Term{9}) << "the newest, not the one at its start";
}

}  // namespace
}  // namespace autoctl::keeper
