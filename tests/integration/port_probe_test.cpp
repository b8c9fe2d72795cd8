// One verdict for one answer: the attempt that the monitor's prober drives, and the call that keepers and the CLI make.
#include "common/postgres/port_probe.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>

#include <thread>

#include "tests/support/scratch.h"

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

std::optional<PortState> verdict_of_one_attempt(int port, Millis patience) {
  PortProbe probe(Expect::postmaster, resolve("127.0.0.1", {.port = port}).value(), patience);
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
      {Behaviour::answers, 'H', PortState::silent, PortState::silent},
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

}  // namespace
}  // namespace autoctl::postgres
