#include "keeper/agent/board.h"

#include <gtest/gtest.h>

#include <thread>

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;

TimePoint now() {
  return std::chrono::steady_clock::now();
}

NodeFacts serving(std::vector<NodeId> streaming) {
  NodeFacts facts;
  facts.state = NodeState::primary;
  facts.postgres_running = true;
  facts.streaming = std::move(streaming);
  return facts;
}

protocol::Assignment assignment(std::uint64_t term, std::uint64_t version, bool lease_required, Millis lease) {
  protocol::Assignment a;
  a.goal.term = Term{term};
  a.goal.state = NodeState::primary;
  a.version = version;
  a.lease_required = lease_required;
  a.lease = lease;
  return a;
}

TEST(Board, LeaseCountsFromWhenTheRequestLeft) {
  Board board(1);
  board.publish(serving({}), false);
  const TimePoint left = now() - 3s;
  board.offer(assignment(1, 1, true, 4s), left);
  const auto guard = board.guard();
  EXPECT_TRUE(guard.armed);
  EXPECT_EQ(guard.until, left + 4s);
}

TEST(Board, AnOlderAnswerNeverShortensTheLease) {
  Board board(1);
  board.publish(serving({}), false);
  const TimePoint left = now();
  board.offer(assignment(1, 1, true, 4s), left);
  board.offer(assignment(1, 1, true, 4s), left - 2s);
  EXPECT_EQ(board.guard().until, left + 4s);
}

TEST(Board, AStreamingStandbyKeepsAPrimaryServing) {
  Board board(1);
  board.offer(assignment(1, 1, true, 0ms), now() - 10s);
  board.publish(serving({NodeId{2}}), false);
  EXPECT_TRUE(board.guard().armed);
  EXPECT_GT(board.guard().until, now() + 1s);
}

TEST(Board, WithoutAnElectableStandbyNothingIsGuarded) {
  Board board(1);
  board.publish(serving({}), false);
  board.offer(assignment(1, 1, false, 0ms), now());
  EXPECT_FALSE(board.guard().armed);
  EXPECT_TRUE(board.may_serve());
}

TEST(Board, MayServeNeedsARunningLeaseWhereOneIsRequired) {
  Board board(1);
  board.offer(assignment(1, 1, true, 4s), now() - 5s);
  EXPECT_FALSE(board.may_serve());
  board.offer(assignment(1, 1, true, 4s), now());
  EXPECT_TRUE(board.may_serve());
}

TEST(Board, AnAnswerThatWasOvertakenIsNotTaken) {
  Board board(1);
  const TimePoint before = now();
  board.offer(assignment(7, 8, true, 0ms), before);
  board.offer(assignment(6, 7, false, 0ms), before);
  EXPECT_EQ(board.assignment()->goal.term, Term{7});
  EXPECT_FALSE(board.may_serve());
}

TEST(Board, AMonitorThatStartedAgainWithItsClockSetBackIsHeard) {
  Board board(1);
  board.offer(assignment(7, 8, false, 0ms), now());
  std::this_thread::sleep_for(1ms);
  board.offer(assignment(8, 2, false, 0ms), now());
  EXPECT_EQ(board.assignment()->goal.term, Term{8});
}

TEST(Board, SequenceNumbersGrowAndCarryTheNewestFacts) {
  Board board(9);
  board.publish(serving({}), false);
  const auto first = board.next_report(true);
  board.publish(serving({NodeId{2}}), false);
  const auto second = board.next_report(false);
  EXPECT_EQ(first.epoch, 9U);
  EXPECT_LT(first.sequence, second.sequence);
  EXPECT_EQ(second.facts.streaming.size(), 1U);
}

TEST(Board, UrgencyWakesTheMessengerOnce) {
  Board board(1);
  board.publish(serving({}), true);
  EXPECT_TRUE(board.await_urgency());
  board.next_report(false);
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    board.stop();
  });
  EXPECT_FALSE(board.await_urgency());
  stopper.join();
}

TEST(Board, AQuestionIsTakenOnce) {
  Board board(1);
  auto a = assignment(1, 1, false, 0ms);
  a.check_upstream = true;
  board.offer(a, now());
  EXPECT_TRUE(board.take_upstream_question());
  EXPECT_FALSE(board.take_upstream_question());
}

TEST(Board, TheAnswerToAQuestionIsWhatThePublishedFactsSayAfterIt) {
  Board board(1);
  auto a = assignment(1, 1, false, 0ms);
  a.check_upstream = true;
  const auto waits = [&](Millis timeout) {
    const auto start = now();
    board.await_upstream_answer(timeout);
    return now() - start >= timeout;
  };
  EXPECT_FALSE(waits(10s)) << "nothing was asked";
  board.offer(a, now());
  board.publish(serving({}), false);
  EXPECT_TRUE(waits(20ms)) << "the worker has not looked yet";
  EXPECT_TRUE(board.take_upstream_question());
  EXPECT_TRUE(waits(20ms)) << "it has not said what it saw";
  board.publish(serving({}), false);
  EXPECT_FALSE(waits(10s)) << "also when it was published before somebody waits";
}

TEST(Board, NewsGoWithEachReportUntilOneWasAnswered) {
  Board board(1);
  board.tell({"one", "two"});
  const auto first = board.next_report(false);
  ASSERT_EQ(first.news.size(), 2U);
  board.tell({"three"});
  EXPECT_EQ(board.next_report(true).news.size(), 3U);
  board.told(first.news.back().number);
  const auto later = board.next_report(true);
  ASSERT_EQ(later.news.size(), 1U);
  EXPECT_EQ(later.news[0].text, "three");
  EXPECT_GT(later.news[0].number, first.news.back().number);
}

}  // namespace
}  // namespace autoctl::keeper
