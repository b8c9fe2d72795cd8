// Strangers at a server's port: whoever has shown no credential uses up what strangers have, and nothing of the others'.
#include <gmock/gmock.h>

#include <iostream>
#include <thread>

#include "common/http/session.h"
#include "common/protocol/protocol.h"
#include "http_fixture.h"
#include "no_descriptors.h"
#include "raw_socket.h"

namespace autoctl::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using Layer = RawConnection::Layer;

constexpr const char* strangers_address = "127.0.0.2";
constexpr const char* members_address = "127.0.0.3";
constexpr std::size_t small_body = 1'000;
/// The beginning of a TLS record that never ends.
const std::string half_a_hello("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", 9);

/// `Bearer member…` is good. Without it only /open is, and /small with a small body.
class HttpStrangers : public HttpTest {
 protected:
  HttpStrangers() {
    options_.connections_max = 512;
    options_.strangers_max = 128;
  }

  void start() {
    server_ = std::make_unique<http::Server>(
        options_,
        [this](http::Request request, http::Responder respond) { handle(std::move(request), std::move(respond)); },
        [this](std::uint64_t connection) { seen_.change([&](Seen& s) { s.disconnects.push_back(connection); }); },
        [this](const http::Strain& strain) {
          strain_.change([&](http::Strain& all) {
            all.turned_away += strain.turned_away;
            all.strangers_closed += strain.strangers_closed;
          });
        },
        judge);
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  static http::Standing judge(const http::Request& header) {
    if (header.bearer.starts_with("member")) return {.credential = header.bearer, .body_bytes_max = 1'000'000};
    if (header.path == "/open") return {};
    if (header.path == "/small") return {.body_bytes_max = small_body};
    return {.refusal = http::Response{401, protocol::encode_error({Errc::denied, "a credential is needed", ""})}};
  }

  std::unique_ptr<RawConnection> connect(Layer layer, const char* from) const {
    return std::make_unique<RawConnection>(server_->port(), layer, from);
  }
  static std::string header(const std::string& method_and_path, const std::string& more = "") {
    return method_and_path + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n";
  }
  /// Says these bytes over TLS; all that comes back until the server closes.
  std::string say(const std::string& bytes) const {
    const auto connection = connect(Layer::tls, strangers_address);
    EXPECT_TRUE(connection->good());
    connection->write(bytes);
    return connection->read_all();
  }
  /// As a load balancer asks: a new connection each time, no credential. True if it was answered soon.
  bool probe() const {
    const auto begin = std::chrono::steady_clock::now();
    const auto answer = http::Client(endpoint()).send(get("/open"), 5s * slowness);
    slowest_probe_ = std::max(slowest_probe_, since(begin));
    return answer && answer->status == 200;
  }
  void expect_probes_answered() const {
    int answered = 0;
    for (int i = 0; i < 12; ++i) answered += probe() ? 1 : 0;
    EXPECT_EQ(answered, 12);
    std::cout << "slowest probe: " << slowest_probe_.count() << " ms\n";
  }
  void expect_much_is_read() const {
    auto where = endpoint();
    where.bearer = "member";
    const auto answer = http::Client(where).send(post("/closed", std::string(900'000, 'x')), 10s);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, 200);
  }
  /// A keeper's connection: it has shown its credential, and waits for an answer.
  std::unique_ptr<RawConnection> hold(const std::string& credential) {
    auto connection = connect(Layer::tls, members_address);
    const auto requests = seen_.get().requests.size();
    connection->write(header("GET /hold", "Authorization: Bearer " + credential + "\r\n"));
    EXPECT_TRUE(wait_for_requests(requests + 1));
    return connection;
  }

  Watched<http::Strain> strain_;
  mutable std::chrono::milliseconds slowest_probe_{0};
};

// ---- bodies

TEST_F(HttpStrangers, TheirBodiesAreNotReadBeforeTheCredential) {
  start();
  for (const char* more : {"Content-Length: 900000\r\n", "Transfer-Encoding: chunked\r\n",
                           "Content-Length: 900000\r\nAuthorization: Bearer guess\r\n"}) {
    const auto begin = std::chrono::steady_clock::now();
    const std::string answer = say(header("POST /closed", more));  // the body never comes
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 401 ")) << more;
    EXPECT_THAT(answer, HasSubstr("Connection: close")) << more;
    EXPECT_LT(since(begin), 2s * slowness) << more;
  }
  EXPECT_TRUE(seen_.get().requests.empty());
}

TEST_F(HttpStrangers, MayBringLittleAndOnlyWhereAnythingIsExpected) {
  start();
  const auto length = [](std::size_t bytes) { return "Content-Length: " + std::to_string(bytes) + "\r\n"; };
  EXPECT_THAT(say(header("POST /small", length(small_body + 1))), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(say(header("POST /small", "Transfer-Encoding: chunked\r\n") + "7d0\r\n" + std::string(2000, 'x')),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(say(header("GET /open", length(1)) + "x"), StartsWith("HTTP/1.1 413 "));
  EXPECT_TRUE(seen_.get().requests.empty());
  EXPECT_THAT(say(header("POST /small", length(small_body) + "Connection: close\r\n") + std::string(small_body, 'x')),
              HasSubstr("echo:xxx"));
}

TEST_F(HttpStrangers, MembersMayBringMuch) {
  start();
  expect_much_is_read();
}

TEST_F(HttpStrangers, OfLargeBodiesOnlySomeAreReadAtOnce) {
  options_.known_addresses = {members_address};  // so that the last one need not wait until the first was recognized
  start();
  std::vector<std::unique_ptr<RawConnection>> senders;
  const auto begin_one = [&] {
    senders.push_back(connect(Layer::tls, members_address));
    senders.back()->write(header("POST /closed", "Authorization: Bearer member\r\nContent-Length: 900000\r\n"));
  };
  for (int i = 0; i < 33; ++i) begin_one();
  const auto answered = [&] {
    return std::ranges::find_if(senders, [](const auto& s) { return s->readable_within(0ms); });
  };
  const auto deadline = std::chrono::steady_clock::now() + 10s;
  while (answered() == senders.end() && std::chrono::steady_clock::now() < deadline) senders[0]->readable_within(10ms);
  ASSERT_NE(answered(), senders.end()) << "all of them are read";
  const std::string answer = (*answered())->read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("Retry-After: "));
  senders.clear();
  expect_much_is_read();
}

// ---- connections

struct Kind {
  const char* name;
  Layer layer;
  std::string says;
};
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.name;
}

class Floods : public HttpStrangers, public testing::WithParamInterface<Kind> {
 protected:
  /// So many more connections of the kind, from several addresses; those that the server closed are kept, too.
  void flood(int count) {
    for (int i = 0; i < count; ++i) {
      const std::string from = "127.0.1." + std::to_string(1 + i % addresses);
      crowd_.push_back(connect(GetParam().layer, from.c_str()));
      crowd_.back()->write(GetParam().says);
    }
  }

  static std::ptrdiff_t members_that_left(const Seen& seen) {
    return std::ranges::count_if(seen.requests, [&](const http::Request& r) {
      return !r.bearer.empty() && std::ranges::count(seen.disconnects, r.connection) > 0;
    });
  }

  static constexpr int addresses = 8;  // together they may have more than all strangers have

  std::vector<std::unique_ptr<RawConnection>> crowd_;
};

TEST_P(Floods, KeepNoProbeFromItsAnswer) {
  start();
  for (const int more : {64, 936}) {
    flood(more);
    expect_probes_answered();
  }
}

TEST_P(Floods, CloseNoMembersConnectionAndKeepNoneFromComingBack) {
  start();
  auto first = hold("member 1"), second = hold("member 2");
  flood(700);
  EXPECT_EQ(members_that_left(seen_.get()), 0);
  second.reset();
  ASSERT_TRUE(seen_.wait_until([](const Seen& s) { return members_that_left(s) == 1; }));
  second = hold("member 2");
  flood(200);
  for (const auto& respond : seen_.get().held) respond({200, "now"});
  EXPECT_THAT(first->read_some(), HasSubstr("200"));
  EXPECT_THAT(second->read_some(), HasSubstr("200"));
  EXPECT_EQ(members_that_left(seen_.get()), 1);
  EXPECT_EQ(strain_.get().turned_away, 0U) << "a flood of strangers is no reason to think that nodes were not heard";
}

INSTANTIATE_TEST_SUITE_P(
    Http, Floods,
    testing::Values(Kind{"mute", Layer::tcp, ""}, Kind{"slow_handshakes", Layer::tcp, half_a_hello},
                    Kind{"handshakes", Layer::tls, ""}, Kind{"slow_headers", Layer::tls, "GET /open HTTP/1.1\r\nX: "},
                    Kind{"checks_that_stay", Layer::tls, "GET /open HTTP/1.1\r\nHost: x\r\n\r\n"},
                    Kind{"bodies", Layer::tls, "POST /small HTTP/1.1\r\nHost: x\r\nContent-Length: 999\r\n\r\n"}),
    [](const auto& kind) { return kind.param.name; });

TEST_F(HttpStrangers, IdleOnesKeepNoProbeOfTheSameAddressFromItsAnswer) {
  start();
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (const int more : {64, 936}) {
    for (int i = 0; i < more; ++i) idle.push_back(connect(Layer::tcp, "127.0.0.1"));
    expect_probes_answered();
  }
}

TEST_F(HttpStrangers, AreCountedApartFromThoseThatAreMissed) {
  options_.connections_max = 16;
  options_.known_addresses = {members_address};
  start();
  std::vector<std::unique_ptr<RawConnection>> crowd;
  for (int i = 0; i < 10; ++i) crowd.push_back(connect(Layer::tcp, strangers_address));
  EXPECT_TRUE(strain_.wait_until([](const http::Strain& s) { return s.strangers_closed >= 6; }));
  EXPECT_EQ(strain_.get().turned_away, 0U);
  for (int i = 0; i < 10; ++i) {
    crowd.push_back(connect(Layer::tls, members_address));
    EXPECT_EQ(crowd.back()->good(), i < 4) << i;
  }
  EXPECT_TRUE(strain_.wait_until([](const http::Strain& s) { return s.turned_away == 6; }));
}

TEST_F(HttpStrangers, OneForWhomThereIsNoTurnIsToldSoon) {
  options_.stranger_handshakes_per_second = 0;
  options_.handshake_wait_max = 300ms;
  start();
  const auto begin = std::chrono::steady_clock::now();
  const auto answer = http::Client(endpoint()).send(get("/open"), 5s);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Errc::unavailable);
  EXPECT_LT(since(begin), 1s * slowness);
  EXPECT_TRUE(strain_.wait_until([](const http::Strain& s) { return s.strangers_closed == 1; }));
}

TEST_F(HttpStrangers, OneCredentialHasNoMoreThanItsPart) {
  options_.connections_max = 4;  // two of them for members
  start();
  const auto a = hold("member 1"), b = hold("member 1");
  const auto third = connect(Layer::tls, members_address);
  third->write(header("GET /hold", "Authorization: Bearer member 1\r\n"));
  EXPECT_THAT(third->read_some(), StartsWith("HTTP/1.1 503 "));
  EXPECT_TRUE(seen_.get().disconnects.empty());
}

TEST(HttpPlaces, AnAddressHasOneSpellingAndAnIpv6NetworkIsOnePlace) {
  const auto parse = [](const char* text) { return boost::asio::ip::make_address(text); };
  EXPECT_EQ(http::text_of(parse("::ffff:10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(http::network_of(parse("::ffff:10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(http::network_of(parse("10.0.0.1")), "10.0.0.1");
  EXPECT_EQ(http::network_of(parse("2001:db8:1:2:3:4:5:6")), "2001:db8:1:2::/64");
}

// ---- time

TEST_F(HttpStrangers, HaveOneDeadlineHoweverSlowlyTheyDrip) {
  options_.stranger_timeout = 500ms;
  start();
  const std::string half_a_header = "GET /open HTTP/1.1\r\nHost: x\r\nX: ";
  const std::string whole_header = header("POST /small", "Content-Length: 900\r\n");
  for (const auto& [layer, begins] : {std::pair(Layer::tls, half_a_header), std::pair(Layer::tls, whole_header),
                                      std::pair(Layer::tcp, half_a_hello)}) {
    const auto connection = connect(layer, strangers_address);
    const auto begin = std::chrono::steady_clock::now();
    connection->write(begins);
    for (int i = 0; i < 200 && !connection->readable_within(10ms); ++i) connection->write("x");
    EXPECT_GE(since(begin), 400ms);
    EXPECT_LT(since(begin), 500ms + 600ms * slowness);
    EXPECT_EQ(connection->read_all(), "");
  }
}

TEST_F(HttpStrangers, MembersMayRest) {
  options_.stranger_timeout = 200ms;
  start();
  auto where = endpoint();
  where.bearer = "member";
  http::Client client(where);
  ASSERT_TRUE(client.send(get("/"), 5s));
  EXPECT_FALSE(wait_for_disconnects(1, 600ms));
  ASSERT_TRUE(client.send(get("/"), 5s));
  EXPECT_EQ(seen_.get().requests[0].connection, seen_.get().requests[1].connection);
}

// ---- descriptors

TEST_F(HttpStrangers, MakeRoomWhereDescriptorsRunOut) {
  start();
  std::vector<std::unique_ptr<RawConnection>> idle;
  for (int i = 0; i < 5; ++i) idle.push_back(connect(Layer::tcp, strangers_address));
  ASSERT_TRUE(probe());  // all of them were accepted before it
  const int early = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  {
    const NoDescriptors none;
    const sockaddr_in address = loopback(server_->port());
    ASSERT_EQ(::connect(early, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_TRUE(idle.front()->readable_within(5s)) << "nobody made room for it";
  }
  ::close(early);
  EXPECT_TRUE(probe());
}

}  // namespace
}  // namespace autoctl::test
