#include "lab/acknowledgement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace autoctl::lab {
namespace {

TimePoint at(int ms) {
  return TimePoint{} + Millis(ms);
}

/// Sent at `ms`, acknowledged one millisecond later.
Acknowledgement ack(int id, int ms, int port = 6001, std::uint32_t timeline = 1) {
  return {id, at(ms), at(ms + 1), port, "127.0.0.1", Timeline(timeline)};
}

TEST(LargestGap, LiesBetweenTwoAcknowledgements) {
  const std::vector<Acknowledgement> acks = {ack(1, 0), ack(2, 10), ack(3, 310), ack(4, 330)};
  EXPECT_EQ(largest_gap(acks, at(0), at(331)), Millis(300));
}

TEST(LargestGap, CountsAGapThatBeganBefore) {
  const std::vector<Acknowledgement> acks = {ack(1, 0), ack(2, 500), ack(3, 510)};
  EXPECT_EQ(largest_gap(acks, at(400), at(511)), Millis(500));
}

TEST(LargestGap, LeavesOutGapsOfOtherTimes) {
  const std::vector<Acknowledgement> acks = {ack(1, 0), ack(2, 900), ack(3, 910), ack(4, 920), ack(5, 1900)};
  EXPECT_EQ(largest_gap(acks, at(905), at(915)), Millis(10));
}

TEST(LargestGap, CountsAnOutageThatIsNotOver) {
  EXPECT_EQ(largest_gap({ack(1, 0)}, at(0), at(1001)), Millis(1000));
  EXPECT_EQ(largest_gap({}, at(0), at(70)), Millis(70));
}

TEST(SplitBrain, IsNotAnOrderlySwitchover) {
  EXPECT_EQ(find_split_brain({ack(1, 0), ack(2, 10), ack(3, 20, 6002, 2), ack(4, 30, 6001, 3)}), std::nullopt);
}

TEST(SplitBrain, IsAnOldPrimaryThatStillAcknowledges) {
  EXPECT_THAT(find_split_brain({ack(1, 0), ack(3, 20, 6002, 2), ack(2, 25)}),
              testing::Optional(testing::HasSubstr("sent 4 ms after 127.0.0.1:6002")));
}

TEST(SplitBrain, IsNotAnAnswerThatWasUnderWay) {
  Acknowledgement late = ack(2, 10);
  late.received = at(40);
  EXPECT_EQ(find_split_brain({ack(1, 0), ack(3, 20, 6002, 2), late}), std::nullopt);
}

TEST(SplitBrain, IsTwoServersOnOneTimeline) {
  EXPECT_THAT(find_split_brain({ack(1, 0, 6001, 2), ack(2, 50, 6002, 2)}),
              testing::Optional(testing::HasSubstr("both")));
}

TEST(Lost, AreTheAcknowledgedThatAreNotThere) {
  EXPECT_THAT(find_lost({ack(1, 0), ack(2, 10), ack(4, 20)}, {1, 3, 4}), testing::ElementsAre(2));
}

}  // namespace
}  // namespace autoctl::lab
