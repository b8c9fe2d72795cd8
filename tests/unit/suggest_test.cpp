#include "common/util/suggest.h"

#include <gtest/gtest.h>

namespace autoctl {
namespace {

const std::vector<std::string> verbs = {"create", "show", "perform", "stop", "status"};

TEST(Suggest, FindsWhatWasMeant) {
  EXPECT_EQ(nearest("shwo", verbs), "show");
  EXPECT_EQ(nearest("statsu", verbs), "status");
  EXPECT_EQ(nearest("creat", verbs), "create");
  EXPECT_EQ(nearest("perfrom", verbs), "perform");
}

TEST(Suggest, DoesNotGuessWildly) {
  EXPECT_EQ(nearest("banana", verbs), std::nullopt);
  EXPECT_EQ(nearest("x", verbs), std::nullopt);
  EXPECT_EQ(nearest("", verbs), std::nullopt);
  EXPECT_EQ(nearest("show", {}), std::nullopt);
}

}  // namespace
}  // namespace autoctl
