#include <gtest/gtest.h>

#include "keeper/postgres/instance.h"

namespace autoctl::keeper {
namespace {

TEST(SyncNames, RoundTrip) {
  const SyncQuorum two_of_three{2, {NodeId{2}, NodeId{3}, NodeId{17}}};
  EXPECT_EQ(sync_names(two_of_three), "ANY 2 (autoctl_standby_2, autoctl_standby_3, autoctl_standby_17)");
  EXPECT_EQ(parse_sync_names(sync_names(two_of_three)), two_of_three);
  EXPECT_EQ(sync_names({}), "");
  EXPECT_EQ(sync_names({0, {NodeId{2}}}), "") << "nobody is waited for";
  EXPECT_EQ(parse_sync_names(""), SyncQuorum{});
}

TEST(SyncNames, OtherOrderAndBlanksAreTheSame) {
  EXPECT_EQ(parse_sync_names(" ANY 1(autoctl_standby_3,  autoctl_standby_2 ) "),
            (SyncQuorum{1, {NodeId{2}, NodeId{3}}}));
}

TEST(SyncNames, WhatSomebodyElseWroteIsNotUnderstood) {
  for (const char* text :
       {"*", "FIRST 1 (autoctl_standby_2)", "ANY 1 (node_2)", "ANY 1 (autoctl_standby_2, *)",
        "ANY 2 (autoctl_standby_2)", "ANY 0 (autoctl_standby_2)", "ANY 1 ()", "ANY 1 (autoctl_standby_x)",
        "ANY 1 (autoctl_standby_2, autoctl_standby_2)", "autoctl_standby_2", "ANY 1 (autoctl_standby_0)"})
    EXPECT_FALSE(parse_sync_names(text)) << text;
}

TEST(SyncNames, StandbyNames) {
  EXPECT_EQ(standby_name(NodeId{12}), "autoctl_standby_12");
  EXPECT_EQ(parse_standby_name("autoctl_standby_12"), NodeId{12});
  EXPECT_FALSE(parse_standby_name("autoctl_standby_"));
  EXPECT_FALSE(parse_standby_name("autoctl_standby_12x"));
  EXPECT_FALSE(parse_standby_name("pg_basebackup"));
}

TEST(SyncNames, AreListedByPriorityThenById) {
  const SyncQuorum quorum{1, {NodeId{2}, NodeId{3}, NodeId{4}, NodeId{5}}};
  const Priorities priorities = {{NodeId{2}, 0}, {NodeId{4}, 90}, {NodeId{5}, 50}};
  const std::string names = sync_names(quorum, priorities);
  EXPECT_EQ(names, "ANY 1 (autoctl_standby_4, autoctl_standby_3, autoctl_standby_5, autoctl_standby_2)");
  EXPECT_EQ(parse_sync_names(names), quorum) << "the order means nothing";
}

}  // namespace
}  // namespace autoctl::keeper
