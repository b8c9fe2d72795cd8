// The client against a real HTTPS server on loopback that plays the monitor.
#include "common/monitor_client/monitor_api.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>

#include "common/config/files.h"
#include "common/http/server.h"
#include "common/monitor_client/monitor_url.h"
#include "common/tls/certificate.h"
#include "tests/support/scratch.h"

namespace autoctl::client {
namespace {

using testing::HasSubstr;
constexpr Millis patience{5000};

class MonitorApiTest : public testing::Test {
 protected:
  MonitorApiTest() {
    const auto written = tls::write_self_signed(certificate_, scratch_.path() + "/key", {"localhost"});
    EXPECT_TRUE(written) << written.error().message;
    server_ = std::make_unique<http::Server>(
        http::ServerOptions{
            .address = "127.0.0.1", .certificate_file = certificate_, .key_file = scratch_.path() + "/key"},
        [this](http::Request request, http::Responder respond) {
          ++requests_;
          last_ = request;
          respond(answer_(request));
        });
    const auto started = server_->start();
    EXPECT_TRUE(started) << started.error().message;
  }
  ~MonitorApiTest() override { server_->stop(); }

  MonitorApi api(const std::string& url) {
    auto made = MonitorApi::create({url, *config::read_file(certificate_), "", "secret"});
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  std::string url() const { return to_https({{"127.0.0.1", server_->port()}}); }

  static http::Response ok(const nlohmann::json& body) { return {200, body.dump()}; }
  static http::Response version_answer(int protocol) {
    return ok({{"protocol", protocol}, {"version", "9.9"}, {"monitor_id", "m"}});
  }

  test::ScratchDirectory scratch_;
  std::string certificate_ = scratch_.path() + "/certificate";
  std::unique_ptr<http::Server> server_;
  std::atomic<int> requests_ = 0;
  http::Request last_;  // read by the test after the answer came
  std::function<http::Response(const http::Request&)> answer_ = [](const http::Request&) { return ok({}); };
};

TEST_F(MonitorApiTest, SendsWhatWasAskedForWithTheCredential) {
  answer_ = [](const http::Request&) {
    return http::Response{200, protocol::encode(protocol::EventsDocument{{}, 17})};
  };
  auto monitor = api(url());
  const auto events =
      monitor.events({.formation = "f", .group = 2, .after = 5, .count = 9, .wait = Millis{100}}, patience);
  ASSERT_TRUE(events) << events.error().message;
  EXPECT_EQ(events->last_id, 17);
  EXPECT_EQ(last_.method, "GET");
  EXPECT_EQ(last_.path, "/v1/events");
  EXPECT_EQ(last_.bearer, "secret");
  EXPECT_EQ(last_.query, (std::map<std::string, std::string>{
                             {"formation", "f"}, {"group", "2"}, {"after", "5"}, {"count", "9"}, {"wait_ms", "100"}}));
}

TEST_F(MonitorApiTest, TheMonitorsOwnWordsReachTheCaller) {
  answer_ = [](const http::Request&) {
    return http::Response{409, protocol::encode_error({Errc::conflict, "that name is taken", "choose another"})};
  };
  auto monitor = api(url());
  const auto state = monitor.state("default", std::nullopt, patience);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Errc::conflict);
  EXPECT_EQ(state.error().message, "that name is taken");
  EXPECT_EQ(state.error().hint, "choose another");
}

TEST_F(MonitorApiTest, GoesOnToTheNextHostAndStaysThere) {
  answer_ = [](const http::Request&) { return http::Response{200, protocol::encode(protocol::StateDocument{})}; };
  const std::string nobody = "127.0.0.1:" + std::to_string(test::free_port());
  auto monitor = api("https://" + nobody + ",127.0.0.1:" + std::to_string(server_->port()));
  ASSERT_TRUE(monitor.state("default", std::nullopt, patience));
  ASSERT_TRUE(monitor.state("default", std::nullopt, patience));
  EXPECT_EQ(requests_, 2);
}

TEST_F(MonitorApiTest, WhenAllHostsAreDownSaysSoWithAHint) {
  auto monitor = api("https://127.0.0.1:" + std::to_string(test::free_port()));
  const auto state = monitor.state("default", std::nullopt, patience);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Errc::unavailable);
  EXPECT_THAT(state.error().hint, HasSubstr("autoctl run"));
}

TEST_F(MonitorApiTest, AnotherProtocolVersionIsFoundOutBeforeAnythingIsChanged) {
  answer_ = [](const http::Request&) { return version_answer(protocol::version + 1); };
  auto monitor = api(url());
  const auto registered = monitor.register_node({}, patience);
  ASSERT_FALSE(registered);
  EXPECT_EQ(registered.error().code, Errc::incompatible);
  EXPECT_THAT(registered.error().message, HasSubstr("9.9"));
  EXPECT_EQ(requests_, 1);
  EXPECT_EQ(last_.path, "/v1/version");
}

TEST_F(MonitorApiTest, SomethingElseThatAnswersIsNotTakenForAMonitor) {
  for (const char* body : {"<html>", "[]", "{}", R"({"protocol":"1"})"}) {
    answer_ = [body](const http::Request&) { return http::Response{200, body}; };
    auto monitor = api(url());
    const auto version = monitor.version(patience);
    ASSERT_FALSE(version) << body;
    EXPECT_EQ(version.error().code, Errc::incompatible) << body;
  }
}

TEST_F(MonitorApiTest, AnOperationIsRequestedOnceEvenWithSeveralHosts) {
  std::atomic<int> posts = 0;
  answer_ = [&posts](const http::Request& request) {
    if (request.path == "/v1/version") return version_answer(protocol::version);
    ++posts;
    return http::Response{503, protocol::encode_error({Errc::unavailable, "the monitor's Postgres is away", ""})};
  };
  const std::string self = "127.0.0.1:" + std::to_string(server_->port());
  auto monitor = api("https://" + self + "," + self);
  const auto operation = monitor.start_operation({}, patience);
  ASSERT_FALSE(operation);
  EXPECT_EQ(operation.error().code, Errc::unavailable);
  EXPECT_EQ(posts, 1);
}

TEST_F(MonitorApiTest, ACertificateThatIsNotTrustedIsDeniedWithAHint) {
  auto made = MonitorApi::create({url(), "", "", ""});
  ASSERT_TRUE(made);
  const auto state = made->state("default", std::nullopt, patience);
  ASSERT_FALSE(state);
  EXPECT_EQ(state.error().code, Errc::denied);
  EXPECT_THAT(state.error().hint, HasSubstr("--monitor-ca-file"));
}

TEST_F(MonitorApiTest, DiscoveryOfHttpsReadsTheCaFileAndAsksNobody) {
  const auto endpoint = discover("https://m,n:1", {.ca_file = certificate_});
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_EQ(endpoint->url, "https://m:7432,n:1");
  EXPECT_EQ(endpoint->ca_pem, *config::read_file(certificate_));
  EXPECT_EQ(requests_, 0);
  EXPECT_FALSE(discover("https://m", {.ca_file = scratch_.path() + "/missing"}));
}

/// Of a monitor that has no time; the second answer is another one.
http::Response busy() {
  return {.status = 503,
          .body = protocol::encode_error({Errc::unavailable, "the monitor is overloaded", ""}),
          .retry_after = std::chrono::seconds(1)};
}

TEST_F(MonitorApiTest, AnOverloadedMonitorIsAskedAgainAfterAPause) {
  answer_ = [this](const http::Request&) {
    return requests_ == 1 ? busy() : http::Response{200, protocol::encode(protocol::EventsDocument{{}, 17})};
  };
  auto monitor = api(url());
  const auto before = std::chrono::steady_clock::now();
  const auto events = monitor.events({}, patience);
  ASSERT_TRUE(events) << events.error().message;
  EXPECT_EQ(requests_, 2);
  EXPECT_GE(std::chrono::steady_clock::now() - before, Millis{500});
  EXPECT_EQ(monitor.asked_to_wait(), Millis{0});
}

TEST_F(MonitorApiTest, AReportThatAnOverloadedMonitorTurnsAwayIsNotRepeated) {
  answer_ = [](const http::Request&) { return busy(); };
  auto monitor = api(url());
  const auto answer = monitor.report(NodeId{1}, {}, patience);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_EQ(monitor.asked_to_wait(), Millis{1'000});
  EXPECT_EQ(requests_, 1);
}

TEST_F(MonitorApiTest, AnOverloadedMonitorIsNotAskedForLongerThanTheCallMayTake) {
  answer_ = [](const http::Request&) { return busy(); };
  auto monitor = api(url());
  const auto before = std::chrono::steady_clock::now();
  const auto answer = monitor.settings("default", Millis{1'500});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().message, "the monitor is overloaded");
  EXPECT_LE(std::chrono::steady_clock::now() - before, Millis{1'700});
}

}  // namespace
}  // namespace autoctl::client
