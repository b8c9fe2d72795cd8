// Nodes that ask the monitor's authority for a certificate when they register.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <future>
#include <nlohmann/json.hpp>

#include "common/config/files.h"
#include "common/tls/authority.h"
#include "common/tls/trust.h"
#include "monitor/api/api_router.h"
#include "tests/support/memory_store.h"
#include "tests/support/scratch.h"

namespace autoctl::monitor {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* host = "10.0.0.1";
constexpr const char* operators = "operator-token";

class Certificates : public ::testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directory(files.directory);
    ASSERT_TRUE(Authority(files).create());
    serve({config::read_file(files.ca()).value_or(""), Authority(files)});
  }
  void serve(ApiTrust trust) {
    router.reset();
    service.reset();
    auto store = std::make_unique<test::MemoryStore>();
    const auto image = store->load();
    credentials = std::make_unique<Credentials>(Access(false, operators, tls::sha256_hex), *image);
    service = std::make_unique<Service>(std::move(store), *image, Access(false, operators, tls::sha256_hex));
    router = std::make_unique<ApiRouter>(*service, *credentials, image->monitor_id, std::move(trust));
  }
  http::Response send(http::Request request) {
    auto promise = std::make_shared<std::promise<http::Response>>();
    auto answer = promise->get_future();
    router->handle(request, [promise](const http::Response& response) { promise->set_value(response); });
    const bool answered = answer.wait_for(std::chrono::seconds(10)) == std::future_status::ready;
    return answered ? answer.get() : http::Response{0, "no answer", ""};
  }
  http::Response register_with(const std::string& csr, const std::string& name = "a", const std::string& at = host) {
    const nlohmann::json body = {{"host", at}, {"port", 5432}, {"name", name}, {"csr", csr}};
    return send({.method = "POST", .path = "/v1/register", .query = {}, .bearer = operators, .body = body.dump()});
  }
  protocol::RegisterAnswer registered(const std::string& csr) {
    const auto response = register_with(csr);
    EXPECT_EQ(response.status, 200) << response.body;
    return protocol::decode<protocol::RegisterAnswer>(response.body).value_or(protocol::RegisterAnswer{});
  }
  int look(const std::string& bearer, const std::string& certificate) {
    return send({.method = "GET",
                 .path = "/v1/state",
                 .query = {},
                 .bearer = bearer,
                 .body = {},
                 .peer = {},
                 .certificate = certificate})
        .status;
  }
  std::size_t nodes() {
    const auto response = send({.method = "GET", .path = "/v1/state", .query = {}, .bearer = operators});
    return nlohmann::json::parse(response.body)["nodes"].size();
  }

  test::ScratchDirectory scratch;
  config::Files files{scratch.path() + "/m"};
  std::unique_ptr<Credentials> credentials;
  std::unique_ptr<Service> service;
  std::unique_ptr<ApiRouter> router;
};

TEST_F(Certificates, ANodeGetsOneWithItsNumber) {
  const auto asked = tls::request_certificate(host);
  const auto answer = registered(asked->csr_pem);
  EXPECT_EQ(answer.ca_pem, config::read_file(files.ca()).value_or(""));
  EXPECT_TRUE(tls::check_believed(answer.certificate, answer.ca_pem, host));
  EXPECT_TRUE(tls::belong_together(answer.certificate, asked->key_pem));
  EXPECT_EQ(tls::inspect_certificate(answer.certificate)->name, "autoctl_standby_1");
  EXPECT_THAT(answer.token, StartsWith("cert."));
}

TEST_F(Certificates, ItsCredentialCountsOnlyWithIt) {
  const auto token = registered(tls::request_certificate(host)->csr_pem).token;
  EXPECT_EQ(look(token, "autoctl_standby_1"), 200);
  EXPECT_EQ(look(token, "autoctl_standby_2"), 403);
  EXPECT_EQ(look(token, ""), 403);
  const auto judged = router->judge({.method = "POST", .path = "/v1/nodes/1/report", .query = {}, .bearer = token});
  ASSERT_TRUE(judged.refusal) << "nothing is read of it";
  EXPECT_THAT(judged.refusal->body, HasSubstr("server.crt"));
}

TEST_F(Certificates, WhoAsksForNoneGetsACredentialThatNeedsNone) {
  const auto answer = registered("");
  EXPECT_EQ(answer.certificate, "");
  EXPECT_EQ(look(answer.token, ""), 200);
}

TEST_F(Certificates, ARequestForOtherNamesRegistersNothing) {
  const auto response = register_with(tls::request_certificate("10.0.0.2")->csr_pem);
  EXPECT_EQ(response.status, 400);
  EXPECT_THAT(response.body, HasSubstr("must ask for the names 10.0.0.1"));
  EXPECT_EQ(register_with("no request").status, 400);
  EXPECT_EQ(nodes(), 0U);
}

TEST_F(Certificates, ANodeGetsAnotherOneAndNobodyElseDoesInItsPlace) {
  const auto node = registered(tls::request_certificate(host)->csr_pem);
  const auto other = protocol::decode<protocol::RegisterAnswer>(
      register_with(tls::request_certificate("10.0.0.2")->csr_pem, "b", "10.0.0.2").body);
  ASSERT_TRUE(other);
  const auto asked = tls::request_certificate(host);
  const auto renew = [&](const std::string& bearer, const std::string& certificate, const std::string& at = host) {
    const auto csr = at == host ? asked->csr_pem : tls::request_certificate(at)->csr_pem;
    const nlohmann::json body = {{"csr", csr}, {"host", at}};
    return send({.method = "POST",
                 .path = "/v1/nodes/1/certificate",
                 .query = {},
                 .bearer = bearer,
                 .body = body.dump(),
                 .peer = {},
                 .certificate = certificate});
  };
  const auto answer = renew(node.token, "autoctl_standby_1");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const auto renewed = protocol::decode<protocol::CertificateAnswer>(answer.body);
  ASSERT_TRUE(renewed);
  EXPECT_TRUE(tls::check_believed(renewed->certificate, renewed->ca_pem, host));
  EXPECT_TRUE(tls::belong_together(renewed->certificate, asked->key_pem));
  EXPECT_EQ(tls::inspect_certificate(renewed->certificate)->name, "autoctl_standby_1");

  EXPECT_EQ(renew(node.token, "").status, 403) << "the credential alone is none";
  EXPECT_EQ(renew(other->token, "autoctl_standby_2").status, 403);
  EXPECT_EQ(renew("", "autoctl_standby_1").status, 401) << "nor is the certificate alone";
  EXPECT_EQ(renew(node.token, "autoctl_standby_1", "10.0.0.2").status, 409) << "it is not registered there";
  EXPECT_EQ(renew(operators, "").status, 200) << "for a node whose certificate has ended";
}

TEST_F(Certificates, WithTheKeyElsewhereOnlyIssuingWaits) {
  const auto token = registered(tls::request_certificate(host)->csr_pem).token;
  const std::string safe = scratch.path() + "/safe";
  std::filesystem::rename(files.authority_key(), safe);
  const auto csr = tls::request_certificate("10.0.0.2")->csr_pem;
  const auto refused = register_with(csr, "b", "10.0.0.2");
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("put it back as " + files.authority_key()));
  EXPECT_EQ(nodes(), 1U);
  EXPECT_EQ(look(token, "autoctl_standby_1"), 200);
  std::filesystem::rename(safe, files.authority_key());
  EXPECT_EQ(register_with(csr, "b", "10.0.0.2").status, 200);
}

TEST_F(Certificates, AMonitorWithoutAnAuthoritySaysSo) {
  serve({"PEM\n", std::nullopt});
  const auto refused = register_with(tls::request_certificate(host)->csr_pem);
  EXPECT_EQ(refused.status, 409);
  EXPECT_THAT(refused.body, HasSubstr("--ssl-self-signed"));
  EXPECT_EQ(nodes(), 0U);
}

TEST_F(Certificates, TheMonitorsOwnIsMadeOnceAndAgainForAnotherName) {
  const Authority authority(files);
  const auto own = [&] { return config::read_file(files.certificate()).value_or(""); };
  ASSERT_TRUE(authority.ensure_own("monitor1"));
  const auto first = own();
  ASSERT_TRUE(authority.ensure_own("monitor1"));
  EXPECT_EQ(own(), first);
  ASSERT_TRUE(authority.ensure_own("monitor2"));
  EXPECT_NE(own(), first);
  EXPECT_TRUE(tls::check_believed(own(), *authority.trusted(), "monitor2"));
  const auto second = own();
  std::filesystem::remove(files.authority_key());
  EXPECT_FALSE(authority.ensure_own("monitor3"));
  EXPECT_EQ(own(), second);
  EXPECT_TRUE(authority.is_usable()) << "what is there is better than nothing";
  std::filesystem::remove(files.certificate());
  EXPECT_FALSE(authority.is_usable());
}

}  // namespace
}  // namespace autoctl::monitor
