// One verdict for one answer: the attempt that the monitor's prober drives, and the call that keepers and the CLI make.
#include "common/postgres/port_probe.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>

#include <thread>

#include "tests/support/scratch.h"
#include "tests/support/stranger.h"

namespace autoctl::postgres {
namespace {

using namespace std::chrono_literals;

enum class Behaviour { answers, says_nothing, closes, resets };

/// Listens on loopback and does the same to every connection.
class PortListener {
 public:
  PortListener(Behaviour behaviour, char byte = 0) : behaviour_(behaviour), byte_(byte) {
    fd_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    SocketAddress address = resolve("127.0.0.1").value().front();
    ::bind(fd_.get(), address.data(), address.length);
    ::listen(fd_.get(), 8);
    ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.length);
    port_ = ntohs(reinterpret_cast<const sockaddr_in*>(address.data())->sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~PortListener() {
    ::shutdown(fd_.get(), SHUT_RDWR);
    thread_.join();
  }
  int port() const { return port_; }

 private:
  void serve() {
    std::vector<Descriptor> kept;
    for (;;) {
      Descriptor client(::accept(fd_.get(), nullptr, nullptr));
      if (!client.valid()) return;
      std::array<unsigned char, ssl_request.size()> request{};
      ::recv(client.get(), request.data(), request.size(), MSG_WAITALL);
      EXPECT_EQ(request, ssl_request);
      const linger at_once{1, 0};
      if (behaviour_ == Behaviour::resets) ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      if (behaviour_ == Behaviour::answers) ::send(client.get(), &byte_, 1, MSG_NOSIGNAL);
      if (behaviour_ == Behaviour::says_nothing) kept.push_back(std::move(client));
    }
  }
  Behaviour behaviour_;
  char byte_;
  Descriptor fd_;
  int port_ = 0;
  std::thread thread_;
};

std::optional<PortState> verdict_of_one_attempt(int port, Millis patience, std::vector<Fingerprint> certificates = {},
                                                Expect expect = Expect::postmaster) {
  PortProbe probe(expect, resolve("127.0.0.1", {.port = port}).value(), patience, std::move(certificates));
  probe.start(std::chrono::steady_clock::now());
  while (!probe.done()) {
    pollfd socket{probe.fd(), probe.events(), 0};
    const auto left = std::chrono::ceil<Millis>(probe.deadline() - std::chrono::steady_clock::now()).count();
    ::poll(&socket, 1, static_cast<int>(std::max<long>(left, 0)));
    probe.advance(std::chrono::steady_clock::now());
  }
  return probe.result();
}

TEST(PortProbe, BothCallersGiveOneVerdictForOneAnswer) {
  struct {
    Behaviour behaviour;
    char byte;
    std::optional<PortState> attempt;
    PortState call;  // an attempt that was broken off is made again until time is over
  } const table[] = {
      {Behaviour::answers, 'S', PortState::open, PortState::open},
      {Behaviour::answers, 'N', PortState::open, PortState::open},
      {Behaviour::answers, 'E', PortState::open, PortState::open},
      {Behaviour::answers, 'H', PortState::stranger, PortState::stranger},
      {Behaviour::says_nothing, 0, PortState::silent, PortState::silent},
      {Behaviour::closes, 0, std::nullopt, PortState::silent},
      {Behaviour::resets, 0, std::nullopt, PortState::silent},
  };
  for (std::size_t i = 0; i < std::size(table); ++i) {
    const PortListener server(table[i].behaviour, table[i].byte);
    EXPECT_EQ(verdict_of_one_attempt(server.port(), 200ms), table[i].attempt) << "row " << i;
    EXPECT_EQ(probe_postgres("127.0.0.1", server.port(), 200ms), table[i].call) << "row " << i;
  }
  const int closed = test::free_port();
  EXPECT_EQ(verdict_of_one_attempt(closed, 200ms), PortState::refused);
  EXPECT_EQ(probe_postgres("127.0.0.1", closed, 200ms), PortState::refused);
}

Fingerprint fingerprint_of(const tls::KeyPair& pair) {
  return Fingerprint::parse(tls::inspect_certificate(pair.certificate_pem).value().sha256).value();
}

/// A node whose certificates are known is told from whoever else answers at its address.
class KnownNode : public testing::Test {
 protected:
  using Then = test::Manners::Then;

  std::optional<PortState> verdict(const test::Manners& manners, Expect expect = Expect::postmaster) const {
    const test::Stranger server(manners);
    return verdict_of_one_attempt(server.port(), 300ms, known_, expect);
  }

  const tls::KeyPair ours_ = tls::make_self_signed({"node"}).value();
  const tls::KeyPair next_ = tls::make_self_signed({"node"}).value();
  const tls::KeyPair foreign_ = tls::make_self_signed({"node"}).value();
  const std::vector<Fingerprint> known_ = {fingerprint_of(ours_), fingerprint_of(next_)};
};

TEST_F(KnownNode, IsOpenWithAnyOfItsCertificates) {
  EXPECT_EQ(verdict({.answer = "S", .pair = &ours_}), PortState::open);
  EXPECT_EQ(verdict({.answer = "S", .pair = &next_}), PortState::open) << "it was replaced, and is in force now";
  EXPECT_EQ(verdict({.waits_for_request = false, .pair = &ours_}, Expect::keeper), PortState::open);
}

TEST_F(KnownNode, IsNotWhoShowsAnotherCertificateOrNone) {
  EXPECT_EQ(verdict({.answer = "S", .pair = &foreign_}), PortState::stranger);
  EXPECT_EQ(verdict({.answer = "N"}), PortState::stranger);
  EXPECT_EQ(verdict({.answer = "N", .then = Then::stays}), PortState::stranger);
  EXPECT_EQ(verdict({.answer = "SSH-2.0-OpenSSH_9.2\r\n"}), PortState::stranger);
  EXPECT_EQ(verdict({.answer = "Sorry, what?"}), PortState::stranger) << "this is no handshake";
  EXPECT_EQ(verdict({.waits_for_request = false, .pair = &foreign_}, Expect::keeper), PortState::stranger);
  EXPECT_EQ(verdict({.waits_for_request = false, .answer = "220 mail\r\n"}, Expect::keeper), PortState::stranger);
}

/// To show a certificate is not enough: it takes its key.
TEST_F(KnownNode, IsNotWhoCopiesItsCertificate) {
  const tls::KeyPair copied{ours_.certificate_pem, foreign_.key_pem};
  EXPECT_NE(verdict({.answer = "S", .pair = &copied}), PortState::open);
}

TEST_F(KnownNode, IsNotJudgedByWhoProvesNothing) {
  EXPECT_EQ(verdict({.answer = "S"}), std::nullopt) << "it may be ending";
  EXPECT_EQ(verdict({.answer = "S", .then = Then::resets}), std::nullopt);
  EXPECT_EQ(verdict({.answer = "E"}), std::nullopt) << "anybody can be too busy";
  EXPECT_EQ(verdict({.answer = "S", .then = Then::stays}), PortState::silent);
  EXPECT_EQ(verdict({.then = Then::stays}), PortState::silent);
  EXPECT_EQ(verdict({.waits_for_request = false, .then = Then::stays}, Expect::keeper), PortState::open)
      << "a frozen keeper's kernel takes connections";
  EXPECT_EQ(verdict({.waits_for_request = false}, Expect::keeper), PortState::open)
      << "a keeper breaks off where strangers crowd its port";
}

/// Slow bytes gain no time, and a flood takes none.
TEST_F(KnownNode, NobodyTakesMoreTimeThanThereIs) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(verdict({.answer = "S", .then = Then::drips}), PortState::silent);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 600ms);
  const test::Stranger server({.answer = "S", .then = Then::floods});
  PortProbe probe(Expect::postmaster, resolve("127.0.0.1", {.port = server.port()}).value(), 2s, known_);
  probe.start(std::chrono::steady_clock::now());
  std::chrono::steady_clock::duration longest{0};
  while (!probe.done()) {
    pollfd socket{probe.fd(), probe.events(), 0};
    ::poll(&socket, 1, 20);
    const auto before = std::chrono::steady_clock::now();
    probe.advance(before);
    longest = std::max(longest, std::chrono::steady_clock::now() - before);
  }
  EXPECT_EQ(probe.result(), PortState::stranger);
  EXPECT_LT(longest, 50ms);
}

TEST_F(KnownNode, ShowsItsCertificateToWhoWantsToLearnIt) {
  const auto learnt = [](const test::Manners& manners) {
    const test::Stranger server(manners);
    return certificate_of_postgres(resolve("127.0.0.1", {.port = server.port()}).value(), 300ms);
  };
  EXPECT_EQ(learnt({.answer = "S", .pair = &ours_}), std::vector{fingerprint_of(ours_)});
  EXPECT_EQ(learnt({.answer = "N"}), std::vector<Fingerprint>{}) << "it has none, and says so";
  EXPECT_EQ(learnt({.answer = "S"}), std::nullopt);
  EXPECT_EQ(learnt({.answer = "E"}), std::nullopt);
  EXPECT_EQ(learnt({.then = Then::stays}), std::nullopt);
}

/// No descriptor is left in this process.
class NoDescriptors {
 public:
  NoDescriptors() {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit none = before_;
    none.rlim_cur = 0;
    ::setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// Our own lack says nothing about the other side.
TEST(PortProbe, ALocalFailureIsNoEvidence) {
  const PortListener server(Behaviour::answers, 'S');
  const auto there = resolve("127.0.0.1", {.port = server.port()}).value();
  const auto nobody = resolve("127.0.0.1", {.port = test::free_port()}).value();
  {
    const NoDescriptors lack;
    for (const auto& addresses : {there, nobody}) {
      PortProbe probe(Expect::postmaster, addresses, 200ms);
      probe.start(std::chrono::steady_clock::now());
      EXPECT_TRUE(probe.done());
      EXPECT_EQ(probe.result(), std::nullopt);
      EXPECT_FALSE(probe.was_broken_off());
      EXPECT_EQ(probe_postgres(addresses, 50ms), PortState::unknown);
    }
  }
  const PortListener another(Behaviour::answers, 'S');  // the first one had no descriptor to accept with either
  EXPECT_EQ(probe_postgres("127.0.0.1", another.port(), 200ms), PortState::open);
}

}  // namespace
}  // namespace autoctl::postgres
