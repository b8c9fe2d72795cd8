// The printed form of a join token, and how long one is good.
#include "common/monitor_client/join_token.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/duration.h"
#include "common/tls/certificate.h"

namespace autoctl::client {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(JoinTokenText, IsReadAsItWasWritten) {
  const JoinToken token{tls::random_token(), fingerprint("PEM")};
  const auto read = parse_join_token(" " + to_text(token) + "\n");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, token);
  const JoinToken bare{"abc", ""};
  EXPECT_EQ(parse_join_token(to_text(bare)).value(), bare);
}

TEST(JoinTokenText, WhatIsNotOneIsRefusedAndNotQuoted) {
  const std::string whole = to_text({"TOPSECRET", fingerprint("PEM")});
  for (const std::string& text :
       {std::string(), std::string("TOPSECRET"), std::string("autoctl-join."), whole.substr(0, whole.size() - 1),
        whole + "0", whole + " TOPSECRET", std::string("autoctl-join.TOP SECRET"), "x" + whole,
        std::string("autoctl-join.TOPSECRET.") + std::string(64, 'G')}) {
    const auto refused = parse_join_token(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_EQ(refused.error().code, Errc::bad_usage);
    EXPECT_THAT(refused.error().message + refused.error().hint, Not(HasSubstr("TOPSECRET")));
  }
}

/// A man in the middle must not be able to add a certificate of his own.
TEST(JoinTokenText, TheFingerprintIsOfAllThatIsToBeTrusted) {
  EXPECT_NE(fingerprint("PEM"), fingerprint("PEM\nANOTHER"));
}

TEST(Duration, IsANumberWithItsUnit) {
  using cli::parse_duration;
  EXPECT_EQ(parse_duration("90s"), std::chrono::seconds(90));
  EXPECT_EQ(parse_duration("30m"), std::chrono::minutes(30));
  EXPECT_EQ(parse_duration("1h"), std::chrono::hours(1));
  EXPECT_EQ(parse_duration("7d"), std::chrono::hours(7 * 24));
  for (const char* text : {"", "h", "1", "1w", "-1h", "1.5h", " 1h", "1h ", "99999999999d"})
    EXPECT_FALSE(parse_duration(text)) << text;
}

}  // namespace
}  // namespace autoctl::client
