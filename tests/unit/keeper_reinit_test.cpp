// A goal that asks for a fresh copy.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper_core_fixture.h"

namespace autoctl::keeper::test {
namespace {

TEST_F(KeeperCore, WhatAnOperatorDoesNotTrustIsCopiedWhateverItIs) {
  begin_as_primary();
  orders.clear();
  Goal anew = goal(NodeState::catchingup, 6, other);
  anew.fresh_copy = true;
  assign(anew);
  rest();
  EXPECT_THAT(orders, testing::ElementsAre(Kind::stop, Kind::copy, Kind::set_upstream, Kind::configure, Kind::start));
}

}  // namespace
}  // namespace autoctl::keeper::test
