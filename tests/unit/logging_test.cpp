#include "common/util/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

namespace autoctl::logging {
namespace {

using testing::MatchesRegex;

class Logging : public testing::Test {
 protected:
  ~Logging() override { spdlog::set_default_logger(before_); }

  /// What `write` puts on stderr.
  template <class Write>
  std::string logged(const Options& options, Write write) {
    testing::internal::CaptureStderr();
    setup(options);
    write();
    return testing::internal::GetCapturedStderr();
  }

  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(Logging, LinesLookLikeTheFields) {
  const std::string text = logged({}, [] {
    spdlog::info("Waiting {} secs", 60);
    spdlog::warn("hm");
    spdlog::debug("not shown");
  });
  const std::string prefix = "[0-9][0-9]:[0-9][0-9]:[0-9][0-9] " + std::to_string(::getpid());
  EXPECT_THAT(text, MatchesRegex(prefix + " INFO  Waiting 60 secs\n" + prefix + " WARN  hm\n"));
}

TEST_F(Logging, JsonLinesSurviveAnyText) {
  const std::string text =
      logged({.format = Format::json}, [] { spdlog::error("quote \" newline \n and \xff no UTF-8"); });
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["pid"], ::getpid());
  EXPECT_EQ(line["level"], "error");
  EXPECT_THAT(line["message"].get<std::string>(), testing::StartsWith("quote \" newline \n and "));
}

TEST_F(Logging, VerbosityChoosesWhatIsShown) {
  const auto all = [] {
    spdlog::error("e");
    spdlog::warn("w");
    spdlog::info("i");
    spdlog::debug("d");
    spdlog::trace("t");
  };
  const auto lines = [](const std::string& text) { return std::ranges::count(text, '\n'); };
  EXPECT_EQ(lines(logged({.verbosity = -2}, all)), 1);
  EXPECT_EQ(lines(logged({.verbosity = -1}, all)), 2);
  EXPECT_EQ(lines(logged({.verbosity = 0}, all)), 3);
  EXPECT_EQ(lines(logged({.verbosity = 1}, all)), 4);
  EXPECT_EQ(lines(logged({.verbosity = 2}, all)), 5);
}

TEST_F(Logging, AnErrorIsOneLineAndItsHintAnother) {
  const std::string text = logged({}, [] { error({Errc::unavailable, "refused\n\tis it there?", "start it"}); });
  EXPECT_EQ(std::ranges::count(text, '\n'), 2);
  EXPECT_THAT(text, testing::HasSubstr("ERROR Hint: start it\n"));
}

}  // namespace
}  // namespace autoctl::logging
