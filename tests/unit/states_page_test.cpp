// docs/states.md is what the program says of itself.
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "cli/output/state_machine.h"

namespace autoctl::cli {
namespace {

TEST(StatesPage, is_up_to_date) {
  std::ifstream in(std::string(AUTOCTL_SOURCE_DIR) + "/docs/states.md");
  std::ostringstream page;
  page << in.rdbuf();
  EXPECT_EQ(page.str(), describe_state_machine()) << "write it again: autoctl inspect fsm markdown > docs/states.md";
}

}  // namespace
}  // namespace autoctl::cli
