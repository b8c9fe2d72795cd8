// What autoctl.api_endpoint() hands out is good for minutes, and no way to the operator's credential.
#include <gtest/gtest.h>

#include "monitor/identity.h"

namespace autoctl::monitor {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::system_clock::time_point now{1'900'000'123s};

TEST(EntryCredential, IsGoodForAWhileAndNoLonger) {
  const std::string handed_out = entry_credential("operator", now);
  for (const auto later : {0min, 9min, 10min}) EXPECT_TRUE(is_entry_credential("operator", handed_out, now + later));
  EXPECT_TRUE(is_entry_credential("operator", handed_out, now - 10min)) << "the clock was set back";
  for (const auto later : {20min, 60min, -20min})
    EXPECT_FALSE(is_entry_credential("operator", handed_out, now + later)) << later.count();
}

TEST(EntryCredential, IsOfOneMonitorAndIsNotItsOperators) {
  const std::string handed_out = entry_credential("operator", now);
  EXPECT_NE(handed_out, "operator");
  EXPECT_FALSE(is_entry_credential("another operator", handed_out, now));
  EXPECT_FALSE(is_entry_credential("operator", "operator", now));
  EXPECT_FALSE(is_entry_credential("operator", "", now));
  EXPECT_FALSE(is_entry_credential("operator", handed_out.substr(1), now));
}

}  // namespace
}  // namespace autoctl::monitor
