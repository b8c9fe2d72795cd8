// Client and server together: exchanges, long polls, disconnects, deadlines.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <thread>

#include "common/protocol/protocol.h"
#include "http_fixture.h"
#include "raw_socket.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;

TEST_F(HttpTest, KeepsOneConnectionForManyRequests) {
  start_server();
  auto where = endpoint();
  where.bearer = "s3cret";
  http::Client client(where);
  for (int i = 0; i < 200; ++i) {
    http::Request request = post("/v1/a b", std::to_string(i) + std::string(static_cast<std::size_t>(i) * 100, 'x'));
    request.query = {{"formation", "my db&"}, {"n", std::to_string(i)}};
    const auto answer = client.send(request, 5s);
    ASSERT_TRUE(answer) << answer.error().message;
    ASSERT_EQ(answer->status, 200);
    ASSERT_EQ(answer->body, "echo:" + request.body);
    ASSERT_EQ(answer->content_type, "application/json");
  }
  const auto requests = seen_.get().requests;
  ASSERT_EQ(requests.size(), 200U);
  for (const auto& request : requests) {
    EXPECT_EQ(request.connection, requests.front().connection);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.path, "/v1/a b");
    EXPECT_EQ(request.query.at("formation"), "my db&");
    EXPECT_EQ(request.bearer, "s3cret");
    EXPECT_THAT(request.peer, HasSubstr("127.0.0.1:"));
  }
  EXPECT_TRUE(seen_.get().disconnects.empty());
}

TEST_F(HttpTest, HeadHasNoBodyAndTheConnectionGoesOn) {
  start_server();
  http::Client client(endpoint());
  const auto head = client.send({.method = "HEAD", .path = "/"}, 5s);
  ASSERT_TRUE(head) << head.error().message;
  EXPECT_EQ(head->body, "");
  EXPECT_TRUE(client.send(get("/"), 5s));
  EXPECT_EQ(seen_.get().requests[0].connection, seen_.get().requests[1].connection);
}

TEST_F(HttpTest, LongPollIsAnsweredFromAnotherThread) {
  start_server();
  http::Client client(endpoint());
  for (int round = 0; round < 20; ++round) {
    auto polled = std::async(std::launch::async, [&] { return client.send(get("/hold"), 10s); });
    ASSERT_TRUE(seen_.wait_until([&](const Seen& s) { return s.held.size() == 1U; }));
    auto held = std::move(seen_.get().held.front());
    seen_.change([](Seen& s) { s.held.clear(); });
    const auto start = std::chrono::steady_clock::now();
    held({200, "now"});
    held({200, "second answers are ignored"});
    const auto answer = polled.get();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "now");
    EXPECT_LT(since(start), 100ms * slowness);
  }
  EXPECT_TRUE(seen_.get().disconnects.empty());
}

TEST_F(HttpTest, WhenToAskAgainReachesTheClient) {
  server_ = std::make_unique<http::Server>(options_, [](const http::Request& request, const http::Responder& respond) {
    respond({.status = 503, .retry_after = std::chrono::seconds(request.path == "/busy" ? 2 : 0)});
  });
  ASSERT_TRUE(server_->start());
  http::Client client(endpoint());
  EXPECT_EQ(client.send(get("/busy"), 5s)->retry_after, 2s);
  EXPECT_EQ(client.send(get("/away"), 5s)->retry_after, 0s);
}

TEST_F(HttpTest, AHandlerThatThrowsAnswers500) {
  start_server();
  http::Client client(endpoint());
  const auto answer = client.send(get("/throw"), 5s);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 500);
  EXPECT_EQ(protocol::decode_error(500, answer->body).message, "the handler threw");
}

TEST_F(HttpTest, AHandlerThatIsSilentAnswers504) {
  options_.handler_timeout = 100ms;
  start_server();
  http::Client client(endpoint());
  const auto answer = client.send(get("/hold"), 5s);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 504);
  EXPECT_EQ(protocol::decode_error(504, answer->body).code, Errc::timeout);
  seen_.get().held.front()({200, "too late"});
  const auto next = client.send(get("/"), 5s);
  ASSERT_TRUE(next);
  EXPECT_EQ(next->body, "echo:");
}

TEST_F(HttpTest, RespondersOutliveConnectionAndServer) {
  start_server();
  {
    http::Client client(endpoint());
    const auto answer = client.send(get("/hold"), 100ms);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::timeout);
  }
  ASSERT_TRUE(wait_for_disconnects(1));
  auto held = seen_.get().held.front();
  held({200, "nobody hears this"});
  expect_healthy();
  server_->stop();
  held({200, "nor this"});
  server_.reset();
  held({200, "nor this"});
}

TEST_F(HttpTest, StopEndsPendingPollsAtOnce) {
  start_server();
  http::Client client(endpoint());
  auto polled = std::async(std::launch::async, [&] { return client.send(get("/hold"), 30s); });
  ASSERT_TRUE(wait_for_requests(1));
  const auto start = std::chrono::steady_clock::now();
  server_->stop();
  server_->stop();
  const auto answer = polled.get();
  EXPECT_LT(since(start), 500ms * slowness);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_TRUE(seen_.get().disconnects.empty()) << "a stopping server has no disconnects to report";
}

TEST_F(HttpTest, ClientReconnectsWhenTheServerWasRestarted) {
  start_server();
  http::Client client(endpoint());
  ASSERT_TRUE(client.send(get("/"), 5s));
  options_.port = server_->port();
  server_.reset();
  start_server();
  const auto answer = client.send(get("/"), 5s);
  ASSERT_TRUE(answer) << answer.error().message;
}

// ---- disconnects

/// A process of its own with a long poll under way; it was forked before this process had threads.
class PollingChild {
 public:
  PollingChild() {
    if (::pipe(pipe_) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) run();
  }
  ~PollingChild() {
    kill();
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  PollingChild(const PollingChild&) = delete;
  PollingChild& operator=(const PollingChild&) = delete;

  void poll(int port) { ASSERT_EQ(::write(pipe_[1], &port, sizeof(port)), static_cast<ssize_t>(sizeof(port))); }
  void kill() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  [[noreturn]] void run() {
    int port = 0;
    if (::read(pipe_[0], &port, sizeof(port)) == sizeof(port)) {
      RawConnection connection(port, RawConnection::Layer::tls);
      connection.write("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n");
      while (connection.good()) ::pause();
    }
    ::_exit(1);
  }

  int pipe_[2] = {-1, -1};
  pid_t pid_ = -1;
};

TEST_F(HttpTest, AKilledPollerIsNoticedAtOnce) {
  PollingChild child;
  start_server();
  child.poll(server_->port());
  ASSERT_TRUE(wait_for_requests(1));
  const auto start = std::chrono::steady_clock::now();
  child.kill();
  ASSERT_TRUE(wait_for_disconnects(1));
  EXPECT_LT(since(start), 50ms * slowness);
  EXPECT_EQ(seen_.get().disconnects.front(), seen_.get().requests.front().connection);
  seen_.get().held.front()({200, "nobody is there"});
  expect_healthy();
  ASSERT_TRUE(wait_for_disconnects(2));
  EXPECT_EQ(seen_.get().disconnects.size(), 2U) << "one for each connection, not more";
}

enum class End { fin, reset, bytes };

class PollEnds : public HttpTest, public testing::WithParamInterface<End> {};

TEST_P(PollEnds, AreNoticedWhileTheAnswerIsHeld) {
  start_server();
  auto connection = std::make_unique<RawConnection>(server_->port(), RawConnection::Layer::tls);
  ASSERT_TRUE(connection->good());
  ASSERT_TRUE(connection->write("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(wait_for_requests(1));
  EXPECT_FALSE(wait_for_disconnects(1, 100ms)) << "a quiet client was taken for a dead one";
  const auto start = std::chrono::steady_clock::now();
  if (GetParam() == End::fin) connection->half_close();
  if (GetParam() == End::reset) connection->prepare_reset();
  if (GetParam() == End::reset) connection.reset();
  if (GetParam() == End::bytes) connection->write("x");
  ASSERT_TRUE(wait_for_disconnects(1));
  EXPECT_LT(since(start), 50ms * slowness);
  if (connection) {
    EXPECT_EQ(connection->read_all(), "");
  }
}
INSTANTIATE_TEST_SUITE_P(Http, PollEnds, testing::Values(End::fin, End::reset, End::bytes));

TEST_F(HttpTest, AnIdleConnectionsEndIsNoticedToo) {
  start_server();
  { EXPECT_TRUE(http::Client(endpoint()).send(get("/"), 5s)); }
  EXPECT_TRUE(wait_for_disconnects(1));
  { EXPECT_TRUE(RawConnection(server_->port(), RawConnection::Layer::tls).good()); }  // said nothing: nobody knows it
  { EXPECT_TRUE(http::Client(endpoint()).send(get("/"), 5s)); }
  EXPECT_TRUE(wait_for_disconnects(2));
  EXPECT_EQ(seen_.get().disconnects.back(), seen_.get().requests.back().connection);
}

// ---- the client's deadlines and errors

TEST_F(HttpTest, TheDeadlineHoldsAgainstASilentPeer) {
  const RawListener listener;  // its backlog takes the connection, nobody ever answers the handshake
  http::Client client({.host = "127.0.0.1", .port = listener.port(), .trusted_pem = pem_, .bearer = ""});
  for (const auto timeout : {0ms, 50ms, 300ms}) {
    const auto start = std::chrono::steady_clock::now();
    const auto answer = client.send(get("/"), timeout);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code, Errc::timeout);
    EXPECT_THAT(answer.error().message, HasSubstr("127.0.0.1:" + std::to_string(listener.port())));
    EXPECT_GE(since(start), timeout);
    EXPECT_LT(since(start), timeout + 100ms * slowness);
  }
}

TEST_F(HttpTest, TheDeadlineHoldsAgainstASilentHandlerAndTheClientIsGoodAfterwards) {
  start_server();
  http::Client client(endpoint());
  ASSERT_TRUE(client.send(get("/"), 5s));
  const auto start = std::chrono::steady_clock::now();
  const auto answer = client.send(get("/hold"), 200ms);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::timeout);
  EXPECT_LT(since(start), 200ms + 100ms * slowness);
  EXPECT_TRUE(client.send(get("/"), 5s));
  EXPECT_EQ(seen_.get().requests.size(), 3U) << "a request that timed out must not be sent again";
}

TEST_F(HttpTest, CancelWorksFromAnotherThreadAndSticks) {
  start_server();
  http::Client client(endpoint());
  auto polled = std::async(std::launch::async, [&] { return client.send(get("/hold"), 30s); });
  ASSERT_TRUE(wait_for_requests(1));
  const auto start = std::chrono::steady_clock::now();
  client.cancel();
  const auto answer = polled.get();
  EXPECT_LT(since(start), 100ms * slowness);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_FALSE(client.send(get("/"), 5s));
  EXPECT_EQ(seen_.get().requests.size(), 1U);
}

TEST_F(HttpTest, RefusedConnectionsSayWhere) {
  int port = 0;
  { port = RawListener().port(); }
  http::Client client({.host = "localhost", .port = port, .trusted_pem = pem_, .bearer = ""});
  const auto answer = client.send(get("/"), 5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_THAT(answer.error().message, HasSubstr("localhost:" + std::to_string(port)));
  EXPECT_THAT(answer.error().message, HasSubstr("refused"));
  EXPECT_FALSE(answer.error().hint.empty());
}

TEST_F(HttpTest, UnknownHostNamesAreUnavailable) {
  http::Client client({.host = "no-such-host.invalid", .port = 1, .trusted_pem = pem_, .bearer = ""});
  const auto start = std::chrono::steady_clock::now();
  const auto answer = client.send(get("/"), 2s);
  EXPECT_LT(since(start), 2100ms * slowness);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, HasSubstr("no-such-host.invalid"));
  EXPECT_THAT((std::vector{Errc::unavailable, Errc::timeout}), testing::Contains(answer.error().code));
}

TEST_F(HttpTest, ACredentialCannotBreakTheHeader) {
  start_server();
  http::Client client(endpoint());
  client.set_bearer("abc\r\nX-Evil: 1");
  const auto answer = client.send(get("/"), 5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::denied);
  EXPECT_THAT(answer.error().message, testing::Not(HasSubstr("abc")));
}

/// Serves one connection after the other by hand.
class HandMadeServer {
 public:
  HandMadeServer(const std::string& certificate, const std::string& key) : context_(SSL_CTX_new(TLS_server_method())) {
    SSL_CTX_use_certificate_chain_file(context_, certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_, key.c_str(), SSL_FILETYPE_PEM);
  }
  ~HandMadeServer() { SSL_CTX_free(context_); }
  HandMadeServer(const HandMadeServer&) = delete;
  HandMadeServer& operator=(const HandMadeServer&) = delete;
  std::unique_ptr<RawConnection> accept() { return std::make_unique<RawConnection>(listener_.accept(), context_); }
  int port() const { return listener_.port(); }

 private:
  RawListener listener_;
  SSL_CTX* context_;
};

constexpr const char* small_answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST_F(HttpTest, AKeptConnectionThatDiesBeforeTheAnswerIsReplacedOnce) {
  HandMadeServer server(options_.certificate_file, options_.key_file);
  auto served = std::async(std::launch::async, [&] {
    auto first = server.accept();
    first->read_some();
    first->write(small_answer);
    first->read_some();  // the second request, …
    first.reset();       // … taken and dropped
    auto second = server.accept();
    second->read_some();
    second->write(small_answer);
    second->read_some();
    second.reset();
    auto third = server.accept();
    third->read_some();
    third.reset();
  });
  http::Client client({.host = "127.0.0.1", .port = server.port(), .trusted_pem = pem_, .bearer = ""});
  EXPECT_TRUE(client.send(get("/1"), 5s));
  const auto second = client.send(get("/2"), 5s);
  EXPECT_TRUE(second) << second.error().message;
  const auto third = client.send(get("/3"), 5s);
  ASSERT_FALSE(third) << "one fresh connection is tried, not more";
  EXPECT_EQ(third.error().code, Errc::unavailable);
  served.get();
}

TEST_F(HttpTest, WhatMustNotHappenTwiceIsNotSentTwice) {
  HandMadeServer server(options_.certificate_file, options_.key_file);
  auto served = std::async(std::launch::async, [&] {
    auto first = server.accept();
    first->read_some();
    first->write(small_answer);
    first->read_some();  // the POST may have done its work, …
    first.reset();       // … but nobody hears of it
    auto second = server.accept();
    std::string lines = second->read_some();
    second->write(small_answer);
    lines += second->read_some();
    second.reset();
    auto third = server.accept();
    lines += third->read_some();
    third->write(small_answer);
    return lines;
  });
  http::Client client({.host = "127.0.0.1", .port = server.port(), .trusted_pem = pem_, .bearer = ""});
  EXPECT_TRUE(client.send(get("/1"), 5s));
  const auto lost = client.send(post("/once", "x"), 5s);
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().code, Errc::unavailable);
  EXPECT_TRUE(client.send(get("/3"), 5s));
  EXPECT_TRUE(client.send(post("/harmless", "x"), 5s, http::Repeat::always)) << "its sender said that it may";
  const std::string lines = served.get();
  EXPECT_THAT(lines, testing::Not(HasSubstr("/once")));
  EXPECT_THAT(lines, HasSubstr("GET /3 "));
  EXPECT_NE(lines.find("POST /harmless "), lines.rfind("POST /harmless ")) << lines;
}

TEST_F(HttpTest, NoSecondTryOnceTheAnswerBegan) {
  HandMadeServer server(options_.certificate_file, options_.key_file);
  auto served = std::async(std::launch::async, [&] {
    auto first = server.accept();
    first->read_some();
    first->write(small_answer);
    first->read_some();
    first->write("HTTP/1.1 200 O");
  });
  http::Client client({.host = "127.0.0.1", .port = server.port(), .trusted_pem = pem_, .bearer = ""});
  EXPECT_TRUE(client.send(get("/1"), 5s));
  const auto second = client.send(get("/2"), 5s);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::unavailable);
  served.get();
}

}  // namespace
}  // namespace autoctl::test
