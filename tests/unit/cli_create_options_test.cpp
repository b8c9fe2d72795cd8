// `create`: what is refused, with which hint, and what becomes of the rest.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "cli/create_options.h"

namespace autoctl::cli {
namespace {

using testing::HasSubstr;

class Create : public testing::Test {
 protected:
  Create() {
    for (const char* name : {"AUTOCTL_SSL_SELF_SIGNED", "PG_AUTOCTL_SSL_SELF_SIGNED"}) ::unsetenv(name);
    options_.pgdata = "/srv/pg/";
    options_.auth = "trust";
    options_.ssl.self_signed = true;
    options_.monitor = "https://m:7432";
  }
  ~Create() override { ::unsetenv("PG_AUTOCTL_SSL_SELF_SIGNED"); }

  Error refused() const {
    const auto config = to_config(options_, "postgres");
    EXPECT_FALSE(config);
    return config ? Error{} : config.error();
  }

  CreateOptions options_;
};

TEST_F(Create, TheShortestLineGetsTheDefaults) {
  const auto config = to_config(options_, "postgres");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->pgdata, "/srv/pg");
  EXPECT_EQ(config->pgport, 5432);
  EXPECT_EQ(config->api_port, 7432);
  EXPECT_EQ(config->ssl.mode, "require");
  EXPECT_TRUE(config->ssl.enabled);
  EXPECT_EQ(config->formation, "default");
  EXPECT_FALSE(config->group);
}

TEST_F(Create, AMonitorNeedsNoMonitor) {
  options_.monitor.reset();
  const auto config = to_config(options_, "monitor");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->dbname, "pg_auto_failover");
  EXPECT_EQ(refused().message, "--monitor is missing");
}

TEST_F(Create, APasswordForTheMonitorIsForItsPostgres) {
  options_.monitor_password = "secret";
  EXPECT_THAT(refused().message, HasSubstr("--monitor-password"));
  options_.monitor = "postgres://autoctl_node@m:5432/pg_auto_failover";
  EXPECT_THAT(to_config(options_, "postgres").value_or(config::Config{}).monitor, HasSubstr("?password=secret"));
}

TEST_F(Create, WhatOnlyPgAutoctlHasSaysWhatToType) {
  options_.foreign.disable_monitor = true;
  EXPECT_THAT(refused().hint, HasSubstr("autoctl create monitor"));
  options_.foreign = {.node_id = "3"};
  EXPECT_THAT(refused().hint, HasSubstr("--name"));
  options_.foreign = {.replication_password = "secret"};
  EXPECT_THAT(refused().hint, HasSubstr("autoctl rotate password"));
  options_.foreign = {.autoctl_node_password = "secret"};
  EXPECT_THAT(refused().hint, HasSubstr("set_node_password"));
  EXPECT_EQ(refused().code, Errc::bad_usage);
}

TEST_F(Create, ThereIsOneCredentialToJoinWith) {
  options_.token_file = "/srv/token";
  options_.join.token = "autoctl-join.abc";
  EXPECT_THAT(refused().message, HasSubstr("--token-file and a join token"));
  EXPECT_FALSE(read_join_token({.token = "autoctl-join.abc", .token_file = "/srv/join-token"}));
  EXPECT_EQ(read_join_token({.token = {}, .token_file = "/nowhere"}).error().code, Errc::not_found);
  EXPECT_EQ(read_join_token({.token = "autoctl-join.abc", .token_file = {}})->secret, "abc");
}

/// Whatever this process starts inherits it.
TEST_F(Create, TheJoinTokenIsTakenOutOfTheEnvironment) {
  ::setenv("PG_AUTOCTL_JOIN_TOKEN", "autoctl-join.abc", 1);
  EXPECT_EQ(read_join_token({})->secret, "") << "the parser has read it, if it was asked for";
  EXPECT_EQ(std::getenv("PG_AUTOCTL_JOIN_TOKEN"), nullptr);
}

/// Who says nothing about it gets what is safe.
TEST_F(Create, TheDefaultIsScramWithCertificatesOfTheMonitor) {
  options_.auth.reset();
  options_.ssl = {};
  for (const char* role : {"monitor", "postgres", "coordinator", "worker"}) {
    const auto config = to_config(options_, role);
    ASSERT_TRUE(config) << config.error().message;
    EXPECT_EQ(config->auth, "scram-sha-256");
    EXPECT_TRUE(config->ssl.enabled);
    EXPECT_TRUE(config->ssl.issued);
    EXPECT_EQ(config->ssl.mode, "verify-full");
  }
}

TEST_F(Create, AMethodThatPostgresWouldNotReadInALineIsRefused) {
  for (const char* method : {"peer", "sspi", "ldap", "radius"}) {
    options_.auth = method;
    EXPECT_EQ(refused().code, Errc::bad_usage) << method;
    EXPECT_THAT(refused().hint, HasSubstr("--skip-pg-hba")) << method;
  }
  options_.auth = "cert";
  EXPECT_THAT(refused().hint, HasSubstr("--ssl-ca-file"));
  options_.ssl = {};
  options_.ssl.no_ssl = true;
  EXPECT_THAT(refused().message, HasSubstr("needs TLS"));
  options_.skip_pg_hba = true;
  EXPECT_TRUE(to_config(options_, "postgres"));
  options_.skip_pg_hba = false;
  options_.ssl = {};
  options_.ssl.server_cert = options_.ssl.server_key = options_.ssl.ca_file = "f";
  EXPECT_TRUE(to_config(options_, "postgres"));
}

TEST_F(Create, EncryptionIsChosenExactlyOnce) {
  options_.ssl = {};
  options_.ssl.ca_file = "ca";
  EXPECT_THAT(refused().message, HasSubstr("need --server-cert"));
  options_.ssl = {};
  options_.ssl.self_signed = options_.ssl.no_ssl = true;
  EXPECT_THAT(refused().message, HasSubstr("more than one"));
  options_.ssl = {};
  options_.ssl.server_key = "k";
  EXPECT_THAT(refused().message, HasSubstr("go together"));
  options_.ssl.server_cert = "c";
  options_.ssl.ca_file = "ca";
  const auto config = to_config(options_, "postgres");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->ssl.mode, "verify-full");
  EXPECT_FALSE(config->ssl.issued);
  EXPECT_TRUE(config->ssl.server_cert.starts_with('/'));
}

TEST_F(Create, ContradictoryEncryptionIsRefused) {
  options_.ssl.mode = "verify-full";
  EXPECT_THAT(refused().message, HasSubstr("self-signed"));
  options_.ssl = {};
  options_.ssl.mode = "prefer";
  EXPECT_THAT(refused().hint, HasSubstr("--no-ssl"));
  options_.ssl = {};
  options_.ssl.no_ssl = true;
  options_.ssl.mode = "require";
  EXPECT_THAT(refused().message, HasSubstr("contradicts"));
  options_.ssl = {};
  options_.ssl.self_signed = true;
  options_.ssl.ca_file = "/ca";
  EXPECT_THAT(refused().message, HasSubstr("--ssl-ca-file"));
}

TEST_F(Create, TheCommandLineWinsOverTheEnvironment) {
  ::setenv("PG_AUTOCTL_SSL_SELF_SIGNED", "true", 1);
  options_.ssl = {};
  ASSERT_TRUE(to_config(options_, "postgres"));
  EXPECT_TRUE(to_config(options_, "postgres")->ssl.self_signed);
  options_.ssl.no_ssl = true;
  ASSERT_TRUE(to_config(options_, "postgres"));
  EXPECT_FALSE(to_config(options_, "postgres")->ssl.enabled);
  options_.ssl = {};
  ::setenv("PG_AUTOCTL_SSL_SELF_SIGNED", "perhaps", 1);
  EXPECT_THAT(refused().message, HasSubstr("perhaps"));
}

TEST_F(Create, PortsMustLeaveRoomForTheApi) {
  options_.pgport = 64000;
  EXPECT_THAT(refused().hint, HasSubstr("--api-port"));
  options_.api_port = 64000;
  EXPECT_THAT(refused().message, HasSubstr("both 64000"));
  options_.api_port = 8000;
  EXPECT_TRUE(to_config(options_, "postgres"));
}

TEST_F(Create, HbaOptionsMustAgree) {
  options_.skip_pg_hba = options_.pg_hba_lan = true;
  EXPECT_THAT(refused().message, HasSubstr("contradicts"));
}

}  // namespace
}  // namespace autoctl::cli
