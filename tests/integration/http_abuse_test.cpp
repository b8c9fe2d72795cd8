// Peers that mean harm, or know no better: limits hold, everybody gets a clear answer or a close, and the server lives
// on.
#include <gmock/gmock.h>
#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ctime>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "common/protocol/protocol.h"
#include "http_fixture.h"
#include "no_descriptors.h"
#include "raw_socket.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class HttpAbuseTest : public HttpTest {
 protected:
  /// Sends raw bytes over TLS and returns all that comes back until the server closes.
  std::string say(const std::string& bytes) const {
    RawConnection connection(server_->port(), RawConnection::Layer::tls);
    EXPECT_TRUE(connection.good());
    connection.write(bytes);
    return connection.read_all();
  }
  static void expect_json_error(const std::string& answer, int status) {
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 " + std::to_string(status) + " "));
    const auto body =
        nlohmann::json::parse(answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4)), nullptr, false);
    ASSERT_TRUE(body.is_object()) << answer;
    EXPECT_TRUE(body["error"]["code"].is_string());
    EXPECT_TRUE(body["error"]["message"].is_string());
    EXPECT_TRUE(body["error"]["hint"].is_string());
  }
};

TEST_F(HttpAbuseTest, OversizedBodiesGet413) {
  options_.body_bytes_max = 1000;
  start_server();
  http::Client client(endpoint());
  EXPECT_EQ(client.send(post("/", std::string(1000, 'x')), 5s)->status, 200);
  // Much more than fits into socket buffers: the answer must survive that the server stops reading.
  const auto answer = client.send(post("/", std::string(20'000'000, 'x')), 20s);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->status, 413);
  EXPECT_EQ(protocol::decode_error(413, answer->body).code, Errc::bad_usage);
  expect_json_error(say("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n"), 413);
  expect_json_error(
      say("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + std::string(2000, 'x') + "\r\n"),
      413);
  EXPECT_EQ(seen_.get().requests.size(), 1U);
  expect_healthy();
}

TEST_F(HttpAbuseTest, OversizedHeadersGet431) {
  start_server();
  expect_json_error(say("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(20'000, 'x') + "\r\n\r\n"), 431);
  expect_json_error(say("GET /" + std::string(200'000, 'x')), 431);
  EXPECT_TRUE(seen_.get().requests.empty());
  expect_healthy();
}

TEST_F(HttpAbuseTest, MalformedRequestsGet400) {
  start_server();
  for (const std::string bytes :
       {"\r\n\r\nHELO\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
        "GET relative HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"})
    expect_json_error(say(bytes), 400);
  EXPECT_TRUE(seen_.get().requests.empty());
  expect_healthy();
}

TEST_F(HttpAbuseTest, RequestsThatCouldBeTakenForOthersGet400AndTheEnd) {
  start_server();
  const std::string hidden = "POST /hidden HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n";
  const auto expect_refused = [&](const std::string& version, const std::string& fields) {
    const std::string answer = say("POST / " + version + "\r\n" + fields + "\r\n\r\n0\r\n\r\n" + hidden);
    SCOPED_TRACE(fields);
    expect_json_error(answer, 400);
    EXPECT_THAT(answer, HasSubstr("Connection: close"));
    EXPECT_EQ(answer.find("HTTP/1.1 "), answer.rfind("HTTP/1.1 ")) << "it went on reading: " << answer;
  };
  for (const char* fields :
       {"Transfer-Encoding: gzip", "Transfer-Encoding: identity", "Transfer-Encoding: xchunked",
        "Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, gzip",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5", "Content-Length: 5\r\nTransfer-Encoding: gzip",
        "Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5", "Content-Length: 5\r\nHost: y"})
    expect_refused("HTTP/1.1", std::string("Host: x\r\n") + fields);
  expect_refused("HTTP/1.1", "Content-Length: 5");  // no Host
  expect_refused("HTTP/1.0", "Transfer-Encoding: chunked");
  EXPECT_TRUE(seen_.get().requests.empty());
  EXPECT_THAT(say("GET / HTTP/1.0\r\n\r\n"), StartsWith("HTTP/1.1 200 ")) << "as a load balancer's check asks";
  expect_healthy();
}

TEST_F(HttpAbuseTest, PipelinedRequestsAreAnsweredInOrder) {
  start_server();
  const std::string answer =
      say("POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\na"
          "POST /2 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n"
          "Connection: close\r\n\r\nb");
  EXPECT_LT(answer.find("echo:a"), answer.find("echo:b"));
}

TEST_F(HttpAbuseTest, SlowlorisIsBounded) {
  options_.idle_timeout = 400ms;
  start_server();
  const std::string endless_header = "GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(1000, 'x');
  const std::string endless_handshake = std::string("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", 9) + std::string(1000, 'x');
  for (const auto layer : {RawConnection::Layer::tls, RawConnection::Layer::tcp}) {
    RawConnection connection(server_->port(), layer);
    const auto start = std::chrono::steady_clock::now();
    const std::string& drip = layer == RawConnection::Layer::tls ? endless_header : endless_handshake;
    std::size_t sent = 0;
    // One byte every 20 ms until the server has had enough.
    while (sent < drip.size() && !connection.readable_within(20ms)) connection.write(drip.substr(sent++, 1));
    EXPECT_GE(since(start), 350ms);
    EXPECT_LT(since(start), 400ms + 600ms * slowness);
    EXPECT_EQ(connection.read_all(), "");
  }
  expect_healthy();
}

TEST_F(HttpAbuseTest, AClientThatReadsNothingIsDropped) {
  options_.idle_timeout = 400ms;
  start_server();
  RawConnection connection(server_->port(), RawConnection::Layer::tls);
  ASSERT_TRUE(connection.write("GET /hold HTTP/1.1\r\nHost: x\r\n\r\n"));
  ASSERT_TRUE(wait_for_requests(1));
  const auto start = std::chrono::steady_clock::now();
  seen_.get().held.front()({200, std::string(30'000'000, 'x')});  // more than fits into socket buffers
  EXPECT_TRUE(wait_for_disconnects(1));
  EXPECT_GE(since(start), 350ms);
  EXPECT_LT(since(start), 400ms + 600ms * slowness);
  expect_healthy();
}

TEST_F(HttpAbuseTest, ClientsThatSayNothingKeepNoOtherWaiting) {
  start_server();
  std::vector<std::unique_ptr<RawConnection>> mute;
  for (int i = 0; i < 200; ++i)
    mute.push_back(std::make_unique<RawConnection>(server_->port(), RawConnection::Layer::tcp));
  expect_healthy();
}

TEST_F(HttpAbuseTest, AServerThatIsHeldUpSaysHowLateItIs) {
  Watched<std::chrono::milliseconds> lag;
  server_ = std::make_unique<http::Server>(
      options_,
      [](const http::Request&, const http::Responder& respond) {
        std::this_thread::sleep_for(400ms);  // what no handler should do
        respond({});
      },
      http::Server::DisconnectHandler(),
      [&](const http::Strain& strain) { lag.change([&](auto& most) { most = std::max(most, strain.lag); }); });
  ASSERT_TRUE(server_->start());
  http::Client client(endpoint());
  ASSERT_TRUE(client.send(get("/"), 5s));
  EXPECT_TRUE(lag.wait_until([](auto most) { return most >= 250ms; }));
  server_.reset();
}

TEST_F(HttpAbuseTest, OutOfDescriptorsTheServerWaitsWithoutSpinning) {
  start_server();
  const int early = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  {
    const NoDescriptors none;
    const sockaddr_in address = loopback(server_->port());
    ASSERT_EQ(::connect(early, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const std::clock_t start = std::clock();
    EXPECT_FALSE(wait_for_requests(1, 500ms));
    EXPECT_LT(std::clock() - start, CLOCKS_PER_SEC / 5) << "it burnt CPU all the while";
  }
  expect_healthy();
  ::close(early);
}

TEST_F(HttpAbuseTest, RandomBytesAndMutatedRequestsHarmNobody) {
  start_server();
  const unsigned seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  const auto below = [&](std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random);
  };
  const std::vector<std::string> originals = {
      "GET /v1/state?formation=default HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer abc\r\n\r\n",
      "POST /v1/register HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n{\"host\":\"a\"} ",
      "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "GET /hold HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n"};
  for (int i = 0; i < 3000; ++i) {
    const bool tls = i % 3 == 0;
    RawConnection connection(server_->port(), tls ? RawConnection::Layer::tls : RawConnection::Layer::tcp);
    ASSERT_TRUE(connection.good()) << "connection " << i;
    std::string bytes = tls ? originals[below(originals.size())] : std::string(below(300), '\x16');
    const std::size_t mutations = tls ? 1 + below(4) : bytes.size();
    for (std::size_t m = 0; m < mutations && !bytes.empty(); ++m) {
      const auto at = below(bytes.size());
      switch (tls ? below(4) : 0) {
        case 0: bytes[at] = static_cast<char>(below(256)); break;
        case 1: bytes.erase(at, below(10)); break;
        case 2: bytes.insert(at, bytes.substr(below(bytes.size()), below(20))); break;
        default: bytes.resize(at);
      }
    }
    connection.write(bytes);
    if (below(4) == 0) connection.prepare_reset();
    if (i % 500 == 0) expect_healthy();
  }
  expect_healthy();
  const auto connections = [](const Seen& s) {
    std::set<std::uint64_t> ids;
    for (const auto& request : s.requests) ids.insert(request.connection);
    return ids;
  };
  EXPECT_TRUE(seen_.wait_until([&](const Seen& s) { return s.disconnects.size() >= connections(s).size(); }));
  const auto ids = seen_.get().disconnects;
  EXPECT_EQ(std::set(ids.begin(), ids.end()), connections(seen_.get()));
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size()) << "a connection ended twice";
}

// ---- memory: a keeper must stay small

/// Not the resident size: a forked child inherits whatever its parent's heap had touched before.
int heap_kilobytes() {
  const auto info = ::mallinfo2();
  return static_cast<int>((info.uordblks + info.hblkhd) / 1024);
}

TEST_F(HttpAbuseTest, TwoClientsAndTheirConnectionsAreSmall) {
  if (slowness > 1) GTEST_SKIP() << "sanitizers have their own idea of memory";
  int to_child[2];
  int from_child[2];
  ASSERT_EQ(::pipe(to_child), 0);
  ASSERT_EQ(::pipe(from_child), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    int port = 0;
    if (::read(to_child[0], &port, sizeof(port)) != sizeof(port)) ::_exit(1);
    const int before = heap_kilobytes();
    std::vector<http::Client> clients;
    for (int i = 0; i < 2; ++i) clients.emplace_back(http::Endpoint{"127.0.0.1", port, pem_, ""});
    for (int i = 0; i < 200; ++i)
      if (!clients[static_cast<std::size_t>(i % 2)].send(post("/", std::string(3000, 'x')), 5s)) ::_exit(2);
    const int grown = heap_kilobytes() - before;
    ::_exit(::write(from_child[1], &grown, sizeof(grown)) == sizeof(grown) ? 0 : 3);
  }
  start_server();
  const int port = server_->port();
  ASSERT_EQ(::write(to_child[1], &port, sizeof(port)), static_cast<ssize_t>(sizeof(port)));
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  int grown = 0;
  ASSERT_EQ(::read(from_child[0], &grown, sizeof(grown)), static_cast<ssize_t>(sizeof(grown)));
  RecordProperty("kilobytes", grown);
  std::cout << "two clients: " << grown << " kB\n";
  EXPECT_GT(grown, 10);
  EXPECT_LT(grown, 1000);
  for (const int fd : {to_child[0], to_child[1], from_child[0], from_child[1]}) ::close(fd);
}

}  // namespace
}  // namespace autoctl::test
