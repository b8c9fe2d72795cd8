// What a coordinator's keeper does about pg_dist_node next, and what it tells the monitor, without any Postgres: the
// test carries out the tasks on a table of its own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper/citus/routing.h"

namespace autoctl::keeper::citus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = Task::Kind;

class CitusRouting : public testing::Test {
 protected:
  static protocol::CitusNode node(int id, const std::string& name, NodeState goal) {
    return {NodeId{id}, name, name, 5432, goal, false, "default"};
  }
  static protocol::CitusRoute group(GroupId number, int first) {
    const std::string name = (number == 0 ? "coord" : "worker") + std::to_string(number);
    return {.group = number,
            .term = Term{1},
            .primary = NodeId{first},
            .cooldown = Millis{100},
            .nodes = {node(first, name + "a", NodeState::primary), node(first + 1, name + "b", NodeState::secondary)}};
  }
  /// A coordinator's pair and two pairs of workers; the first of each takes the writes and is in the table.
  CitusRouting() {
    plan.routes = {group(0, 1), group(1, 3), group(2, 5)};
    rows = {{.id = 1, .group = 0, .host = "coord0a", .port = 5432},
            {.id = 2, .group = 1, .host = "worker1a", .port = 5432},
            {.id = 3, .group = 2, .host = "worker2a", .port = 5432}};
  }
  protocol::CitusRoute& worker(int number) { return plan.routes[static_cast<std::size_t>(number)]; }

  /// The next task; a look is done, and passed over, until there is something else to do.
  Task next() {
    for (;;) {
      routing.follow(plan);
      const Task task = routing.next(now);
      if (task.kind != Kind::look) return task;
      ++looks;
      routing.looked(rows, {}, now);
      note();
    }
  }
  Task next(Kind kind) {
    const Task task = next();
    EXPECT_EQ(task.kind, kind);
    return task;
  }
  void done(const Task& task) {
    if (task.kind == Kind::hold) held[task.group] = task.step;
    if (task.kind == Kind::commit) move(held.at(task.group));
    if (task.kind == Kind::step) move(task.step);
    if (task.kind == Kind::commit || task.kind == Kind::release) held.erase(task.group);
    routing.done(now);
    note();
  }
  void fails(const std::string& why) {
    routing.failed(why, now);
    note();
  }
  void move(const TableStep& step) {
    for (Row& row : rows)
      if (row.id == step.row) row.host = step.host;
  }
  void note() {
    for (auto& sentence : routing.take_news()) news.push_back(std::move(sentence));
    if (auto word = routing.take_word()) words.push_back(std::move(*word));
  }
  const protocol::CitusRouteFacts& told(std::size_t group) const { return words.back().facts->routes.at(group); }
  /// Until there is nothing to do, however long its rest.
  void settle() {
    while (next().kind != Kind::rest) done(next());
    now = next().until;
  }
  void hold_group_1() {
    settle();
    worker(1).hold_for = NodeId{4};
    done(next(Kind::hold));
    next(Kind::rest);
  }

  protocol::CitusPlan plan;
  std::vector<Row> rows;
  Routing routing;
  TimePoint now{std::chrono::hours(1)};
  int looks = 0;
  std::map<GroupId, TableStep> held;
  std::vector<std::string> news;
  std::vector<Word> words;
};

TEST_F(CitusRouting, LooksNowAndThenWhenThereIsNothingToDo) {
  const Task rest = next(Kind::rest);
  EXPECT_EQ(rest.until - now, Millis{1000});
  EXPECT_EQ(looks, 1);
  next(Kind::rest);
  EXPECT_EQ(looks, 1) << "not before the rest is over";
  now = rest.until;
  next(Kind::rest);
  EXPECT_EQ(looks, 2);
  ASSERT_EQ(words.size(), 1U) << "the monitor hears what has changed only";
  EXPECT_TRUE(words[0].urgent);
  EXPECT_EQ(told(1).routed_to, NodeId{3});
}

TEST_F(CitusRouting, ANewPlanEndsTheRest) {
  next(Kind::rest);
  worker(1).primary = NodeId{4};
  EXPECT_EQ(next(Kind::step).step.host, "worker1b");
  done(next());
  next(Kind::rest);
  EXPECT_EQ(told(1).routed_to, NodeId{4});
}

TEST_F(CitusRouting, AHoldIsBegunToldAndCommitted) {
  hold_group_1();
  EXPECT_EQ(held.at(1).host, "worker1b");
  EXPECT_EQ(told(1).held_for, NodeId{4});
  EXPECT_EQ(told(1).routed_to, NodeId{3}) << "not committed yet";
  EXPECT_TRUE(words.back().urgent);
  EXPECT_EQ(next().until - now, Millis{200}) << "then a sign of life is due";

  worker(1).primary = {};  // the old one stops
  done(next(Kind::check));
  next(Kind::rest);
  worker(1).primary = NodeId{4};
  worker(1).hold_for = {};
  done(next(Kind::commit));
  next(Kind::rest);
  EXPECT_EQ(rows[1].host, "worker1b");
  EXPECT_EQ(told(1).routed_to, NodeId{4});
  EXPECT_EQ(told(1).held_for, NodeId{});
  EXPECT_THAT(news, IsEmpty());
}

TEST_F(CitusRouting, AHoldIsLetGoWhenThePlanChanges) {
  hold_group_1();
  worker(1).hold_for = {};
  done(next(Kind::release));
  EXPECT_EQ(next(Kind::rest).until - now, Millis{1000});
  EXPECT_EQ(rows[1].host, "worker1a");
  EXPECT_EQ(told(1).held_for, NodeId{});
}

TEST_F(CitusRouting, AHoldForOneNodeIsLetGoForAnother) {
  worker(1).nodes.push_back(node(9, "worker1c", NodeState::secondary));
  hold_group_1();
  worker(1).hold_for = NodeId{9};
  done(next(Kind::release));
  EXPECT_EQ(next(Kind::hold).target, NodeId{9});
}

TEST_F(CitusRouting, AHoldWhoseSessionHasEndedIsBegunAnew) {
  hold_group_1();
  now += Millis{200};
  next(Kind::check);
  fails("the connection is gone");
  next(Kind::hold);
}

TEST_F(CitusRouting, AHandOverThatCouldNotBeCommittedIsDoneAnew) {
  hold_group_1();
  worker(1).primary = NodeId{4};
  worker(1).hold_for = {};
  next(Kind::commit);
  fails("the connection is gone");
  EXPECT_EQ(next(Kind::step).step.host, "worker1b");
}

TEST_F(CitusRouting, TheStepsOfAHeldGroupWait) {
  hold_group_1();
  worker(1).nodes.front().secondary = true;
  worker(1).nodes.back().secondary = true;
  worker(2).primary = NodeId{6};
  done(next(Kind::check));
  EXPECT_EQ(next(Kind::step).group, 2);
  done(next());
  next(Kind::rest);
}

TEST_F(CitusRouting, NothingIsHeldForTheCoordinatorsOwnRowOrAPrimaryThatIsThere) {
  worker(0).hold_for = NodeId{2};
  worker(1).hold_for = NodeId{3};
  rows.pop_back();  // no row to hold
  worker(2).hold_for = NodeId{6};
  worker(2).primary = {};
  next(Kind::rest);
}

TEST_F(CitusRouting, AHoldThatCannotBeHadIsToldAndTriedAgain) {
  settle();
  worker(1).hold_for = NodeId{4};
  next(Kind::hold);
  fails("session 17 is in the way");
  EXPECT_EQ(next(Kind::rest).until - now, Millis{100});
  EXPECT_EQ(told(1).trouble, "session 17 is in the way");
  EXPECT_THAT(news, ElementsAre("Statements for group 1 cannot be held: session 17 is in the way"));
  now = next().until;
  next(Kind::hold);
  fails("session 17 is in the way");
  EXPECT_EQ(next(Kind::rest).until - now, Millis{200}) << "more patiently each time";
  EXPECT_EQ(news.size(), 1U) << "told once";
  now = next().until;
  done(next(Kind::hold));
  next(Kind::rest);
  EXPECT_EQ(told(1).trouble, "");
  EXPECT_EQ(told(1).held_for, NodeId{4});
}

TEST_F(CitusRouting, AHoldThatIsNotWantedAnyMoreIsBrokenOff) {
  settle();
  worker(1).hold_for = NodeId{4};
  next(Kind::hold);
  EXPECT_FALSE(routing.overtaken(plan));
  worker(2).hold_for = NodeId{6};
  EXPECT_FALSE(routing.overtaken(plan)) << "another group's hold waits for its turn";
  worker(1).hold_for = {};
  EXPECT_TRUE(routing.overtaken(plan));
  EXPECT_TRUE(routing.overtaken(std::nullopt));
  fails("given up");
  EXPECT_EQ(next(Kind::hold).group, 2);
}

/// The sessions in its way have waited out their cooldown already.
TEST_F(CitusRouting, AHoldUnderWayIsKeptWhenItsNodeIsPromotedMeanwhile) {
  settle();
  worker(1).hold_for = NodeId{4};
  next(Kind::hold);
  worker(1).hold_for = {};
  worker(1).primary = NodeId{4};
  EXPECT_FALSE(routing.overtaken(plan));
  done(next(Kind::hold));
  EXPECT_EQ(next(Kind::commit).group, 1);
}

TEST_F(CitusRouting, AStepThatTakesLongIsOvertakenByAMoveOfStatements) {
  plan.routes.push_back(group(3, 7));
  EXPECT_EQ(next(Kind::step).group, 3) << "a worker is added, and does not answer";
  EXPECT_FALSE(routing.overtaken(plan));
  worker(1).primary = {};
  EXPECT_FALSE(routing.overtaken(plan)) << "nothing can be moved yet";
  worker(1).primary = NodeId{4};
  EXPECT_TRUE(routing.overtaken(plan));
  fails("broken off");
  EXPECT_EQ(next(Kind::step).step.host, "worker1b") << "moves first";
}

TEST_F(CitusRouting, AStepIsNotOvertakenByAGroupThatIsNotInTheTable) {
  plan.routes.push_back(group(3, 7));
  next(Kind::step);
  worker(3).primary = NodeId{8};
  EXPECT_FALSE(routing.overtaken(plan));
}

TEST_F(CitusRouting, WhatIsLeftOfAnOvertakenPlanIsNotDone) {
  worker(1).primary = NodeId{4};
  worker(2).primary = NodeId{6};
  done(next(Kind::step));
  worker(2).primary = NodeId{5};
  next(Kind::rest);
  EXPECT_EQ(rows[2].host, "worker2a");
}

TEST_F(CitusRouting, AStepThatFailsIsToldAndTakesItsGroupsLaterStepsWithIt) {
  worker(1).nodes.back().secondary = true;
  rows[1].active = false;
  next(Kind::step);
  fails("it does not answer");
  EXPECT_EQ(next(Kind::rest).until - now, Millis{100});
  EXPECT_THAT(told(1).trouble, HasSubstr("is not active, and it cannot be changed yet: it does not answer"));
  EXPECT_THAT(news, ElementsAre(HasSubstr("it does not answer")));
}

TEST_F(CitusRouting, WhatSomebodyElseChangesIsPutRightAndToldForAWhile) {
  settle();
  rows[1].host = "worker1b";
  done(next(Kind::step));
  next(Kind::rest);
  EXPECT_EQ(rows[1].host, "worker1a");
  EXPECT_THAT(words.back().facts->drift, ElementsAre(HasSubstr("worker1a (worker1a:5432) is worker1b:5432 there")));
  EXPECT_THAT(news, ElementsAre(HasSubstr("was changed outside autoctl")));
  now += Millis{4000};
  next(Kind::rest);
  EXPECT_THAT(words.back().facts->drift, IsEmpty());
}

TEST_F(CitusRouting, ATableThatCannotBeLookedAtIsNotReady) {
  settle();
  now += Millis{1000};
  routing.follow(plan);
  ASSERT_EQ(routing.next(now).kind, Kind::look);
  routing.lost(now);
  note();
  EXPECT_FALSE(words.back().facts->ready);
  EXPECT_TRUE(words.back().urgent);
  EXPECT_EQ(next(Kind::rest).until - now, Millis{100});
}

TEST_F(CitusRouting, AKeeperThatIsNotOnDutyForgetsItsHoldsAndTellsNothing) {
  hold_group_1();
  routing.follow(std::nullopt);
  EXPECT_EQ(routing.next(now).kind, Kind::rest);
  note();
  EXPECT_FALSE(words.back().facts);
  EXPECT_TRUE(words.back().urgent);
  held.clear();
  next(Kind::hold);
}

TEST_F(CitusRouting, AnEmptyGroupsShardsAreAskedFor) {
  routing.follow(plan);
  EXPECT_FALSE(routing.next(now).shards);
  worker(2).nodes.clear();
  routing.follow(plan);
  routing.looked(rows, {}, now);
  routing.follow(plan);
  EXPECT_TRUE(routing.next(now).shards);
}

TEST_F(CitusRouting, TroubleAloneIsNotUrgent) {
  settle();
  now += Millis{1000};
  worker(1).primary = NodeId{4};
  next(Kind::step);
  fails("no");
  next(Kind::rest);
  EXPECT_FALSE(words.back().urgent);
}

}  // namespace
}  // namespace autoctl::keeper::citus
