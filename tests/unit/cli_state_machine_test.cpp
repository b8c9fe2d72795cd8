// The pictures of the state machine are of all of it.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "cli/output/state_machine.h"

namespace autoctl::cli {
namespace {

/// "from>to" of each line that has an arrow between two states.
std::set<std::string> arrows(const std::string& picture, const std::string& arrow) {
  std::set<std::string> found;
  std::istringstream lines(picture);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string from, between, to;
    words >> from >> between >> to;
    if (between == arrow && from != "[*]" && to != "[*]") found.insert(from + ">" + to);
  }
  return found;
}

TEST(StateMachinePictures, ThePhasesTogetherAreTheWhole) {
  std::set<std::string> together;
  for (const char* name : {"init", "steady-state", "failover", "maintenance", "removal"}) {
    const auto phase = parse_phase(name);
    ASSERT_TRUE(phase) << name;
    const auto part = arrows(draw_state_machine(phase), "-->");
    EXPECT_FALSE(part.empty()) << name;
    together.insert(part.begin(), part.end());
  }
  for (const std::string& arrow : arrows(draw_state_machine(), "-->")) EXPECT_TRUE(together.contains(arrow)) << arrow;
  EXPECT_FALSE(parse_phase("nothing"));
}

TEST(StateMachinePictures, GraphvizAndMermaidDrawTheSame) {
  EXPECT_EQ(arrows(graph_state_machine(), "->"), arrows(draw_state_machine(), "-->"));
}

TEST(StateMachinePictures, ANodesListBeginsWhereItIs) {
  const std::string list = list_state_machine(NodeState::secondary);
  EXPECT_NE(list.find("secondary -> prepare_promotion\n"), std::string::npos) << list;
  EXPECT_EQ(list.find("single -> "), std::string::npos) << list;
}

}  // namespace
}  // namespace autoctl::cli
