// What a document may not be: each is refused in words, and nothing throws.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/protocol/protocol.h"

namespace autoctl::protocol {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TEST(Protocol, MissingRequiredFieldsAreNamed) {
  EXPECT_THAT(decode<RegisterRequest>(R"({"port":1})").error().message, HasSubstr("\"host\" is missing"));
  EXPECT_THAT(decode<RegisterRequest>(R"({"host":"a"})").error().message, HasSubstr("\"port\" is missing"));
  EXPECT_THAT(decode<Report>(R"({"facts":{}})").error().message, HasSubstr("\"facts.state\" is missing"));
  EXPECT_THAT(decode<Report>("{}").error().message, HasSubstr("\"facts\" is missing"));
  EXPECT_THAT(decode<OperationRequest>("{}").error().message, HasSubstr("\"kind\" is missing"));
}

TEST(Protocol, RefusesValuesOutOfRange) {
  const auto message = [](const std::string& text) { return decode<Assignment>(text).error().message; };
  EXPECT_THAT(message(R"({"version":-1})"), HasSubstr("\"version\" is out of range"));
  EXPECT_THAT(message(R"({"version":1.5})"), HasSubstr("\"version\" must be a whole number"));
  EXPECT_THAT(message(R"({"lease":-1})"), HasSubstr("\"lease\" is out of range"));
  EXPECT_THAT(message(R"({"lease":9223372036854775807})"), HasSubstr("\"lease\" is out of range"));
  EXPECT_THAT(message(R"({"peers":[{},{"port":99999999999}]})"), HasSubstr("\"peers[1].port\" is out of range"));
  EXPECT_THAT(message(R"({"goal":{"await_lsn":"0"}})"), HasSubstr("\"goal.await_lsn\" is no LSN"));
  EXPECT_THAT(message(R"({"goal":{"state":"king"}})"), HasSubstr("\"goal.state\" is no known state"));
  EXPECT_THAT(message(R"({"goal":{"sync":{"acks":2,"voters":[1,1]}}})"), HasSubstr("\"goal.sync\" asks for more"));
  EXPECT_THAT(message(R"({"goal":{"sync":{"acks":-1}}})"), HasSubstr("\"goal.sync\""));
  EXPECT_THAT(message("{\"monitor_id\":\"a\\u0000b\"}"), HasSubstr("NUL"));
  EXPECT_THAT(decode<NodeFacts>(R"({"state":"init","system_id":"-3"})").error().message, HasSubstr("system_id"));
  EXPECT_THAT(decode<NodeFacts>(R"({"state":"init","timeline":4294967296})").error().message, HasSubstr("timeline"));
}

TEST(Protocol, NormalisesVoters) {
  const auto quorum = decode<SyncQuorum>(R"({"acks":1,"voters":[3,1,3]})");
  ASSERT_TRUE(quorum);
  EXPECT_EQ(quorum->voters, (std::vector{NodeId{1}, NodeId{3}}));
}

TEST(Protocol, MalformedDocumentsAreBadUsage) {
  for (const std::string text :
       {"", "null", "[]", "3", "\"x\"", "{", "{}}", "{\"a\":}", "\xff\xfe", "{\"host\":\"\xff\"}"}) {
    const auto read = decode<RegisterRequest>(text);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().code, Errc::bad_usage);
  }
}

TEST(Protocol, DepthIsBounded) {
  const auto nested = [](std::size_t depth) {
    return R"({"x":)" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
  };
  EXPECT_TRUE(decode<Assignment>(nested(32)));
  EXPECT_THAT(decode<Assignment>(nested(33)).error().message, HasSubstr("nested too deeply"));
  EXPECT_FALSE(decode<Assignment>(std::string(1000000, '[')));
  EXPECT_TRUE(decode<Assignment>(R"({"monitor_id":"\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["})"));
}

TEST(Protocol, OtherVersionsAreIncompatibleWhateverElseTheySay) {
  const auto report = decode<Report>(R"({"protocol":2,"facts":{"state":"levitating"}})");
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, Errc::incompatible);
  EXPECT_EQ(decode<RegisterRequest>(R"({"protocol":2})").error().code, Errc::incompatible);
}

TEST(Protocol, SettingsTakePlainJsonValues) {
  const auto settings =
      decode<SettingsDocument>(R"({"values":{"lease":4000,"promotion_waits_for_lease":true,"x":"y"}})");
  ASSERT_TRUE(settings);
  EXPECT_THAT(settings->values,
              testing::ElementsAre(std::pair<std::string, std::string>("lease", "4000"),
                                   std::pair<std::string, std::string>("promotion_waits_for_lease", "true"),
                                   std::pair<std::string, std::string>("x", "y")));
  EXPECT_FALSE(decode<SettingsDocument>(R"({"values":{"lease":[1]}})"));
}

TEST(Protocol, EncodeNeverThrowsOnForeignBytes) {
  ErrorDocument document{"postgres", "caf\xE9", ""};
  EXPECT_TRUE(decode<ErrorDocument>(encode(document)));
}

}  // namespace
}  // namespace autoctl::protocol
