// `create` and `run` do not obey files that others could have written.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/invocation.h"
#include "common/config/config.h"
#include "tests/support/scratch.h"

namespace autoctl::cli {
namespace {

TEST(CliOwnDirectory, WhatOthersCouldHaveWrittenIsRefused) {
  ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root";
  const test::ScratchDirectory scratch;
  const config::Files files(scratch.path() + "/pg");
  std::filesystem::create_directory(files.directory);
  config::Config planted;
  planted.pgdata = files.pgdata;
  planted.pg_ctl = "/tmp/evil/pg_ctl";
  ASSERT_TRUE(config::save(files, planted));
  ASSERT_EQ(::chmod(files.directory.c_str(), 0777), 0);
  const std::vector<std::vector<std::string>> commands = {
      {"run"},
      {"create", "monitor", "--auth", "trust", "--no-ssl", "--run"},
      {"create", "postgres", "--auth", "trust", "--no-ssl", "--monitor", "https://127.0.0.1:1", "--run"}};
  for (auto words : commands) {
    words.insert(words.end(), {"--pgdata", files.pgdata});
    const auto invocation = parse(words);
    ASSERT_TRUE(invocation) << invocation.error().message;
    const auto code = invocation->run();
    ASSERT_FALSE(code) << words[0];
    EXPECT_EQ(code.error().code, Errc::denied) << code.error().message;
    EXPECT_NE(code.error().hint.find("chmod go-w " + files.directory), std::string::npos) << code.error().hint;
  }
}

}  // namespace
}  // namespace autoctl::cli
