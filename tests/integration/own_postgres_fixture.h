// A monitor's own Postgres for all tests of a suite.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "common/postgres/tools.h"
#include "monitor/own_postgres.h"
#include "tests/support/scratch.h"

namespace autoctl::monitor {

class OwnPostgresTest : public ::testing::Test {
 protected:
  /// To be called in SetUpTestSuite(). Fatal failure where it does not run.
  static void start(const std::string& auth = config::Config{}.auth) {
    ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root";
    scratch = std::make_unique<test::ScratchDirectory>();
    config::Config config;
    const config::Files files(scratch->path() + "/pg");
    std::filesystem::create_directories(files.directory);
    config.pgdata = files.pgdata;
    config.pgport = port = test::free_port();
    config.listen = "localhost";
    config.auth = auth;
    server = std::make_unique<OwnPostgres>(config, files, postgres::find_tools("").value());
    ASSERT_TRUE(server->initdb());
    ASSERT_TRUE(server->configure());
    const auto started = server->start({});
    ASSERT_TRUE(started) << started.error().message;
  }
  static void TearDownTestSuite() {
    EXPECT_TRUE(!server || server->stop(std::chrono::seconds(10)));
    server.reset();
    scratch.reset();
  }

  inline static std::unique_ptr<test::ScratchDirectory> scratch;
  inline static std::unique_ptr<OwnPostgres> server;
  inline static int port = 0;
};

}  // namespace autoctl::monitor
