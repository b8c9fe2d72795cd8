#include "common/util/assert.h"

#include <gtest/gtest.h>

#include <string>

#include "common/util/logging.h"

namespace autoctl {
namespace {

TEST(Assert, WhatHoldsCostsNoDescription) {
  int described = 0;
  const auto describe = [&] {
    ++described;
    return std::string("something");
  };
  AUTOCTL_ASSERT(1 + 1 == 2, describe());
  EXPECT_EQ(described, 0);
}

TEST(AssertDeathTest, AFailedOneSaysWhatWasSeenAndWhereAndEndsTheProcess) {
  const std::string seen = "the term went from 7 to 6";
  EXPECT_EXIT(AUTOCTL_ASSERT(6 > 7, seen), testing::KilledBySignal(SIGABRT),
              "the term went from 7 to 6 \\[6 > 7 at .*assert_test.cpp:[0-9]+\\]");
}

TEST(AssertDeathTest, ItGoesToTheLog) {
  const auto fail_with_a_log = [] {
    logging::setup({.format = logging::Format::json, .verbosity = -2});
    AUTOCTL_ASSERT(false, "two \"leaders\"");
  };
  EXPECT_EXIT(fail_with_a_log(), testing::KilledBySignal(SIGABRT),
              "\"level\":\"critical\",\"message\":\"Broken invariant: two .{2}leaders");
}

}  // namespace
}  // namespace autoctl
