#include "common/monitor_client/monitor_url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace autoctl::client {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(MonitorUrl, HttpsWithOneOrSeveralHosts) {
  EXPECT_EQ(*parse_https("https://m"), (std::vector<HostPort>{{"m", default_api_port}}));
  EXPECT_EQ(*parse_https("https://m:8000/"), (std::vector<HostPort>{{"m", 8000}}));
  EXPECT_EQ(*parse_https("https://a:1,[::1]:2,c"),
            (std::vector<HostPort>{{"a", 1}, {"::1", 2}, {"c", default_api_port}}));
  EXPECT_EQ(to_https(*parse_https("https://a:1,[::1]:2")), "https://a:1,[::1]:2");
}

TEST(MonitorUrl, WrongHttpsIsRefusedWithTheRightSpelling) {
  for (const char* url : {"https://", "https://:1", "https://m:", "https://m:0", "https://m:65536", "https://m:1x",
                          "https://m/path", "https://::1", "https://[::1", "https://a,,b", "https://user@m:1"}) {
    const auto refused = parse_https(url);
    ASSERT_FALSE(refused) << url;
    EXPECT_EQ(refused.error().code, Errc::bad_usage) << url;
    EXPECT_THAT(refused.error().hint, HasSubstr("https://host:port")) << url;
  }
}

TEST(MonitorUrl, LibpqUriGivesOneConninfoPerHost) {
  const auto servers = parse_libpq("postgres://autoctl_node@a:6000,b:6001/pg_auto_failover?sslmode=require");
  ASSERT_TRUE(servers) << servers.error().message;
  ASSERT_EQ(servers->size(), 2U);
  EXPECT_EQ(servers->at(1).address, (HostPort{"b", 6001}));
  EXPECT_THAT(servers->at(1).conninfo, HasSubstr("host='b'"));
  EXPECT_THAT(servers->at(1).conninfo, HasSubstr("port='6001'"));
  EXPECT_THAT(servers->at(1).conninfo, HasSubstr("sslmode='require'"));
  EXPECT_THAT(servers->at(1).conninfo, Not(HasSubstr("'a'")));
}

TEST(MonitorUrl, LibpqUriOfTheSeedsFillsInWhatIsLeftOut) {
  const auto servers = parse_libpq("postgresql://monitor");
  ASSERT_TRUE(servers) << servers.error().message;
  EXPECT_EQ(servers->at(0).address, (HostPort{"monitor", 5432}));
  EXPECT_THAT(servers->at(0).conninfo, HasSubstr("user='autoctl_node'"));
  EXPECT_THAT(servers->at(0).conninfo, HasSubstr("dbname='pg_auto_failover'"));
}

TEST(MonitorUrl, WrongLibpqUriSaysWhatLibpqSays) {
  for (const char* uri : {"postgres:///db", "postgres://m:x/db", "postgres://m/db?nonsense=1", "postgres://[::1/db"}) {
    const auto refused = parse_libpq(uri);
    ASSERT_FALSE(refused) << uri;
    EXPECT_EQ(refused.error().code, Errc::bad_usage) << uri;
  }
}

/// libpq quotes what it cannot read.
TEST(MonitorUrl, RefusalsDoNotShowThePassword) {
  for (const char* uri : {"postgres://u:sec%zzret@h/d", "postgres://u:secret@[::1/d", "postgres://u:secret@h/d?x",
                          "postgres://h/d?password=sec%zzret", "postgres://u:secret@h/d?nonsense=1"}) {
    const auto refused = parse_libpq(uri);
    ASSERT_FALSE(refused) << uri;
    EXPECT_EQ(refused.error().message.find("ret"), std::string::npos) << refused.error().message;
  }
}

}  // namespace
}  // namespace autoctl::client
