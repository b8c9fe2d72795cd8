// No command obeys, or believes, files that others could have written.
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
      {"stop"},
      {"stop", "postgres"},
      {"start", "postgres"},
      {"restart", "postgres"},
      {"status"},
      {"reload"},
      {"activate"},
      {"config", "check"},
      {"config", "get"},
      {"config", "get", "postgresql.port"},
      {"config", "set", "postgresql.port", "5433"},
      {"show", "state"},
      {"show", "events"},
      {"show", "settings"},
      {"show", "uri"},
      {"show", "file"},
      {"show", "file", "--contents"},
      {"show", "systemd"},
      {"show", "standby-names"},
      {"get", "formation", "settings"},
      {"set", "formation", "number-sync-standbys", "1"},
      {"set", "node", "metadata", "--name", "other"},
      {"get", "node", "region"},
      {"perform", "switchover"},
      {"perform", "failover"},
      {"perform", "promotion", "--name", "other"},
      {"pause"},
      {"explain"},
      {"enable", "monitor", "https://127.0.0.1:1"},
      {"enable", "maintenance"},
      {"disable", "monitor"},
      {"disable", "monitor", "--force"},
      {"drop", "node"},
      {"drop", "node", "--force", "--destroy"},
      {"drop", "monitor"},
      {"create", "monitor", "--auth", "trust", "--no-ssl", "--run"},
      {"create", "postgres", "--auth", "trust", "--no-ssl", "--monitor", "https://127.0.0.1:1", "--run"}};
  for (auto words : commands) {
    words.insert(words.end(), {"--pgdata", files.pgdata});
    const auto invocation = parse(words);
    ASSERT_TRUE(invocation) << invocation.error().message;
    const auto code = invocation->run();
    ASSERT_FALSE(code) << invocation->command;
    EXPECT_EQ(code.error().code, Errc::denied) << invocation->command << ": " << code.error().message;
    EXPECT_NE(code.error().hint.find("chmod go-w " + files.directory), std::string::npos) << code.error().hint;
  }
}

}  // namespace
}  // namespace autoctl::cli
