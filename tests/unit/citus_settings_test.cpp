// What a Citus node's configuration has beyond any other's.
#include "keeper/postgres/citus_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper/postgres/hba_rules.h"

namespace autoctl::keeper {
namespace {

using testing::HasSubstr;
using testing::Not;

ServerSettings settings_for(const config::Config& config, const UserSettings& user, bool standby = false) {
  ServerSettings ours = computed_settings(config, 15, user, std::nullopt);
  add_citus_settings(ours, config, user, standby);
  return ours;
}

config::Config worker() {
  config::Config config;
  config.role = "worker";
  config.ssl.mode = "require";
  return config;
}

TEST(CitusSettings, CitusComesFirstAndTheUsersLibrariesStay) {
  EXPECT_EQ(with_citus_first(""), "citus");
  EXPECT_EQ(with_citus_first("pg_stat_statements, citus"), "citus, pg_stat_statements");
  EXPECT_EQ(with_citus_first("auto_explain,\"pg_cron\""), "citus, auto_explain, pg_cron");
}

TEST(CitusSettings, DefaultsOnlyWhereTheUserSaidNothing) {
  const ServerSettings ours = settings_for(worker(), {});
  EXPECT_EQ(ours.at("max_prepared_transactions"), "200");
  EXPECT_EQ(ours.at("wal_level"), "logical");
  EXPECT_THAT(ours.at("citus.node_conninfo"), testing::StartsWith("sslmode=require "));
  EXPECT_THAT(ours.at("citus.node_conninfo"), testing::HasSubstr("tcp_user_timeout="));
  EXPECT_TRUE(ours.contains("citus.node_connection_timeout"));
  const ServerSettings theirs = settings_for(worker(), {{{"max_prepared_transactions", "50"},
                                                         {"wal_level", "replica"},
                                                         {"citus.node_conninfo", "sslmode=verify-ca"},
                                                         {"citus.node_connection_timeout", "30s"}},
                                                        {}});
  EXPECT_FALSE(theirs.contains("max_prepared_transactions"));
  EXPECT_FALSE(theirs.contains("wal_level"));
  EXPECT_FALSE(theirs.contains("citus.node_conninfo"));
  EXPECT_FALSE(theirs.contains("citus.node_connection_timeout"));
}

TEST(CitusSettings, ANodeWithACertificateShowsItToTheOthers) {
  auto config = worker();
  config.ssl = {.mode = "verify-full",
                .enabled = true,
                .issued = true,
                .ca_file = "/n/ca.crt",
                .server_cert = "/n/c",
                .server_key = "/n/k"};
  const auto conninfo = settings_for(config, {}).at("citus.node_conninfo");
  EXPECT_THAT(conninfo, testing::StartsWith("sslmode=verify-full "));
  EXPECT_THAT(conninfo, testing::EndsWith(" sslrootcert=/n/ca.crt sslcert=/n/c sslkey=/n/k"));
}

TEST(CitusSettings, OnlyAStandbyReadsFromSecondaries) {
  auto config = worker();
  config.citus_secondary = true;
  config.citus_cluster = "reports";
  EXPECT_EQ(settings_for(config, {}, true).at("citus.use_secondary_nodes"), "always");
  EXPECT_EQ(settings_for(config, {}, true).at("citus.cluster_name"), "reports");
  EXPECT_FALSE(settings_for(config, {}, false).contains("citus.use_secondary_nodes"));
}

TEST(CitusSettings, AnAlterSystemWithoutCitusIsHarmful) {
  const ServerSettings theirs = {{"shared_preload_libraries", "auto_explain"}};
  const ServerSettings ours = settings_for(worker(), {{}, theirs});
  EXPECT_EQ(ours.at("shared_preload_libraries"), "citus, auto_explain");
  EXPECT_TRUE(harmful_overrides(theirs, ours).contains("shared_preload_libraries"));
  EXPECT_FALSE(harmful_overrides(ours, ours).contains("shared_preload_libraries"));
}

TEST(CitusSettings, TheFormationsNodesAreLetInToItsDatabaseOnly) {
  HbaRules rules{
      .auth = "scram-sha-256", .tls = true, .peers = {{NodeId{2}, "worker1b", {"10.0.0.2/32"}, "autoctl_standby_2"}}};
  EXPECT_THAT(hba_lines(rules), Not(HasSubstr(" all 10.0.0.2/32")));
  rules.citus_database = "app";
  rules.neighbours = {{NodeId{1}, "coord0a", {"10.0.0.1/32"}}};
  const std::string block = hba_lines(rules);
  EXPECT_THAT(block, HasSubstr("hostssl \"app\" all 10.0.0.1/32 scram-sha-256\n"));
  EXPECT_THAT(block, HasSubstr("hostssl \"app\" all 10.0.0.2/32 scram-sha-256\n"));
  EXPECT_THAT(block, Not(HasSubstr("autoctl_standby_1 10.0.0.1/32")));
  EXPECT_EQ(addresses_in_block(block, NodeId{1}), std::vector<std::string>{"10.0.0.1/32"});
}

}  // namespace
}  // namespace autoctl::keeper
