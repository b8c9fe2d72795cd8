// The prober against real sockets.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <condition_variable>
#include <mutex>
#include <set>

#include "common/tls/certificate.h"
#include "monitor/probe/socket_prober.h"
#include "tests/support/scratch.h"
#include "tests/support/stranger.h"

namespace autoctl::monitor {
namespace {

using namespace std::chrono_literals;

/// Listens on loopback; answers like a postmaster, or says nothing.
class Listener {
 public:
  explicit Listener(bool answers) {
    fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    ::bind(fd_, reinterpret_cast<sockaddr*>(&address), length);
    ::listen(fd_, 8);
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    if (answers) thread_ = std::thread([this] { serve(); });
  }
  ~Listener() { close(); }
  void close() {
    if (fd_ < 0) return;
    ::shutdown(fd_, SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    ::close(std::exchange(fd_, -1));
  }
  int port() const { return port_; }

 private:
  void serve() {
    for (int client = 0; (client = ::accept(fd_, nullptr, nullptr)) >= 0; ::close(client)) {
      char request[8];
      if (::recv(client, request, sizeof request, MSG_WAITALL) == sizeof request && request[4] == 0x04)
        ::send(client, "N", 1, MSG_NOSIGNAL);
    }
  }
  int fd_ = -1;
  int port_ = 0;
  std::thread thread_;
};

class ProberTest : public ::testing::Test {
 protected:
  /// The last thing found of a port, once there is something.
  bool finds(ProbedPort port, PortState state, Millis patience = 5s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return found_[static_cast<int>(port)] == state; });
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  PortState found_[2] = {PortState::unknown, PortState::unknown};
  int count_ = 0;
  std::set<NodeId> open_;  // nodes with a port that was seen open
  SocketProber prober{[this](NodeId node, ProbedPort port, PortState state) {
    const std::lock_guard lock(mutex_);
    if (state == PortState::open) open_.insert(node);
    found_[static_cast<int>(port)] = state;
    ++count_;
    changed_.notify_all();
  }};
};

TEST_F(ProberTest, TellsOpenFromRefusedFromSilentAtOnce) {
  Listener postgres(true);
  Listener mute(false);
  const int nobody = test::free_port();
  const auto before = std::chrono::steady_clock::now();
  prober.watch(NodeId{1}, {"127.0.0.1", postgres.port(), nobody});
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::open));
  EXPECT_TRUE(finds(ProbedPort::keeper, PortState::refused));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 200ms);
  prober.watch(NodeId{1}, {"127.0.0.1", mute.port(), mute.port()});
  EXPECT_TRUE(finds(ProbedPort::keeper, PortState::open)) << "a keeper's port need only take the connection";
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::silent)) << "a postmaster must answer";
}

TEST_F(ProberTest, SeesAPortCloseSoonAfterwards) {
  Listener postgres(true);
  prober.watch(NodeId{1}, {"127.0.0.1", postgres.port(), 0});
  ASSERT_TRUE(finds(ProbedPort::postgres, PortState::open));
  postgres.close();
  const auto before = std::chrono::steady_clock::now();
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::refused));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 400ms);
}

TEST_F(ProberTest, ResolvesNamesAndTriesAllTheirAddresses) {
  Listener postgres(true);  // on 127.0.0.1 only; localhost may be ::1 as well
  prober.watch(NodeId{1}, {"localhost", postgres.port(), test::free_port()});
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::open));
  EXPECT_TRUE(finds(ProbedPort::keeper, PortState::refused));
}

/// Who answers at the address of a node whose certificates are known.
class ProberAmongStrangers : public ProberTest {
 protected:
  using Then = test::Manners::Then;
  static Fingerprint fingerprint_of(const tls::KeyPair& pair) {
    return *Fingerprint::parse(tls::inspect_certificate(pair.certificate_pem)->sha256);
  }
  ProbeTarget node(int postgres, int keeper) const { return {"127.0.0.1", postgres, keeper, {known, known}}; }

  const tls::KeyPair ours = *tls::make_self_signed({"node"});
  const tls::KeyPair foreign = *tls::make_self_signed({"node"});
  const std::vector<Fingerprint> known{fingerprint_of(ours)};
};

TEST_F(ProberAmongStrangers, TellsTheNodeFromTheOthersAtOnce) {
  const test::Stranger postgres({.answer = "S", .pair = &ours}), keeper({.waits_for_request = false, .pair = &ours});
  const test::Stranger without_tls({.answer = "N"}), other_keeper({.waits_for_request = false, .pair = &foreign});
  const test::Stranger with_another({.answer = "S", .pair = &foreign}), mail({.answer = "220 mail\r\n"});
  prober.watch(NodeId{1}, node(postgres.port(), keeper.port()));
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::open));
  EXPECT_TRUE(finds(ProbedPort::keeper, PortState::open));
  const auto before = std::chrono::steady_clock::now();
  prober.watch(NodeId{1}, node(without_tls.port(), other_keeper.port()));
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::stranger));
  EXPECT_TRUE(finds(ProbedPort::keeper, PortState::stranger));
  prober.watch(NodeId{1}, node(postgres.port(), 0));
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::open));
  prober.watch(NodeId{1}, node(with_another.port(), 0));
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::stranger));
  prober.watch(NodeId{1}, node(postgres.port(), 0));
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::open));
  prober.watch(NodeId{1}, {"127.0.0.1", mail.port(), 0, {}});
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::stranger)) << "no certificate is needed to tell that";
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s);
}

/// A proxy whose server is gone takes every connection and breaks it off.
TEST_F(ProberAmongStrangers, WhoDoesNothingButBreakOffIsNone) {
  const test::Stranger proxy({});
  const auto before = std::chrono::steady_clock::now();
  prober.watch(NodeId{1}, {"127.0.0.1", proxy.port(), 0, {}});
  EXPECT_TRUE(finds(ProbedPort::postgres, PortState::stranger));
  const auto passed = std::chrono::steady_clock::now() - before;
  EXPECT_GE(passed, 1s);
  EXPECT_LT(passed, 2s);
}

/// However many strangers do whatever they like: another node's port is found open in no time.
TEST_F(ProberAmongStrangers, StrangersHoldNothingUp) {
  const test::Stranger postgres({.answer = "S", .pair = &ours});
  std::vector<std::unique_ptr<test::Stranger>> strangers;
  for (const Then then : {Then::stays, Then::drips, Then::floods, Then::closes, Then::resets})
    strangers.push_back(std::make_unique<test::Stranger>(test::Manners{.answer = "S", .then = then}));
  int id = 1;
  for (int i = 0; i < 4; ++i)
    for (const auto& stranger : strangers) prober.watch(NodeId{++id}, node(stranger->port(), 0));
  for (int i = 0; i < 5; ++i) {
    const NodeId one{++id};
    const auto before = std::chrono::steady_clock::now();
    prober.watch(one, node(postgres.port(), 0));
    EXPECT_TRUE(test::eventually([&] {
      const std::lock_guard lock(mutex_);
      return open_.contains(one);
    }));
    EXPECT_LT(std::chrono::steady_clock::now() - before, 500ms);
  }
  for (; id > 0; --id) prober.unwatch(NodeId{id});
}

TEST_F(ProberTest, StopsWhenNobodyAsksAnyMore) {
  const int nobody = test::free_port();
  prober.watch(NodeId{1}, {"127.0.0.1", nobody, 0});
  ASSERT_TRUE(finds(ProbedPort::postgres, PortState::refused));
  prober.unwatch(NodeId{1});
  std::unique_lock lock(mutex_);
  const int before = count_;
  EXPECT_FALSE(changed_.wait_for(lock, 600ms, [&] { return count_ > before + 1; }));
}

/// Thousands that are silent at once cost no more than some, and the engine never waits for them.
TEST_F(ProberTest, ManyAreTriedAtABoundedRateAndTheNewestFirst) {
  const int nobody = test::free_port();
  constexpr int many = 3'000;
  Millis longest{0};
  const auto begin = std::chrono::steady_clock::now();
  for (int id = 1; id <= many; ++id) {
    const auto before = std::chrono::steady_clock::now();
    prober.watch(NodeId{id}, {"127.0.0.1", nobody, nobody});
    longest = std::max(longest, std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - before));
  }
  const auto count = [this] {
    const std::lock_guard lock(mutex_);
    return count_;
  };
  ASSERT_TRUE(test::eventually([&] { return count() >= 2 * many; })) << "each of both ports once";
  EXPECT_LT(longest, 50ms);
  const auto passed = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_LE(count(), 100 + static_cast<int>(2'100 * passed));
  Listener postgres(true);
  const auto before = std::chrono::steady_clock::now();
  prober.watch(NodeId{many + 1}, {"127.0.0.1", postgres.port(), 0});
  EXPECT_TRUE(test::eventually([&] {
    const std::lock_guard lock(mutex_);
    return open_.contains(NodeId{many + 1});
  }));
  EXPECT_LT(std::chrono::steady_clock::now() - before, 500ms);
  for (int id = 1; id <= many + 1; ++id) prober.unwatch(NodeId{id});
}

}  // namespace
}  // namespace autoctl::monitor
