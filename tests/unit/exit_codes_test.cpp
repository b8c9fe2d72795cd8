#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "common/protocol/protocol.h"
#include "common/util/exit_code.h"

namespace autoctl::cli {
namespace {

constexpr Errc all_codes[] = {Errc::bad_usage, Errc::bad_config, Errc::conflict,  Errc::unavailable,
                              Errc::timeout,   Errc::denied,     Errc::not_found, Errc::incompatible,
                              Errc::system,    Errc::postgres,   Errc::internal,  Errc::twin};

TEST(ExitCodes, EveryKindOfErrorHasItsOwnAndNoneIsSuccess) {
  std::set<ExitCode> seen;
  for (const Errc code : all_codes) {
    EXPECT_NE(exit_code(code), ExitCode::ok);
    EXPECT_TRUE(seen.insert(exit_code(code)).second) << protocol::to_string(code);
  }
}

TEST(ExitCodes, TheDocumentHasALineForEach) {
  std::ifstream file(AUTOCTL_SOURCE_DIR "/docs/exit-codes.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const Errc code : all_codes) {
    const std::string line = "| " + std::to_string(static_cast<int>(exit_code(code))) + " | " +
                             std::string(protocol::to_string(code)) + " |";
    EXPECT_NE(text.str().find(line), std::string::npos) << line;
  }
}

}  // namespace
}  // namespace autoctl::cli
