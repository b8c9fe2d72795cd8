#include "common/fsm/ancestry.h"

#include <gtest/gtest.h>

namespace autoctl {
namespace {

Lineage lineage(std::uint32_t timeline, std::uint64_t lsn, std::vector<HistoryEntry> history = {}) {
  return Lineage{Timeline{timeline}, Lsn{lsn}, std::move(history)};
}
HistoryEntry left(std::uint32_t timeline, std::uint64_t lsn) {
  return {Timeline{timeline}, Lsn{lsn}};
}

TEST(Ancestry, TheSameTimelineFollows) {
  EXPECT_EQ(compare_ancestry(lineage(1, 100), lineage(1, 0)), Ancestry::follows);
  EXPECT_EQ(compare_ancestry(lineage(1, 100), lineage(1, 100)), Ancestry::follows);
}

TEST(Ancestry, AheadOfUpstreamOnTheSameTimelineHasDiverged) {
  EXPECT_EQ(compare_ancestry(lineage(1, 101), lineage(1, 100)), Ancestry::diverged);
}

TEST(Ancestry, UpToTheSwitchItFollowsBeyondItHasDiverged) {
  const Lineage promoted = lineage(2, 500, {left(1, 300)});
  EXPECT_EQ(compare_ancestry(lineage(1, 299), promoted), Ancestry::follows);
  EXPECT_EQ(compare_ancestry(lineage(1, 300), promoted), Ancestry::follows);
  EXPECT_EQ(compare_ancestry(lineage(1, 301), promoted), Ancestry::diverged);
}

TEST(Ancestry, SeveralSwitchesAgo) {
  const Lineage upstream = lineage(4, 900, {left(1, 300), left(2, 400), left(3, 800)});
  EXPECT_EQ(compare_ancestry(lineage(1, 250), upstream), Ancestry::follows);
  EXPECT_EQ(compare_ancestry(lineage(2, 400, {left(1, 300)}), upstream), Ancestry::follows);
  EXPECT_EQ(compare_ancestry(lineage(3, 801, {left(1, 300), left(2, 400)}), upstream), Ancestry::diverged);
}

TEST(Ancestry, TheSameNumberFromAnotherPromotionHasDiverged) {
  EXPECT_EQ(compare_ancestry(lineage(2, 350, {left(1, 300)}), lineage(2, 500, {left(1, 310)})), Ancestry::diverged);
  EXPECT_EQ(compare_ancestry(lineage(2, 350, {left(1, 300)}), lineage(3, 500, {left(1, 310), left(2, 400)})),
            Ancestry::diverged);
}

TEST(Ancestry, ATimelineUpstreamNeverSawHasDiverged) {
  EXPECT_EQ(compare_ancestry(lineage(2, 350, {left(1, 300)}), lineage(1, 500)), Ancestry::diverged);
  EXPECT_EQ(compare_ancestry(lineage(2, 350, {left(1, 300)}), lineage(3, 500, {left(1, 300)})), Ancestry::diverged);
}

TEST(Ancestry, WhatIsNotKnownIsNotGuessed) {
  EXPECT_EQ(compare_ancestry(lineage(0, 100), lineage(1, 100)), Ancestry::unknown);
  EXPECT_EQ(compare_ancestry(lineage(1, 100), lineage(0, 100)), Ancestry::unknown);
  Lineage crashed = lineage(1, 200);
  crashed.lsn_exact = false;
  const Lineage promoted = lineage(2, 500, {left(1, 300)});
  EXPECT_EQ(compare_ancestry(crashed, promoted), Ancestry::unknown) << "recovery may find WAL beyond the switch";
  crashed.lsn = Lsn{301};
  EXPECT_EQ(compare_ancestry(crashed, promoted), Ancestry::diverged);
}

TEST(Ancestry, LastCommonIsWhereTheFirstOfThemLeft) {
  EXPECT_EQ(last_common(lineage(1, 100), lineage(1, 0)), Lsn{100});
  EXPECT_EQ(last_common(lineage(1, 100), lineage(1, 90)), Lsn{90});
  EXPECT_EQ(last_common(lineage(2, 500, {left(1, 300)}), lineage(1, 0)), Lsn{300}) << "promoted by hand";
  EXPECT_EQ(last_common(lineage(1, 400), lineage(2, 0, {left(1, 300)})), Lsn{300}) << "an old primary";
  EXPECT_EQ(last_common(lineage(2, 500, {left(1, 310)}), lineage(2, 0, {left(1, 300)})), Lsn{300});
  EXPECT_EQ(last_common(lineage(3, 500, {left(1, 300), left(2, 400)}), lineage(4, 0, {left(1, 300), left(2, 450)})),
            Lsn{400});
  EXPECT_EQ(last_common(lineage(7, 500), lineage(1, 0)), Lsn{});
}

}  // namespace
}  // namespace autoctl
