// Every route of the API, with every credential there is: allowed where rights.h says so, and nowhere else.
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "common/tls/certificate.h"
#include "monitor/api/api_router.h"
#include "tests/support/memory_store.h"

namespace autoctl::monitor {
namespace {

constexpr const char* admin_token = "operator-token";

/// What is sent there. A route that is missing here fails the test: say what its right use is.
const std::map<std::string, std::string> bodies = {
    {"POST /v1/register", R"({"host": "10.0.0.7", "port": 5432, "name": "new", "formation": "shop"})"},
    {"POST /v1/nodes/{id}/report", R"({"protocol": 1, "facts": {"state": "init"}})"},
    {"PATCH /v1/nodes/{id}", R"({"values": {"candidate_priority": "60"}})"},
    {"DELETE /v1/nodes/{id}", ""},
    {"POST /v1/nodes/{id}/certificate", R"({"csr": "x", "host": "10.0.0.1"})"},
    {"POST /v1/nodes/{id}/leave", "{}"},
    {"POST /v1/formations", R"({"name": "new"})"},
    {"DELETE /v1/formations", ""},
    {"GET /v1/state", ""},
    {"GET /v1/explain", ""},
    {"GET /v1/events", ""},
    {"GET /v1/settings", ""},
    {"PATCH /v1/settings", R"({"values": {"heartbeat": "700"}})"},
    {"POST /v1/operations", R"({"kind": "maintenance", "formation": "shop", "name": "a"})"},
    {"GET /v1/operations/{id}", ""},
    {"POST /v1/tokens", R"({"role": "admin"})"},
    {"GET /v1/tokens", ""},
    {"DELETE /v1/tokens/{id}", ""},
};

const std::map<Role, std::string> names = {
    {Role::nobody, "nobody"}, {Role::join, "join token"},   {Role::entry, "entry"}, {Role::node, "node"},
    {Role::viewer, "viewer"}, {Role::operates, "operator"}, {Role::admin, "admin"},
};

/// A monitor with formation shop, node 1 "a" and operation 1 in it, and a credential of each role for shop.
class World {
 public:
  explicit World(bool open) {
    auto store = std::make_unique<test::MemoryStore>();
    store->operations[1] = {.id = 1, .formation = "shop", .status = OperationStatus::done};
    const auto image = store->load();
    const auto is_entry = [](std::string_view text) { return text == "entry"; };
    credentials_ = std::make_unique<Credentials>(Access(open, admin_token, tls::sha256_hex, is_entry), *image);
    service_ =
        std::make_unique<Service>(std::move(store), *image, Access(open, admin_token, tls::sha256_hex, is_entry));
    router_ = std::make_unique<ApiRouter>(*service_, *credentials_, image->monitor_id, ApiTrust{.ca_pem = "PEM\n"});
    EXPECT_EQ(send("POST", "/v1/formations", R"({"name": "shop"})", admin_token).status, 200);
    const auto node = send("POST", "/v1/register",
                           R"({"host": "10.0.0.1", "port": 5432, "name": "a", "formation": "shop"})", admin_token);
    EXPECT_EQ(node.status, 200) << node.body;
    secrets_[Role::node] = nlohmann::json::parse(node.body)["token"];
    secrets_[Role::join] = token("join");
    secrets_[Role::viewer] = token("viewer");
    secrets_[Role::operates] = token("operator");
    secrets_[Role::entry] = "entry";
    secrets_[Role::admin] = admin_token;
  }

  const std::string& secret(Role role) { return secrets_[role]; }

  http::Response send(const std::string& method, const std::string& path, const std::string& body,
                      const std::string& bearer) {
    http::Request request{
        .method = method, .path = path, .query = {{"formation", "shop"}}, .bearer = bearer, .body = body};
    auto promise = std::make_shared<std::promise<http::Response>>();
    auto answer = promise->get_future();
    router_->handle(request, [promise](const http::Response& response) { promise->set_value(response); });
    return answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready ? answer.get()
                                                                                  : http::Response{0, ""};
  }
  /// Before the body is read.
  bool passes_gate(const std::string& method, const std::string& path, const std::string& bearer) const {
    http::Request header{.method = method, .path = path, .bearer = bearer};
    return !router_->judge(header).refusal.has_value();
  }

 private:
  std::string token(const std::string& role) {
    const auto made = send("POST", "/v1/tokens", R"({"formations": ["shop"], "role": ")" + role + R"("})", admin_token);
    EXPECT_EQ(made.status, 200) << made.body;
    return nlohmann::json::parse(made.body)["secret"];
  }

  std::unique_ptr<Credentials> credentials_;
  std::unique_ptr<Service> service_;
  std::unique_ptr<ApiRouter> router_;
  std::map<Role, std::string> secrets_;
};

std::string with_id(std::string_view pattern) {
  std::string path(pattern);
  if (const auto at = path.find("{id}"); at != std::string::npos) path.replace(at, 4, "1");
  return path;
}

void expect_rights(bool open, const std::function<bool(Role, Right)>& may) {
  for (const auto& [method, path, right] : ApiRouter::needs())
    for (const auto& [role, name] : names) {
      const std::string route = std::string(method) + " " + std::string(path);
      ASSERT_TRUE(bodies.contains(route)) << "a new route: this test does not know it";
      World world(open);
      const std::string& secret = world.secret(role);
      const auto answer = world.send(std::string(method), with_id(path), bodies.at(route), secret);
      const bool allowed = answer.status != 401 && answer.status != 403;
      EXPECT_EQ(allowed, may(role, right)) << route << " by " << name << ": " << answer.status << " " << answer.body;
      EXPECT_NE(answer.status, 0) << route;
      if (allowed) {
        EXPECT_TRUE(world.passes_gate(std::string(method), with_id(path), secret)) << route << " by " << name;
      }
    }
}

TEST(ApiRights, EachCredentialMayWhatItsRoleMayAndNothingElse) {
  expect_rights(false, [](Role role, Right right) { return grants(role, right); });
}

/// With --auth trust everybody may everything but speak for a node; a token that is shown is taken at its word.
TEST(ApiRights, WithTrustTheTermsOfATokenThatIsShownHold) {
  expect_rights(true, [](Role role, Right right) {
    const bool shows_token = role == Role::join || role == Role::viewer || role == Role::operates;
    return shows_token || right == Right::report ? grants(role, right) : true;
  });
}

/// What holds for one formation holds for no other.
TEST(ApiRights, ANodesAndAnOperatorsCredentialDoNothingElsewhere) {
  World world(false);
  ASSERT_EQ(
      world.send("POST", "/v1/register", R"({"host": "10.0.0.2", "port": 5432, "name": "b"})", admin_token).status,
      200);
  for (const Role role : {Role::node, Role::operates, Role::viewer, Role::join})
    for (const auto& [method, path, body] :
         {std::tuple{"PATCH", "/v1/nodes/2", R"({"values": {"candidate_priority": "60"}})"},
          std::tuple{"DELETE", "/v1/nodes/2", ""}, std::tuple{"POST", "/v1/nodes/2/leave", "{}"},
          std::tuple{"POST", "/v1/nodes/2/report", R"({"protocol": 1, "facts": {"state": "init"}})"},
          std::tuple{"POST", "/v1/operations", R"({"kind": "maintenance", "name": "b"})"},
          std::tuple{"POST", "/v1/register", R"({"host": "10.0.0.3", "port": 5432})"}})
      EXPECT_EQ(world.send(method, path, body, world.secret(role)).status, 403)
          << names.at(role) << ": " << method << " " << path;
}

TEST(ApiRights, AnEndedTokenHearsWhatBecameOfIt) {
  World world(false);
  ASSERT_EQ(world.send("DELETE", "/v1/tokens/2", "", admin_token).status, 200);
  const std::string& viewer = world.secret(Role::viewer);
  EXPECT_TRUE(world.passes_gate("GET", "/v1/state", viewer));
  const auto answer = world.send("GET", "/v1/state", "", viewer);
  EXPECT_EQ(answer.status, 403);
  EXPECT_NE(answer.body.find("viewer token 2 is revoked"), std::string::npos) << answer.body;
}

TEST(ApiRights, AReasonIsBoundedAndPrintable) {
  World world(false);
  const auto status = [&](const std::string& reason) {
    return world
        .send("POST", "/v1/operations", nlohmann::json{{"kind", "switchover"}, {"reason", reason}}.dump(), admin_token)
        .status;
  };
  EXPECT_EQ(status("a\nb"), 400);
  EXPECT_EQ(status(std::string(501, 'x')), 400);
  EXPECT_NE(status("it is time"), 400);
}

}  // namespace
}  // namespace autoctl::monitor
