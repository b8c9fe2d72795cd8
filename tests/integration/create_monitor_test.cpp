// `create monitor`: what is wrong is said and nothing is left behind.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "common/postgres/lock_file.h"
#include "monitor/daemon.h"
#include "tests/support/scratch.h"

namespace autoctl {
namespace {

namespace fs = std::filesystem;

class CreateMonitor : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root"; }
  CreateMonitor() {
    config.pgdata = scratch.path() + "/monitor";
    config.hostname = "localhost";
    config.listen = "localhost";
    config.pgport = test::free_port();
    config.api_port = test::free_port();
  }
  Error error_of_create() {
    const auto created = monitor::create_monitor(config);
    return created ? Error{Errc::internal, "it was created", ""} : created.error();
  }
  bool nothing_left() const { return !fs::exists(config.pgdata) && !fs::exists(config.pgdata + ".autoctl"); }
  static unsigned mode(const std::string& path) {
    return static_cast<unsigned>(fs::status(path).permissions()) & 0777U;
  }

  test::ScratchDirectory scratch;
  config::Config config;
};

TEST_F(CreateMonitor, LeavesAStoppedMonitorAndNoSecretsInTheOpen) {
  fs::create_directory(config.pgdata);  // empty is as good as missing
  const auto created = monitor::create_monitor(config);
  ASSERT_TRUE(created) << created.error().message;
  const config::Files files(config.pgdata);
  EXPECT_FALSE(postgres::read_lock_file(files.pgdata)) << "its Postgres still runs";
  EXPECT_EQ(mode(files.directory), 0700U);
  EXPECT_EQ(mode(files.key()), 0600U);
  EXPECT_EQ(mode(files.token()), 0600U);
  const auto saved = config::load(files);
  ASSERT_TRUE(saved) << saved.error().message;
  EXPECT_TRUE(saved->is_monitor());
  EXPECT_EQ(saved->api_port, config.api_port);

  EXPECT_EQ(error_of_create().code, Errc::conflict) << "a second time";
  ASSERT_TRUE(monitor::drop_monitor(files, false));
  EXPECT_TRUE(fs::exists(files.pgdata + "/PG_VERSION"));
  EXPECT_FALSE(fs::exists(files.directory));
}

TEST_F(CreateMonitor, LeavesForeignDataAlone) {
  fs::create_directory(config.pgdata);
  std::ofstream(config.pgdata + "/precious") << "data";
  const Error error = error_of_create();
  EXPECT_EQ(error.code, Errc::conflict);
  EXPECT_NE(error.hint, "");
  EXPECT_TRUE(fs::exists(config.pgdata + "/precious"));
  EXPECT_FALSE(fs::exists(config.pgdata + ".autoctl"));
}

TEST_F(CreateMonitor, NoticesPortsInUse) {
  for (int* port : {&config.pgport, &config.api_port}) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(*port));
    ASSERT_EQ(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(fd, 1), 0);
    const Error error = error_of_create();
    EXPECT_EQ(error.code, Errc::conflict);
    EXPECT_NE(error.message.find(std::to_string(*port)), std::string::npos) << error.message;
    EXPECT_TRUE(nothing_left());
    ::close(fd);
  }
}

TEST_F(CreateMonitor, WantsAPostgresItCanUse) {
  config.pg_ctl = scratch.path() + "/no/pg_ctl";
  EXPECT_EQ(error_of_create().code, Errc::not_found);
  const std::string bin = scratch.path() + "/bin";
  fs::create_directory(bin);
  for (const char* tool : {"pg_ctl", "postgres", "initdb", "pg_controldata", "pg_basebackup", "pg_rewind"}) {
    std::ofstream(bin + "/" + tool) << "#!/bin/sh\necho 'postgres (PostgreSQL) 9.6.24'\n";
    fs::permissions(bin + "/" + tool, fs::perms::owner_all);
  }
  config.pg_ctl = bin + "/pg_ctl";
  EXPECT_EQ(error_of_create().code, Errc::incompatible);
  EXPECT_TRUE(nothing_left());
}

TEST_F(CreateMonitor, CleansUpAfterItself) {
  config.ssl.enabled = true;
  config.ssl.server_cert = scratch.path() + "/missing.crt";
  config.ssl.server_key = scratch.path() + "/missing.key";
  EXPECT_NE(error_of_create().code, Errc::internal);
  EXPECT_TRUE(nothing_left());
}

TEST_F(CreateMonitor, StartsOverWhereAnEarlierOneWasKilled) {
  fs::create_directory(config.pgdata);
  fs::create_directory(config.pgdata + ".autoctl");
  std::ofstream(config.pgdata + "/half") << "done";
  std::ofstream(config.pgdata + ".autoctl/creating") << "";
  const auto created = monitor::create_monitor(config);
  ASSERT_TRUE(created) << created.error().message;
  EXPECT_FALSE(fs::exists(config.pgdata + "/half"));
}

}  // namespace
}  // namespace autoctl
