#include "common/util/program_name.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "cli/invocation.h"

namespace autoctl {
namespace {

class ProgramName : public testing::Test {
 protected:
  ~ProgramName() override { set_program_name("autoctl"); }
};

TEST_F(ProgramName, IsOneOfTwo) {
  set_program_name("/usr/bin/pg_autoctl");
  EXPECT_EQ(program_name(), "pg_autoctl");
  set_program_name("build/dev/autoctl");
  EXPECT_EQ(program_name(), "autoctl");
  set_program_name("something");
  EXPECT_EQ(program_name(), "autoctl");
}

TEST_F(ProgramName, BeginsEachCommandThatIsToBeTyped) {
  set_program_name("pg_autoctl");
  EXPECT_EQ(with_program_name("see `autoctl show state`, or autoctl run --pgdata x"),
            "see `pg_autoctl show state`, or pg_autoctl run --pgdata x");
  EXPECT_EQ(with_program_name("sudo autoctl -q show systemd"), "sudo pg_autoctl -q show systemd");
}

TEST_F(ProgramName, LeavesFilesAndProseAlone) {
  set_program_name("pg_autoctl");
  for (const char* text : {"autoctl.toml", "/usr/bin/autoctl run", "pg_autoctl run", "systemctl enable --now autoctl",
                           "autoctl keeps its own files", "x.autoctl/state.json"})
    EXPECT_EQ(with_program_name(text), text);
}

TEST_F(ProgramName, StaysAsItIsUnderTheFirstName) {
  EXPECT_EQ(with_program_name("see `autoctl show state`"), "see `autoctl show state`");
}

/// Every command of the manual: a new one is not forgotten.
TEST_F(ProgramName, KnowsEveryCommand) {
  const std::string manual = cli::manual();
  set_program_name("pg_autoctl");
  std::istringstream lines(manual);
  int commands = 0;
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("## `autoctl ")) continue;
    ++commands;
    EXPECT_THAT(with_program_name(line), testing::StartsWith("## `pg_autoctl ")) << line;
  }
  EXPECT_GT(commands, 50);
}

}  // namespace
}  // namespace autoctl
