// Texts of others: what is used for what it is cannot be anything else, and what is shown cannot act on a terminal.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "common/protocol/protocol.h"
#include "common/util/printable.h"

namespace autoctl::protocol {
namespace {

using nlohmann::json;
using testing::HasSubstr;

constexpr const char* hba_injection = "x.invalid scram-sha-256\nhost all all 127.0.0.0/8 trust\n#";

template <class T>
void expect_refused(const json& document, const std::string& field) {
  const auto read = decode<T>(document.dump());
  ASSERT_FALSE(read) << document.dump().substr(0, 200);
  EXPECT_EQ(read.error().code, Errc::bad_usage);
  EXPECT_THAT(read.error().message, HasSubstr(field));
  EXPECT_TRUE(is_printable(read.error().message)) << read.error().message;
}

json report() {
  return {{"facts", {{"state", "secondary"}}}};
}

class Hosts : public testing::TestWithParam<std::string> {};

/// They end up in pg_hba.conf, connection strings and SQL of every other node.
TEST_P(Hosts, ThatAreNoneAreRefusedOnBothEnds) {
  json from_keeper = report();
  from_keeper["host"] = GetParam();
  expect_refused<Report>(from_keeper, "host");
  expect_refused<RegisterRequest>({{"host", GetParam()}, {"port", 5432}}, "host");
  const json peer = {{"id", 2}, {"name", "node_2"}, {"host", GetParam()}};
  expect_refused<Assignment>({{"peers", {peer}}}, "peers[0].host");
  expect_refused<Assignment>({{"neighbours", {peer}}}, "neighbours[0].host");
  expect_refused<Assignment>({{"citus", {{"routes", {{{"nodes", {peer}}}}}}}}, "host");
  json from_memory = report();
  from_memory["memory"] = {{"goal", json::object()}, {"peers", {peer}}};
  expect_refused<Report>(from_memory, "peers[0].host");
}

INSTANTIATE_TEST_SUITE_P(TextRule, Hosts,
                         testing::Values(hba_injection, "all", "ALL", "samehost", "samenet", ".example.com",
                                         "10.0.0.0/8", "db1 trust", "db1\tx", "db1#", "\"db1\"", "db1,db2", "@file",
                                         "+role", "/tmp", "-h", "0.0.0.0", std::string(254, 'a')));

TEST(TextRule, NamesAreNamesOnBothEnds) {
  for (const std::string& name : {std::string("node\nhost all all all trust"), std::string(" a"), std::string("a'b"),
                                  std::string("\x1b[2J"), std::string(64, 'n')}) {
    expect_refused<RegisterRequest>({{"host", "db1"}, {"port", 5432}, {"name", name}}, "name");
    expect_refused<RegisterRequest>({{"host", "db1"}, {"port", 5432}, {"formation", name}}, "formation");
    expect_refused<RegisterRequest>({{"host", "db1"}, {"port", 5432}, {"region", name}}, "region");
    expect_refused<Assignment>({{"peers", {{{"id", 2}, {"name", name}}}}}, "peers[0].name");
    expect_refused<RegisterAnswer>({{"name", name}}, "name");
    expect_refused<FormationDocument>({{"name", name}}, "name");
  }
}

TEST(TextRule, OnlyNodesHaveNamesWithSpaces) {
  json request = {{"host", "db1"}, {"port", 5432}, {"name", "node one"}};
  EXPECT_TRUE(decode<RegisterRequest>(request.dump()));
  EXPECT_TRUE(decode<RegisterAnswer>(json{{"name", "node one"}}.dump()));
  EXPECT_TRUE(decode<Assignment>(json{{"peers", {{{"id", 2}, {"name", "node one"}}}}}.dump()));
  for (const char* name : {"node one ", "node\tone", "node\xc2\xa0one"}) {
    request["name"] = name;
    EXPECT_FALSE(decode<RegisterRequest>(request.dump())) << name;
  }
  expect_refused<RegisterRequest>({{"host", "db1"}, {"port", 5432}, {"formation", "a b"}}, "formation");
  expect_refused<FormationDocument>({{"name", "a b"}}, "name");
}

TEST(TextRule, WhatGoesIntoFilesAndSqlHasNoControlCharacters) {
  expect_refused<RegisterRequest>({{"host", "db1"}, {"port", 5432}, {"dbname", "app\nhost all"}}, "dbname");
  expect_refused<RegisterRequest>({{"host", "db1"}, {"port", 5432}, {"dbname", std::string(64, 'd')}}, "dbname");
  expect_refused<RegisterAnswer>({{"dbname", "app\r"}}, "dbname");
  expect_refused<RegisterAnswer>({{"replication_password", "a\nb"}}, "replication_password");
  expect_refused<RegisterAnswer>({{"token", "a\nb"}}, "token");
  expect_refused<SettingsDocument>({{"values", {{"lease", "1\n2"}}}}, "lease");
  expect_refused<SettingsDocument>({{"values", {{"le\nase", "1"}}}}, "values");
}

TEST(TextRule, CountsAndLengthsHaveBounds) {
  json many = report();
  for (int i = 0; i < 101; ++i) many["news"].push_back({{"number", i}, {"text", "x"}});
  expect_refused<Report>(many, "news");
  many = report();
  for (int i = 0; i < 101; ++i) many["instance"]["former"].push_back("x");
  expect_refused<Report>(many, "former");
  for (const char* counter : {"epoch", "sequence"}) {
    json grown = report();
    grown[counter] = 18446744073709551615ULL;
    expect_refused<Report>(grown, counter);
  }
  for (const char* counter : {"number", "confirmed"}) {
    json grown = report();
    grown["instance"][counter] = 9223372036854775807ULL;
    expect_refused<Report>(grown, counter);
  }
}

TEST(TextRule, WhatIsOnlyShownIsMadeFitForThat) {
  json said = report();
  said["facts"]["trouble"] = "\x1b[2Jdisk\nfull\r\n" + std::string(5'000, 'x');
  said["news"] = {{{"number", 1}, {"text", "a\n 4 | node_9 | forged"}}};
  const auto read = decode<Report>(said.dump());
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->facts.trouble.starts_with(" [2Jdisk full  xxx")) << read->facts.trouble.substr(0, 30);
  EXPECT_LT(read->facts.trouble.size(), 2'010U);
  EXPECT_EQ(read->news[0].text, "a  4 | node_9 | forged");
  const auto error = decode_error(400, R"({"error":{"code":"bad_usage","message":"a\u001b[2J","hint":"one\ntwo"}})");
  EXPECT_EQ(error.message, "a [2J");
  EXPECT_EQ(error.hint, "one\ntwo");
}

TEST(Printable, KeepsLettersOfAllLanguagesAndNothingThatATerminalActsOn) {
  EXPECT_EQ(printable("für 日本 ✓"), "für 日本 ✓");
  EXPECT_EQ(printable("a\x07\x1b[31mb\x7f\xc2\x9b"
                      "c"),
            "a  [31mb  c");
  EXPECT_EQ(printable("user\xe2\x80\xaetxt\xe2\x81\xa6x\xe2\x80\xa8"), "user txt x ");
  EXPECT_EQ(printable("one\ntwo\t", true), "one\ntwo ");
  EXPECT_EQ(printable("cut \xc2"), "cut \xc2");
}

TEST(Printable, ShortensBetweenCharacters) {
  EXPECT_EQ(shortened("für", 3), "fü…");
  EXPECT_EQ(shortened("für", 2), "f…");
  EXPECT_EQ(shortened("für", 4), "für");
}

}  // namespace
}  // namespace autoctl::protocol
