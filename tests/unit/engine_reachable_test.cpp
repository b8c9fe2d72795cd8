// Nodes whose host leads every machine to itself: of use only where everything is on one machine.
#include <gmock/gmock.h>

#include <algorithm>

#include "common/util/loopback.h"
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* there = "10.0.0.2";  // where the other machine is seen

TEST(Loopback, IsKnownByItsSpelling) {
  for (const char* host : {"127.0.0.1", "127.0.1.1", "127.1", "::1", "0:0:0:0:0:0:0:1", "localhost", "LocalHost",
                           "localhost.", "db.localhost", "localhost.localdomain", "ip6-localhost"})
    EXPECT_TRUE(is_loopback_host(host)) << host;
  for (const char* host :
       {"", "10.0.0.2", "128.0.0.1", "127.example", "fd00::1", "1::1", "::2", "mylocalhost", "localhost1"})
    EXPECT_FALSE(is_loopback_host(host)) << host;
  for (const char* host : {"0.0.0.0", "::", "0", "::0"}) EXPECT_TRUE(is_wildcard_host(host)) << host;
  for (const char* host : {"", "10.0.0.0", "::1", "fd00::"}) EXPECT_FALSE(is_wildcard_host(host)) << host;
}

class EngineReachable : public EngineTest {
 protected:
  static protocol::RegisterRequest at(const std::string& host, const std::string& name) {
    auto r = request(name);
    r.host = host;
    return r;
  }
  Error refusal_of(const protocol::RegisterRequest& r, const std::string& elsewhere) {
    const auto answer = register_node(r, {}, elsewhere);
    EXPECT_FALSE(answer) << r.host;
    return answer ? Error{} : answer.error();
  }
};

TEST_F(EngineReachable, TheMonitorIsOnAnotherMachine) {
  for (const char* host : {"127.0.0.1", "localhost", "::1"}) {
    const Error error = refusal_of(at(host, "a"), there);
    EXPECT_EQ(error.code, Errc::conflict);
    EXPECT_THAT(error.hint, HasSubstr("--hostname 10.0.0.2"));
  }
  EXPECT_EQ(refusal_of(at("0.0.0.0", "a"), {}).code, Errc::bad_usage);
  EXPECT_TRUE(register_node(at(there, "a"), {}, there));
}

TEST_F(EngineReachable, AnotherNodeIsOnAnotherMachine) {
  add("a");
  const Error error = refusal_of(at(there, "b"), there);
  EXPECT_THAT(error.message, AllOf(HasSubstr("a is registered as 127.0.0.1"), HasSubstr(there)));
  EXPECT_THAT(error.hint, HasSubstr("set node metadata --hostname"));
  a().report.host = "10.0.0.1";
  report(a());
  auto& other = add(at(there, "b"));
  EXPECT_TRUE(register_node(at("127.0.0.1", "c"))) << "as far as is known all are on one machine";
  other.elsewhere = there;
  report(other);
  EXPECT_THAT(refusal_of(at("127.0.0.1", "d"), {}).message, HasSubstr("b (10.0.0.2) is on another machine"));
}

TEST_F(EngineReachable, ANodeThatSaysSoLaterStaysWhereTheOthersKnowIt) {
  add(at("10.0.0.1", "a"));
  auto& other = add(at(there, "b"));
  other.elsewhere = there;
  report(other);
  for (auto* keeper : {&a(), &other}) {
    const std::string before = keeper->report.host;
    keeper->report.host = "localhost";
    report(*keeper);
    report(*keeper);
    EXPECT_EQ(store.nodes.at(keeper->id).host, before);
  }
  const auto told = std::ranges::count_if(store.all_events(), [](const auto& event) {
    return event.description.find("for the others: localhost leads every machine to itself") != std::string::npos;
  });
  EXPECT_EQ(told, 2) << "once for each";
}

}  // namespace
}  // namespace autoctl::test
