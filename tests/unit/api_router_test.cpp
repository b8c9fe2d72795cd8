// From HTTP to the engine and back, without a socket.
#include "monitor/api/api_router.h"

#include <gtest/gtest.h>

#include <future>
#include <nlohmann/json.hpp>

#include "common/tls/certificate.h"
#include "tests/support/memory_store.h"

namespace autoctl::monitor {
namespace {

class ApiRouterTest : public ::testing::Test {
 protected:
  void serve(bool open) {
    auto store = std::make_unique<test::MemoryStore>();
    const auto image = store->load();
    service = std::make_unique<Service>(std::move(store), *image, Access(open, "operator-token", tls::sha256_hex));
    router = std::make_unique<ApiRouter>(*service, image->monitor_id);
  }

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
  EXPECT_EQ(send("POST", "/v1/register", a_node, {}, "operator-token").status, 200);
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
