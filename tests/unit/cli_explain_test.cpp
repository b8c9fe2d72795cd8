// `autoctl explain`: how it shows what the monitor says.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/output/explain.h"

namespace autoctl::cli {
namespace {

protocol::ExplanationsDocument two_groups() {
  return {{{.formation = "default",
            .group = 0,
            .primary = "node_1",
            .would_win = "node_2",
            .explanation = "node_1 is the primary. Were it lost now, node_2 would take over",
            .others = {{"node_3", "its candidate priority is 0"}}},
           {.formation = "default", .group = 1, .explanation = "There is no primary: nobody could be elected"}}};
}

TEST(Explain, SaysForEachGroupWhoWouldWinAndWhyNotTheOthers) {
  EXPECT_EQ(explanation_text(two_groups()),
            "default/0: node_1 is the primary. Were it lost now, node_2 would take over\n"
            "  not node_3: its candidate priority is 0\n"
            "default/1: There is no primary: nobody could be elected\n");
}

TEST(Explain, SpeaksJson) {
  const auto json = explanation_json(two_groups());
  EXPECT_EQ(json[0]["would_win"], "node_2");
  EXPECT_EQ(json[0]["others"][0]["name"], "node_3");
  EXPECT_EQ(json[0]["others"][0]["why_not"], "its candidate priority is 0");
  EXPECT_TRUE(json[1]["primary"].is_null());
  EXPECT_TRUE(json[1]["would_win"].is_null());
}

}  // namespace
}  // namespace autoctl::cli
