// What the keeper's threads wait for. What the core says is tested in keeper_core_test.cpp.
#include "keeper/agent/board.h"

#include <gtest/gtest.h>

#include <thread>

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;

TimePoint now() {
  return std::chrono::steady_clock::now();
}

Observation serving(std::vector<NodeId> streaming) {
  Observation seen{.running = true, .server = 1};
  seen.answer.emplace();
  for (const NodeId id : streaming) seen.answer->senders.push_back({id, true, Lsn{1}});
  return seen;
}

SavedState primary() {
  const Goal goal{.state = NodeState::primary, .term = Term{1}};
  return {.state = goal.state, .term = goal.term, .goal = goal, .peers = {{.id = NodeId{2}}}, .epoch = 1};
}

/// What the worker does when nothing is to be done but to look.
void look(Board& board, Observation seen) {
  board.observed(std::move(seen));
  while (!board.ready().idle()) board.finished();
}

protocol::Assignment assignment(bool lease_required, Millis lease) {
  return {
      .version = 1, .lease = lease, .lease_required = lease_required, .goal = primary().goal, .peers = primary().peers};
}

TEST(Board, UrgencyWakesTheMessengerOnce) {
  Board board({}, primary());
  look(board, serving({}));
  EXPECT_TRUE(board.await_urgency());
  board.next_report(false);
  std::thread stopper([&] {
    std::this_thread::sleep_for(20ms);
    board.stop();
  });
  EXPECT_FALSE(board.await_urgency());
  stopper.join();
}

TEST(Board, TheAnswerToAQuestionIsWhatTheWorkerPublishesAfterIt) {
  Board board({}, primary());
  auto asks = assignment(false, 0ms);
  asks.check_upstream = true;
  const auto waits = [&](Millis timeout) {
    const auto start = now();
    board.await_upstream_answer(timeout);
    return now() - start >= timeout;
  };
  EXPECT_FALSE(waits(10s)) << "nothing was asked";
  board.answered(asks, now(), 0);
  look(board, serving({}));
  EXPECT_TRUE(waits(20ms)) << "the upstream was not looked at";
  ASSERT_TRUE(board.wants_upstream_probe());
  Observation seen = serving({});
  seen.upstream_port = PortState::unknown;
  look(board, seen);
  EXPECT_FALSE(board.wants_upstream_probe());
  EXPECT_FALSE(waits(10s)) << "also when it was published before a heartbeat waits";
}

TEST(Board, TheFenceIsWokenWhenTheLeaseIsOver) {
  Board board({}, primary());
  look(board, serving({}));
  std::thread monitor([&] {
    std::this_thread::sleep_for(20ms);
    board.answered(assignment(true, 0ms), now() - 10s, 0);
  });
  const auto began = now();
  EXPECT_TRUE(board.await_fence());
  EXPECT_LT(now() - began, 8s) << "the grace of a keeper that has just started, and a standby's memory";
  monitor.join();
  board.set_fenced();
  board.stop();
  EXPECT_FALSE(board.await_fence());
}

}  // namespace
}  // namespace autoctl::keeper
