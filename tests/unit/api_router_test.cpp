// From HTTP to the engine and back, without a socket.
#include "monitor/api/api_router.h"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <nlohmann/json.hpp>

#include "common/tls/certificate.h"
#include "tests/support/memory_store.h"

namespace autoctl::monitor {
namespace {

class ApiRouterTest : public ::testing::Test {
 protected:
  /// `past`: an operation of former days.
  void serve(bool open, const std::optional<OperationRow>& past = {}) {
    auto store = std::make_unique<test::MemoryStore>();
    if (past) store->operations[past->id] = *past;
    const auto image = store->load();
    credentials = std::make_unique<Credentials>(Access(open, "operator-token", tls::sha256_hex), *image);
    service = std::make_unique<Service>(std::move(store), *image, Access(open, "operator-token", tls::sha256_hex));
    router = std::make_unique<ApiRouter>(*service, *credentials, image->monitor_id, ApiTrust{"PEM\n", authority});
  }
  http::Standing judge(const std::string& method, const std::string& path, const std::string& bearer = {}) {
    http::Request header;
    header.method = method;
    header.path = path;
    header.bearer = bearer;
    return router->judge(header);
  }
  /// The HTTP status; 0 if it is let in.
  static int refusal(const http::Standing& standing) { return standing.refusal ? standing.refusal->status : 0; }

  http::Response send(const std::string& method, const std::string& path, const std::string& body = {},
                      const std::map<std::string, std::string>& query = {}, const std::string& bearer = {},
                      const std::string& elsewhere = {}) {
    http::Request request;
    request.elsewhere = elsewhere;
    request.method = method;
    request.path = path;
    request.query = query;
    request.bearer = bearer;
    request.body = body;
    auto promise = std::make_shared<std::promise<http::Response>>();
    auto answer = promise->get_future();
    router->handle(request, [promise](const http::Response& response) { promise->set_value(response); });
    return answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready ? answer.get()
                                                                                  : http::Response{0, "no answer", ""};
  }
  static std::string code_of(const http::Response& response) {
    const auto document = nlohmann::json::parse(response.body, nullptr, false);
    return document.is_object() && document.contains("error") ? document["error"].value("code", "") : "";
  }

  std::optional<Authority> authority;
  std::unique_ptr<Credentials> credentials;
  std::unique_ptr<Service> service;
  std::unique_ptr<ApiRouter> router;
};

constexpr const char* a_node = R"({"host": "10.0.0.1", "port": 5432, "name": "a"})";

TEST_F(ApiRouterTest, UnknownPathsAndMethodsAreToldApart) {
  serve(true);
  for (const char* path : {"/nowhere", "/v1", "/v1/", "/v1/state/", "//v1/state", "/v1/nodes/x/report",
                           "/v1/nodes/0/report", "/v1/nodes/99999999999999999999/report", "/v1/nodes//report"}) {
    const auto response = send("POST", path, "{}");
    EXPECT_EQ(response.status, 404) << path;
    EXPECT_EQ(code_of(response), "not_found") << path;
  }
  for (const char* path : {"/v1/state", "/healthz", "/v1/register/"}) {
    const auto response = send("PUT", path);
    EXPECT_EQ(response.status, std::string(path).ends_with('/') ? 404 : 405) << path;
  }
}

TEST_F(ApiRouterTest, WhatCannotBeReadChangesNothing) {
  serve(true);
  EXPECT_EQ(send("POST", "/v1/register", "not json").status, 400);
  EXPECT_EQ(send("POST", "/v1/register", "").status, 400);
  EXPECT_EQ(send("POST", "/v1/register", R"({"port": 5432})").status, 400);
  EXPECT_EQ(send("POST", "/v1/register", R"({"host": 7, "port": 5432})").status, 400);
  EXPECT_EQ(send("POST", "/v1/register", R"({"host": "h", "port": 5432, "protocol": 99})").status, 426);
  EXPECT_EQ(send("GET", "/v1/events", "", {{"after", "-1"}}).status, 400);
  EXPECT_EQ(send("GET", "/v1/events", "", {{"count", "many"}}).status, 400);
  EXPECT_EQ(send("GET", "/v1/events", "", {{"wait_ms", "99999999"}}).status, 400);
  EXPECT_EQ(send("GET", "/v1/state", "", {{"group", "1.5"}}).status, 400);
  EXPECT_EQ(send("GET", "/v1/operations/1", "", {{"wait_ms", "x"}}).status, 400);
  const auto state = nlohmann::json::parse(send("GET", "/v1/state").body);
  EXPECT_TRUE(state["nodes"].empty());
}

TEST_F(ApiRouterTest, RegistersAndShows) {
  serve(true);
  const auto registered = send("POST", "/v1/register", a_node);
  ASSERT_EQ(registered.status, 200) << registered.body;
  EXPECT_EQ(send("POST", "/v1/register", a_node).status, 409);
  EXPECT_EQ(send("GET", "/v1/state", "", {{"formation", "default"}}).status, 200);
  EXPECT_EQ(send("GET", "/v1/state", "", {{"formation", "elsewhere"}}).status, 404);
  EXPECT_EQ(send("GET", "/v1/explain", "", {{"formation", "default"}}).status, 200);
  EXPECT_EQ(send("GET", "/v1/explain", "", {{"formation", "elsewhere"}}).status, 404);
  EXPECT_EQ(send("GET", "/v1/explain", "", {{"group", "1.5"}}).status, 400);
  EXPECT_EQ(send("POST", "/v1/formations", R"({"name": "shop"})").status, 200);
  EXPECT_EQ(send("POST", "/v1/formations", R"({"name": "shop"})").status, 409);
  EXPECT_EQ(send("GET", "/v1/state", "", {{"formation", "shop"}}).status, 200);
  EXPECT_EQ(send("DELETE", "/v1/formations", "", {{"formation", "shop"}}).status, 200);
  EXPECT_EQ(send("DELETE", "/v1/formations", "", {{"formation", "shop"}}).status, 404);
  EXPECT_EQ(send("DELETE", "/v1/formations").status, 404);
  EXPECT_EQ(send("GET", "/v1/settings").status, 200);
  EXPECT_EQ(send("PATCH", "/v1/settings", R"({"values": {"heartbeat": 500}})").status, 200);
  EXPECT_EQ(send("PATCH", "/v1/settings", R"({"values": {"heartbeat": 1}})").status, 400);
  EXPECT_EQ(send("POST", "/v1/operations", R"({"kind": "switchover"})").status, 409);
  EXPECT_EQ(send("GET", "/v1/operations/77").status, 404);
  const auto events = nlohmann::json::parse(send("GET", "/v1/events").body);
  EXPECT_FALSE(events["events"].empty());
  EXPECT_EQ(send("PATCH", "/v1/nodes/1", R"({"values": {"candidate_priority": "60"}})").status, 200);
  EXPECT_EQ(send("PATCH", "/v1/nodes/1", R"({"values": {"candidate_priority": "101"}})").status, 400);
  EXPECT_EQ(send("PATCH", "/v1/nodes/2", R"({"values": {"candidate_priority": "60"}})").status, 404);
  EXPECT_EQ(send("DELETE", "/v1/nodes/1").status, 200);
  EXPECT_EQ(send("DELETE", "/v1/nodes/2").status, 404);
}

/// `elsewhere`: where the node's machine is seen.
TEST_F(ApiRouterTest, AHostThatTheMonitorCannotFindIsRefused) {
  serve(true);
  const auto at = [](const std::string& host) { return R"({"port": 5432, "host": ")" + host + R"("})"; };
  const auto unknown = send("POST", "/v1/register", at("no-such-host.invalid"), {}, {}, "10.0.0.2");
  EXPECT_EQ(unknown.status, 409);
  EXPECT_NE(unknown.body.find("does not resolve on the monitor"), std::string::npos) << unknown.body;
  EXPECT_NE(unknown.body.find("--hostname 10.0.0.2"), std::string::npos) << unknown.body;
  EXPECT_EQ(send("POST", "/v1/register", at("localhost"), {}, {}, "10.0.0.2").status, 409);
  EXPECT_EQ(nlohmann::json::parse(send("GET", "/v1/state").body)["nodes"].size(), 0U);
  EXPECT_EQ(send("POST", "/v1/register", at("localhost")).status, 200);
}

TEST_F(ApiRouterTest, MissingAndWrongCredentialsAreToldApart) {
  serve(false);
  EXPECT_EQ(send("GET", "/healthz").status, 200);
  EXPECT_EQ(send("GET", "/v1/version").status, 200);
  EXPECT_EQ(send("POST", "/v1/register", a_node).status, 401);
  EXPECT_EQ(send("POST", "/v1/register", a_node, {}, "guess").status, 403);
  EXPECT_EQ(send("GET", "/v1/state").status, 401);
  EXPECT_EQ(send("GET", "/v1/explain").status, 401);
  EXPECT_EQ(send("GET", "/v1/events").status, 401);
  EXPECT_EQ(send("GET", "/v1/settings").status, 401);
  EXPECT_EQ(send("GET", "/v1/operations/1").status, 401);
  EXPECT_EQ(send("PATCH", "/v1/settings", R"({"values": {}})").status, 401);
  EXPECT_EQ(send("POST", "/v1/operations", R"({"kind": "switchover"})").status, 401);
  EXPECT_EQ(send("POST", "/v1/formations", R"({"name": "shop"})").status, 401);
  EXPECT_EQ(send("DELETE", "/v1/formations", "", {{"formation", "default"}}).status, 401);
  EXPECT_EQ(send("DELETE", "/v1/nodes/1").status, 401);
  EXPECT_EQ(send("PATCH", "/v1/nodes/1", R"({"values": {}})").status, 401);
  EXPECT_EQ(send("POST", "/v1/tokens", "{}").status, 401);
  EXPECT_EQ(send("POST", "/v1/tokens", "{}", {}, "guess").status, 403);
  EXPECT_EQ(send("GET", "/v1/tokens").status, 401);
  EXPECT_EQ(send("DELETE", "/v1/tokens/1").status, 401);
  EXPECT_EQ(send("POST", "/v1/register", a_node, {}, "operator-token").status, 200);
}

using Query = std::map<std::string, std::string>;

/// Every path that is read, of that formation; "" names none.
std::vector<std::pair<std::string, Query>> what_is_read(const std::string& formation) {
  Query query;
  if (!formation.empty()) query["formation"] = formation;
  Query events = query;
  events.insert({{"after", "0"}, {"count", "100"}});
  return {{"/v1/state", query},
          {"/v1/explain", query},
          {"/v1/events", query},
          {"/v1/events", events},
          {"/v1/settings", query}};
}

constexpr const char* a_hidden_node = R"({"host": "10.0.0.2", "port": 5432, "name": "hidden", "formation": "secret"})";

std::string token_in(const http::Response& registered) {
  return nlohmann::json::parse(registered.body)["token"].get<std::string>();
}

TEST_F(ApiRouterTest, ANodeReadsOfItsOwnFormationOnly) {
  serve(false, OperationRow{.id = 7, .formation = "secret", .status = OperationStatus::done});
  const std::string admin = "operator-token";
  ASSERT_EQ(send("POST", "/v1/formations", R"({"name": "secret"})", {}, admin).status, 200);
  const auto spy = send("POST", "/v1/register", a_node, {}, admin);
  const auto hidden = send("POST", "/v1/register", a_hidden_node, {}, admin);
  ASSERT_EQ(spy.status, 200) << spy.body;
  ASSERT_EQ(hidden.status, 200) << hidden.body;
  for (const char* own : {"", "default"})
    for (const auto& [path, query] : what_is_read(own)) {
      const auto answer = send("GET", path, "", query, token_in(spy));
      EXPECT_EQ(answer.status, 200) << path;
      for (const char* word : {"secret", "hidden", "10.0.0.2"})
        EXPECT_EQ(answer.body.find(word), std::string::npos) << path << ": " << answer.body;
    }
  for (const auto& [path, query] : what_is_read("secret")) {
    const auto refused = send("GET", path, "", query, token_in(spy));
    EXPECT_EQ(refused.status, 403) << path << ": " << refused.body;
    EXPECT_NE(refused.body.find("--formation default"), std::string::npos) << refused.body;
    EXPECT_NE(send("GET", path, "", query, admin).body.find("secret"), std::string::npos) << path;
  }
  EXPECT_EQ(send("GET", "/v1/operations/7", "", {}, token_in(spy)).status, 404);
  EXPECT_EQ(send("GET", "/v1/operations/7", "", {}, token_in(hidden)).status, 200);
  const auto settings = send("GET", "/v1/settings", "", {}, token_in(hidden));
  EXPECT_EQ(nlohmann::json::parse(settings.body)["formation"], "secret");
}

/// What comes while it waits is told to nobody whom it does not concern.
TEST_F(ApiRouterTest, ANodeThatFollowsEventsHearsOfItsOwnFormationOnly) {
  serve(false);
  const std::string admin = "operator-token";
  ASSERT_EQ(send("POST", "/v1/formations", R"({"name": "secret"})", {}, admin).status, 200);
  const auto spy = send("POST", "/v1/register", a_node, {}, admin);
  const auto last = nlohmann::json::parse(send("GET", "/v1/events", "", {}, admin).body)["last_id"].get<std::int64_t>();
  auto heard = std::async(std::launch::async, [&] {
    return send("GET", "/v1/events", "", {{"after", std::to_string(last)}, {"wait_ms", "500"}}, token_in(spy));
  });
  ASSERT_EQ(send("POST", "/v1/register", a_hidden_node, {}, admin).status, 200);
  EXPECT_EQ(heard.get().body.find("hidden"), std::string::npos);
}

constexpr const char* a_report = R"({"protocol": 1, "facts": {"state": "secondary"}})";
constexpr std::size_t large_body = 100'000;
constexpr std::size_t report_body = 8'000;

TEST_F(ApiRouterTest, TheHeaderAloneTellsWhoHasACredential) {
  serve(false);
  for (const char* path : {"/healthz", "/v1/version", "/v1/ca", "/"}) {
    EXPECT_EQ(refusal(judge("GET", path)), 0) << path;
    EXPECT_EQ(judge("GET", path).body_bytes_max, 0U) << path;
  }
  EXPECT_EQ(refusal(judge("POST", "/v1/register")), 401);
  EXPECT_EQ(refusal(judge("POST", "/v1/register", "guess")), 0) << "it may be a join token";
  EXPECT_LT(judge("POST", "/v1/register", "guess").body_bytes_max, large_body);
  for (const char* path : {"/v1/formations", "/v1/operations", "/v1/settings", "/v1/state"}) {
    EXPECT_EQ(refusal(judge("POST", path)), 401) << path;
    EXPECT_EQ(refusal(judge("POST", path, "guess")), 403) << path;
    EXPECT_EQ(judge("POST", path, "operator-token").credential, "operator") << path;
    EXPECT_GT(judge("POST", path, "operator-token").body_bytes_max, large_body) << path;
  }
  EXPECT_EQ(judge("POST", "/nowhere").body_bytes_max, 0U) << "it does not tell more than that there is no such path";
  EXPECT_EQ(refusal(judge("POST", "/v1/nodes/1/report")), 401);
}

TEST_F(ApiRouterTest, ANodesCredentialIsKnownFromWhenItIsGiven) {
  serve(false);
  const auto registered = send("POST", "/v1/register", a_node, {}, "operator-token");
  ASSERT_EQ(registered.status, 200) << registered.body;
  const std::string token = nlohmann::json::parse(registered.body)["token"];
  const auto standing = judge("POST", "/v1/nodes/1/report", token);
  EXPECT_EQ(standing.credential, "node 1");
  EXPECT_GT(standing.body_bytes_max, large_body);
  // Without one that is known, what a node is told is to be read, and nothing large.
  const auto unknown = judge("POST", "/v1/nodes/1/report", "guess");
  EXPECT_EQ(refusal(unknown), 0);
  EXPECT_EQ(unknown.credential, "");
  EXPECT_GT(unknown.body_bytes_max, report_body);
  EXPECT_LT(unknown.body_bytes_max, large_body);
  EXPECT_EQ(send("POST", "/v1/nodes/1/report", a_report, {}, "guess").status, 403);
  EXPECT_EQ(send("POST", "/v1/nodes/7/report", a_report, {}, token).status, 404);
  EXPECT_EQ(judge("POST", "/v1/nodes/1/report", token).credential, "node 1") << "it is another node that is not known";
}

TEST_F(ApiRouterTest, WhereEverybodyIsTrustedStrangersAreStillStrangers) {
  serve(true);
  const auto standing = judge("POST", "/v1/settings");
  EXPECT_EQ(refusal(standing), 0);
  EXPECT_EQ(standing.credential, "");
  EXPECT_LT(standing.body_bytes_max, large_body);
  EXPECT_EQ(judge("POST", "/v1/settings", "operator-token").credential, "operator");
}

TEST_F(ApiRouterTest, AJoinTokenRegistersOneNode) {
  serve(false);
  const auto made = send("POST", "/v1/tokens", R"({"formations": ["default"], "ttl": 60000})", {}, "operator-token");
  ASSERT_EQ(made.status, 200) << made.body;
  const auto secret = nlohmann::json::parse(made.body)["secret"].get<std::string>();
  const auto listed = send("GET", "/v1/tokens", "", {}, "operator-token");
  EXPECT_EQ(listed.status, 200);
  EXPECT_EQ(listed.body.find(secret), std::string::npos) << "it is shown once";
  EXPECT_EQ(send("GET", "/v1/state", "", {}, secret).status, 403);
  EXPECT_EQ(send("POST", "/v1/register", a_node, {}, secret).status, 200);
  const auto refused = send("POST", "/v1/register", R"({"host": "10.0.0.2", "port": 5432})", {}, secret);
  EXPECT_EQ(refused.status, 403);
  EXPECT_NE(refused.body.find("used up"), std::string::npos) << refused.body;
  EXPECT_EQ(send("DELETE", "/v1/tokens/1", "", {}, "operator-token").status, 200);
  EXPECT_EQ(send("DELETE", "/v1/tokens/2", "", {}, "operator-token").status, 404);
  EXPECT_EQ(send("POST", "/v1/tokens", R"({"role": "root"})", {}, "operator-token").status, 400);
}

TEST_F(ApiRouterTest, EverybodyIsToldWhatToTrust) {
  serve(false);
  const auto trust = send("GET", "/v1/ca");
  EXPECT_EQ(trust.status, 200);
  EXPECT_EQ(nlohmann::json::parse(trust.body)["ca_pem"], "PEM\n");
  EXPECT_EQ(send("POST", "/v1/ca").status, 405);
}

TEST_F(ApiRouterTest, AWaitThatEndsIsAnswered) {
  serve(true);
  const auto last = nlohmann::json::parse(send("GET", "/v1/events").body)["last_id"].get<std::int64_t>();
  const auto response = send("GET", "/v1/events", "", {{"after", std::to_string(last)}, {"wait_ms", "50"}});
  EXPECT_EQ(response.status, 200);
  EXPECT_TRUE(nlohmann::json::parse(response.body)["events"].empty());
}

}  // namespace
}  // namespace autoctl::monitor
