// What has its turn at the engine, and what is turned away. Time is set by hand.
#include "monitor/service/inbox.h"

#include <gmock/gmock.h>

#include "monitor/service/backlog.h"
#include "tests/support/engine_fixture.h"

namespace autoctl::monitor {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class InboxTest : public test::EngineTest {
 protected:
  /// Of node `id`, over the connection of the same number.
  WaitingReport report_of(int id, std::uint64_t sequence = 1, std::uint64_t connection = 0) {
    WaitingReport waiting;
    waiting.node = NodeId{id};
    waiting.caller = {"bearer", connection != 0 ? connection : static_cast<std::uint64_t>(id)};
    waiting.report.sequence = sequence;
    waiting.report.instance.id = "link";
    waiting.reply = [this, id, sequence](Result<protocol::Assignment> answer) {
      const std::string name = std::to_string(id) + "/" + std::to_string(sequence);
      answer.has_value() || answer.error().code == Errc::not_found ? done.push_back(name) : overtaken.push_back(name);
    };
    waiting.turn_away = [this, id] { turned_away.push_back(id); };
    return waiting;
  }
  Inbox::Task task(const std::string& name) {
    return [this, name](Engine&) { done.push_back(name); };
  }
  /// All that waits; the engine knows no node, so that it refuses each report.
  void work() {
    while (const auto task = inbox.take(now)) (*task)(*engine);
  }
  bool lets_in(int id) { return inbox.lets_in({NodeId{id}, Caller{"bearer", 0}}, now); }
  std::vector<std::int64_t> unheard() {
    std::vector<std::int64_t> ids;
    for (const auto& [node, caller] : inbox.unheard()) ids.push_back(node.value);
    return ids;
  }
  /// More than few.
  void fill(int count = Inbox::few_reports) {
    for (int id = 1; id <= count; ++id) inbox.add_report(report_of(id), now);
  }

  Inbox inbox;
  std::vector<std::string> done, overtaken;
  std::vector<int> turned_away;
};

TEST_F(InboxTest, TheMonitorsOwnTasksComeFirstAndInOrder) {
  inbox.add_report(report_of(1), now);
  ASSERT_TRUE(inbox.add_request(task("request")));
  inbox.add(task("own 1"));
  inbox.add(task("own 2"));
  work();
  ASSERT_EQ(done.size(), 4U);
  EXPECT_EQ(done[0], "own 1");
  EXPECT_EQ(done[1], "own 2");
  EXPECT_TRUE(inbox.empty());
}

TEST_F(InboxTest, NeitherRequestsNorProbesKeepReportsBack) {
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(inbox.add_request(task("request")));
  for (int i = 1; i <= 20; ++i) inbox.add_probe(NodeId{i}, ProbedPort::postgres, PortState::open, now);
  fill(10);
  for (int i = 0; i < 24; ++i) (*inbox.take(now))(*engine);
  EXPECT_EQ(std::ranges::count(done, "request"), 12) << "every second turn";
  EXPECT_EQ(done.size(), 12U + 9U) << "reports had their turns, and probes three";
}

TEST_F(InboxTest, AReportThatWaitsAloneIsNoOverload) {
  inbox.add_report(report_of(1), now);
  now += Millis{1'200};
  EXPECT_TRUE(lets_in(2)) << "the engine waited for a disk";
  work();
  EXPECT_THAT(done, ElementsAre("1/1"));
  EXPECT_EQ(inbox.backlog().late, 1U);
}

TEST_F(InboxTest, WhereManyWaitForLongNoMoreAreLetIn) {
  fill();
  EXPECT_TRUE(lets_in(1'000));
  now += Inbox::report_wait_max + Millis{1};
  EXPECT_FALSE(lets_in(1'000));
  EXPECT_FALSE(lets_in(1'001));
  const Backlog backlog = inbox.backlog();
  EXPECT_EQ(backlog.shed, 2U);
  work();
  EXPECT_TRUE(lets_in(1'000));
}

TEST_F(InboxTest, WhatWaitsLongerThanItsKeeperIsTurnedAway) {
  inbox.add_report(report_of(1), now);
  now += Millis{1'000};
  inbox.add_report(report_of(2), now);
  now += Millis{501};
  work();
  EXPECT_THAT(turned_away, ElementsAre(1));
  EXPECT_THAT(done, ElementsAre("2/1"));
  EXPECT_EQ(inbox.backlog().shed, 1U);
}

TEST_F(InboxTest, AClientThatHasGoneIsNotWorkedFor) {
  inbox.add_report(report_of(1), now);
  inbox.add_report(report_of(2), now);
  now += Millis{700};
  EXPECT_EQ(inbox.remove(1, now), Millis{700});
  EXPECT_EQ(inbox.remove(1, now), std::nullopt);
  work();
  EXPECT_THAT(done, ElementsAre("2/1"));
  EXPECT_THAT(turned_away, IsEmpty());
}

TEST_F(InboxTest, ANewerReportTakesThePlaceOfTheSameKeepersOlderOne) {
  inbox.add_report(report_of(1, 7, 11), now);
  inbox.add_report(report_of(2), now);
  inbox.add_report(report_of(1, 8, 12), now);
  EXPECT_THAT(overtaken, ElementsAre("1/7"));
  work();
  EXPECT_THAT(done, ElementsAre("1/8", "2/1"));
}

TEST_F(InboxTest, ACopyTakesNoPlaceOfItsNode) {
  inbox.add_report(report_of(1, 7), now);
  auto of_copy = report_of(1, 8);
  of_copy.report.instance.place = "elsewhere";
  inbox.add_report(of_copy, now);
  auto of_stranger = report_of(1, 9);
  of_stranger.caller.bearer = "guessed";
  inbox.add_report(of_stranger, now);
  work();
  EXPECT_THAT(overtaken, IsEmpty());
  EXPECT_EQ(done.size(), 3U);
}

TEST_F(InboxTest, WhoIsTurnedAwayOrWaitsHasBeenHeard) {
  fill();
  now += Inbox::report_wait_max + Millis{1};
  ASSERT_FALSE(lets_in(1'000));
  (*inbox.take(now))(*engine);
  const auto first = unheard();
  EXPECT_EQ(first.size(), Inbox::few_reports) << "one has been done, and one was turned away";
  EXPECT_EQ(first.front(), 1'000);
  EXPECT_THAT(unheard(), IsEmpty()) << "once is enough";
}

TEST_F(InboxTest, OnlyTheNewestOfAProbedPortWaits) {
  const auto& node = add("a");
  for (int i = 0; i < 100; ++i) inbox.add_probe(node.id, ProbedPort::postgres, PortState::silent, now);
  inbox.add_probe(node.id, ProbedPort::postgres, PortState::refused, now);
  inbox.add_probe(node.id, ProbedPort::keeper, PortState::open, now);
  ASSERT_TRUE(inbox.take(now));
  ASSERT_TRUE(inbox.take(now));
  EXPECT_TRUE(inbox.empty());
}

TEST_F(InboxTest, RequestsAreBoundedToo) {
  for (std::size_t i = 0; i < Inbox::requests_max; ++i) ASSERT_TRUE(inbox.add_request(task("request")));
  EXPECT_FALSE(inbox.add_request(task("one too many")));
  EXPECT_EQ(inbox.backlog().shed, 1U);
}

TEST(OverloadTest, IsToldOnceWhenItBeginsAndOnceWhenItIsOver) {
  Overload overload;
  TimePoint now{};
  const auto pass = [&](const Backlog& backlog) { return overload.look(backlog, now += Millis{1'000}); };
  EXPECT_FALSE(pass({.late = 3})) << "a disk was slow";
  EXPECT_FALSE(overload.is_on());
  const auto begins = pass({.late = 70, .shed = 5, .turned_away = 2});
  ASSERT_TRUE(begins);
  EXPECT_TRUE(begins->begins);
  EXPECT_THAT(begins->words, HasSubstr("70 reports waited longer than 500 ms, 5 were turned away"));
  EXPECT_FALSE(pass({.shed = 1}));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(pass({}));
  EXPECT_FALSE(pass({.turned_away = 1})) << "it comes and goes";
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(pass({}));
  EXPECT_TRUE(overload.is_on());
  const auto ends = pass({});
  ASSERT_TRUE(ends);
  EXPECT_FALSE(ends->begins);
  EXPECT_FALSE(overload.is_on());
  EXPECT_THAT(ends->words, HasSubstr("for 6 s"));
  EXPECT_THAT(ends->words, HasSubstr("6 were turned away, and so were 3 connections"));
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(pass({}));
}

TEST(OverloadTest, AServerThatLagsAllTheTimeIsOneByItself) {
  Overload overload;
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(overload.look({.lag = Millis{30'000}}, TimePoint{})) << "this process stood still";
    EXPECT_FALSE(overload.look({.lag = Millis{600}}, TimePoint{}));
    EXPECT_FALSE(overload.look({.lag = Millis{400}}, TimePoint{}));
  }
  EXPECT_FALSE(overload.look({.lag = Millis{600}}, TimePoint{}));
  EXPECT_FALSE(overload.look({.lag = Millis{600}}, TimePoint{}));
  const auto begins = overload.look({.lag = Millis{600}}, TimePoint{});
  ASSERT_TRUE(begins);
  EXPECT_THAT(begins->words, HasSubstr("up to 600 ms late"));
}

/// It is heard, and it is no overload: that a node asks for too much makes nobody seem silent.
TEST_F(InboxTest, OneThatAsksForTooMuchIsHeardAndAnsweredLate) {
  const Budgets::Sender sender{"node 7", NodeId{7}, "default"};
  const Inbox::Sender report{NodeId{7}, Caller{"bearer", 0}};
  int refused = 0;
  for (int i = 0; i < 200; ++i)
    if (!inbox.affords(sender, report, now)) inbox.answer_later([&] { ++refused; }, now + Millis{1'000});
  EXPECT_THAT(unheard(), ElementsAre(7));
  EXPECT_EQ(inbox.backlog().shed, 0U);
  EXPECT_THAT(inbox.due_answers(now + Millis{999}), IsEmpty());
  EXPECT_EQ(inbox.next_answer(), now + Millis{1'000});
  for (const auto& answer : inbox.due_answers(now + Millis{1'000})) answer();
  EXPECT_EQ(refused, 100);
  EXPECT_EQ(inbox.next_answer(), std::nullopt);
}

}  // namespace
}  // namespace autoctl::monitor
