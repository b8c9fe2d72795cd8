// Who stays where more come than there is room for; how much room there is; and from where guests are known.
#include "common/http/guests.h"

#include <gtest/gtest.h>

#include "common/http/budget.h"
#include "common/http/flood_watch.h"
#include "common/http/known_places.h"

namespace autoctl::http {
namespace {

using namespace std::chrono_literals;

constexpr std::optional<Guests::Id> nobody;

class GuestsTest : public testing::Test {
 protected:
  Guests::Entry enter(Guests::Id id, const std::string& owner) { return guests.enter(id, owner, now); }
  /// Comes in, and is at work.
  void work(Guests::Id id, const std::string& owner) {
    EXPECT_TRUE(enter(id, owner).comes_in);
    guests.work(id, now);
  }
  void expect_in_place_of(Guests::Id id, const std::string& owner, std::optional<Guests::Id> whom) {
    const auto entry = enter(id, owner);
    EXPECT_TRUE(entry.comes_in);
    EXPECT_EQ(entry.gives_way, whom);
  }
  void expect_refused(Guests::Id id, const std::string& owner) {
    const auto entry = enter(id, owner);
    EXPECT_FALSE(entry.comes_in);
    EXPECT_EQ(entry.gives_way, nobody);
  }

  Guests::TimePoint now;
  Guests guests{{.all = 4, .of_one_owner = 3}, 1000ms};
};

TEST_F(GuestsTest, NobodyGivesWayWhileThereIsRoom) {
  for (Guests::Id id = 1; id <= 3; ++id) expect_in_place_of(id, "a", nobody);
  expect_in_place_of(4, "b", nobody);
  EXPECT_EQ(guests.size(), 4U);
}

TEST_F(GuestsTest, OneOwnersOldestThatRestsGivesWayToItsNext) {
  work(1, "a");
  for (Guests::Id id = 2; id <= 3; ++id) expect_in_place_of(id, "a", nobody);
  expect_in_place_of(4, "a", 2);
  expect_in_place_of(5, "b", nobody);
}

TEST_F(GuestsTest, OneWithFewTakesThePlaceOfOneOfMany) {
  for (Guests::Id id = 1; id <= 3; ++id) work(id, "a");
  work(4, "b");
  expect_in_place_of(5, "c", 1);  // although it works
  guests.work(5, now);
  expect_refused(6, "c");  // which would have as many as anybody
  EXPECT_EQ(guests.size(), 4U);
}

TEST_F(GuestsTest, WhoeverRestsGivesWayFirst) {
  for (Guests::Id id = 1; id <= 3; ++id) work(id, "a");
  work(4, "b");
  guests.rest(2);
  expect_in_place_of(5, "c", 2);
}

TEST_F(GuestsTest, OfManyWithOneEachTheOldestThatRestsGivesWay) {
  work(1, "a");
  expect_in_place_of(2, "b", nobody);
  expect_in_place_of(3, "c", nobody);
  work(4, "d");
  expect_in_place_of(5, "e", 2);
  guests.work(3, now);
  guests.work(5, now);
  expect_refused(6, "f");
}

TEST_F(GuestsTest, WorkThatLastsTooLongCountsAsRest) {
  work(1, "a");
  now += 999ms;
  for (Guests::Id id = 2; id <= 3; ++id) work(id, "a");
  expect_refused(4, "a");
  now += 1ms;
  expect_in_place_of(5, "a", 1);
}

TEST_F(GuestsTest, WhoLeavesMakesRoom) {
  for (Guests::Id id = 1; id <= 3; ++id) work(id, "a");
  guests.leave(2);
  guests.leave(2);
  expect_in_place_of(4, "a", nobody);
  EXPECT_EQ(guests.size(), 3U);
}

TEST_F(GuestsTest, OneThatRestsIsLetGo) {
  work(1, "a");
  EXPECT_EQ(guests.let_go(now), nobody);
  expect_in_place_of(2, "a", nobody);
  EXPECT_EQ(guests.let_go(now), 2);
  EXPECT_EQ(guests.size(), 1U);
}

TEST(BudgetTest, NoRoomCanBeUsedUpFromAnother) {
  for (const std::size_t all : {16U, 100U, 512U, 8192U}) {
    const Budget budget = budget_of({.connections_max = all});
    EXPECT_EQ(budget.strangers.all + budget.newcomers.all + budget.members.all, all);
    EXPECT_GE(budget.members.all, all / 2);
    EXPECT_LE(budget.strangers.of_one_owner, budget.strangers.all / 4);
    EXPECT_GE(budget.strangers.of_one_owner, 1U);
  }
}

TEST(BudgetTest, ThereAreNoMoreConnectionsThanDescriptors) {
  const ServerOptions options{.connections_max = 4096};
  EXPECT_EQ(fitted(options, 65'536, 640).connections_max, 4096U);
  EXPECT_EQ(fitted(options, 1'024, 640).connections_max, 384U);
  EXPECT_EQ(fitted(options, 256, 640).connections_max, 16U);
  EXPECT_EQ(fitted({.connections_max = 3}, 256, 640).connections_max, 3U);
}

TEST(KnownPlacesTest, ThePlaceThatWasNotedLongestAgoIsForgotten) {
  KnownPlaces known(2);
  known.note("a");
  known.note("b");
  known.note("a");
  known.note("c");
  EXPECT_TRUE(known.has("a"));
  EXPECT_FALSE(known.has("b"));
  EXPECT_TRUE(known.has("c"));
}

TEST(FloodWatchTest, SaysSoOnceAMinute) {
  FloodWatch watch;
  std::chrono::steady_clock::time_point now;
  EXPECT_FALSE(watch.look({.strangers_closed = 49, .stranger = "10.0.0.9"}, now));
  const auto first = watch.look({.strangers_closed = 1, .stranger = "10.0.0.8"}, now);
  ASSERT_TRUE(first);
  EXPECT_NE(first->find("50 connections"), std::string::npos) << *first;
  EXPECT_NE(first->find("10.0.0.8"), std::string::npos) << *first;
  now += 59s;
  EXPECT_FALSE(watch.look({.strangers_closed = 500, .stranger = "10.0.0.7"}, now));
  now += 1s;
  const auto second = watch.look({}, now);
  ASSERT_TRUE(second);
  EXPECT_NE(second->find("500 connections"), std::string::npos) << *second;
  now += 60s;
  EXPECT_FALSE(watch.look({}, now));
}

}  // namespace
}  // namespace autoctl::http
