// How keepers come back after a report that was not answered: not together, and not all the time.
#include "keeper/agent/retry_pause.h"

#include <gtest/gtest.h>

#include <set>

#include "keeper/core/answer_patience.h"

namespace autoctl::keeper {
namespace {

TEST(RetryPause, GrowsFromSoonToASecondAndBeginsAnewWithAnAnswer) {
  RetryPause pause;
  for (const long most : {100, 200, 400, 800, 1'000, 1'000}) {
    const auto next = pause.next(Millis{0}).count();
    EXPECT_LE(next, most);
    EXPECT_GE(next, most / 2);
  }
  pause.answered();
  EXPECT_LE(pause.next(Millis{0}), Millis{100});
}

TEST(AnswerPatience, GrowsWhenItRanOutAndBeginsAnewWithAnAnswer) {
  AnswerPatience patience;
  for (const long expected : {2'000, 4'000, 6'000, 6'000}) {
    EXPECT_EQ(patience.now().count(), expected);
    patience.ran_out();
  }
  patience.answered();
  EXPECT_EQ(patience.now(), answer_patience);
}

TEST(RetryPause, AMonitorThatAsksForAPauseGetsIt) {
  RetryPause pause;
  for (int i = 0; i < 10; ++i) {
    EXPECT_GE(pause.next(Millis{1'000}), Millis{500});
    EXPECT_LE(pause.next(Millis{1'000}), Millis{1'000});
  }
  EXPECT_LE(pause.next(Millis{0}), Millis{100});
}

/// A heartbeat counts as overdue after 1.5 s: a keeper that is turned away must be heard again before.
TEST(RetryPause, KeepersThatFailedTogetherDoNotComeBackTogether) {
  std::set<long> pauses;
  RetryPause pause;
  for (int i = 0; i < 100; ++i) pauses.insert(pause.next(Millis{1'000}).count());
  EXPECT_GT(pauses.size(), 50U);
}

}  // namespace
}  // namespace autoctl::keeper
