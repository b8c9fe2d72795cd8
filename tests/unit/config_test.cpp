#include "common/config/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/config/aliases.h"

namespace autoctl::config {
namespace {

using testing::HasSubstr;

Config full() {
  Config config;
  config.name = "node2";
  config.hostname = "db-1.example.com";
  config.auth = "scram-sha-256";
  config.pg_hba_lan = true;
  config.api_port = 7433;
  config.pgdata = "/srv/pg \"main\"\\x";
  config.pg_ctl = "/usr/lib/postgresql/15/bin/pg_ctl";
  config.pgport = 5433;
  config.username = "app";
  config.ssl = {"verify-full", true, false, false, "/etc/ca.pem", "", "/etc/s.crt", "/etc/s.key"};
  config.group = 3;
  config.node = NodeId{42};
  config.monitor = "postgres://autoctl_node@m:6000/pg_auto_failover?sslmode=require";
  config.monitor_url = "https://m:8000";
  config.candidate_priority = 0;
  config.replication_quorum = false;
  config.maximum_backup_rate = "10M";
  return config;
}

TEST(Config, RoundTripKeepsEveryKey) {
  const auto back = from_toml(to_toml(full()), "test");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(all(*back), all(full()));
  EXPECT_EQ(back->group, 3);
  EXPECT_EQ(back->node, NodeId{42});
}

TEST(Config, AnUnsetGroupStaysUnset) {
  Config config = full();
  config.group.reset();
  const auto back = from_toml(to_toml(config), "test");
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_FALSE(back->group);
}

TEST(Config, ATypingMistakeInTheFileIsNamedWithItsLine) {
  const auto broken = from_toml("[postgresql]\nprot = 5432\n", "/x/autoctl.toml");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, Errc::bad_config);
  EXPECT_THAT(broken.error().message, HasSubstr("/x/autoctl.toml, line 2"));
  EXPECT_THAT(broken.error().hint, HasSubstr("postgresql.port"));
}

TEST(Config, WrongTypesAndValuesInTheFileAreRefused) {
  for (const char* text :
       {"[postgresql]\nport = \"5432\"", "[postgresql]\nport = 70000", "[ssl]\nenabled = 1", "[autoctl]\nname = 7",
        "role = \"postgres\"", "[autoctl", "[autoctl]\nrole = \"boss\"", "[autoctl]\ngroup = -1"}) {
    const auto broken = from_toml(text, "f");
    ASSERT_FALSE(broken) << text;
    EXPECT_EQ(broken.error().code, Errc::bad_config) << text;
  }
}

TEST(Config, GetNamesTheNearestKey) {
  EXPECT_EQ(*get(full(), "postgresql.port"), "5433");
  const auto missing = get(full(), "postgresql.prot");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, Errc::not_found);
  EXPECT_THAT(missing.error().hint, HasSubstr("postgresql.port"));
  EXPECT_THAT(get(full(), "zzzzzzzzzz").error().hint, HasSubstr("ssl.server_key"));
}

TEST(Config, SetChecksBeforeItChanges) {
  Config config = full();
  for (const auto& [key, value] :
       std::vector<std::pair<std::string, std::string>>{{"postgresql.port", "0"},
                                                        {"postgresql.port", "54 32"},
                                                        {"postgresql.auth", "none"},
                                                        {"ssl.enabled", "perhaps"},
                                                        {"autoctl.role", "monitor"},
                                                        {"replication.maximum_backup_rate", "1G"},
                                                        {"autoctl.hostname", "a b"}}) {
    const auto refused = set(config, key, value);
    ASSERT_FALSE(refused) << key << value;
    EXPECT_EQ(refused.error().code, Errc::bad_usage);
    EXPECT_EQ(all(config), all(full()));
  }
  EXPECT_TRUE(set(config, "postgresql.port", "6543"));
  EXPECT_EQ(config.pgport, 6543);
  EXPECT_TRUE(set(config, "ssl.enabled", "off"));
  EXPECT_FALSE(config.ssl.enabled);
}

TEST(Config, EveryKeyCanBeReadByName) {
  for (const auto& [key, value] : all(full())) EXPECT_EQ(*get(full(), key), value);
}

/// A counterpart's value, or what to do instead.
TEST(ConfigKeys, OfPgAutoctlAreUnderstood) {
  Config config;
  config.name = "node_1";
  config.ssl.mode = "verify-ca";
  for (const auto& [theirs, ours] : aliases())
    EXPECT_EQ(get(config, theirs).value_or("?"), get(config, ours).value_or("!")) << theirs;
  EXPECT_EQ(get(config, "ssl.sslmode").value_or(""), "verify-ca");
  ASSERT_TRUE(set(config, "ssl.sslmode", "require"));
  EXPECT_EQ(config.ssl.mode, "require");
  const auto slot = get(config, "replication.slot");
  ASSERT_FALSE(slot);
  EXPECT_EQ(slot.error().code, Errc::not_found);
  EXPECT_NE(slot.error().hint.find("pg_replication_slots"), std::string::npos) << slot.error().hint;
  EXPECT_FALSE(set(config, "timeout.network_partition_timeout", "20"));
}

}  // namespace
}  // namespace autoctl::config
