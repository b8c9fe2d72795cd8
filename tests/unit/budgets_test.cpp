// How many requests a sender may cost, and what is said of one that wants more.
#include "monitor/service/budgets.h"

#include <gmock/gmock.h>

namespace autoctl::monitor {
namespace {

using namespace std::chrono_literals;

class BudgetsTest : public ::testing::Test {
 protected:
  static Budgets::Sender node(int id, const std::string& formation = "default") {
    return {"node " + std::to_string(id), NodeId{id}, formation};
  }
  /// How many of so many at once are let through.
  int let_through(const Budgets::Sender& sender, int requests) {
    int count = 0;
    for (int i = 0; i < requests; ++i) count += budgets.spend(sender, now) ? 1 : 0;
    return count;
  }

  Budgets budgets;
  TimePoint now = TimePoint{} + 1h;
};

TEST_F(BudgetsTest, ASenderHasSoManyAtOnceAndThenSoManyASecond) {
  EXPECT_EQ(let_through(node(1), 1'000), 100);
  now += 1s;
  EXPECT_EQ(let_through(node(1), 1'000), 50);
  now += 1h;
  EXPECT_EQ(let_through(node(1), 1'000), 100) << "what was not spent is not saved up";
}

TEST_F(BudgetsTest, AKeeperThatReportsAsFastAsKeepersDoIsNeverRefused) {
  for (int i = 0; i < 10'000; ++i, now += 100ms) ASSERT_EQ(let_through(node(1), 3), 3);
}

TEST_F(BudgetsTest, OneSenderSpendsNothingOfTheOthers) {
  let_through(node(1), 100'000);
  EXPECT_EQ(let_through(node(2), 100), 100) << "in the same formation";
  EXPECT_EQ(let_through(node(3, "blog"), 100), 100);
}

TEST_F(BudgetsTest, AFormationWhoseNodesAllSendTooMuchSpendsNothingOfTheOtherFormations) {
  int through = 0;
  for (int id = 1; id <= 100; ++id) through += let_through(node(id), 1'000);
  EXPECT_EQ(through, 4'000);
  EXPECT_EQ(let_through(node(1'000), 1), 0);
  EXPECT_EQ(let_through(node(1'001, "blog"), 100), 100);
}

TEST_F(BudgetsTest, ItIsSaidOnceAMinuteOfWhom) {
  EXPECT_TRUE(budgets.news(now).empty());
  let_through(node(7), 150);
  const auto news = budgets.news(now);
  ASSERT_EQ(news.size(), 1U);
  EXPECT_EQ(news[0].node, NodeId{7});
  EXPECT_THAT(news[0].words, testing::HasSubstr("50 were left out"));
  let_through(node(7), 150);
  now += 59s;
  EXPECT_TRUE(budgets.news(now).empty());
  now += 1s;
  EXPECT_EQ(budgets.news(now).size(), 1U);
  now += 10min;
  EXPECT_TRUE(budgets.news(now).empty());
}

TEST_F(BudgetsTest, SendersWithoutEndTakeNoMemoryWithoutEnd) {
  let_through(node(1), 1'000);
  for (int i = 0; i < 100'000; ++i) {
    budgets.spend({.name = "address " + std::to_string(i), .node = {}, .formation = {}}, now);
    now += 1ms;
  }
  EXPECT_EQ(let_through(node(1), 1'000), 100);
}

}  // namespace
}  // namespace autoctl::monitor
