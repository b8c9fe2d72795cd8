#include "support/flood.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sched.h>
#include <sys/socket.h>

#include <csignal>
#include <deque>
#include <memory>

#include "common/util/descriptor.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

/// For a connection, a handshake, or to send something: then it takes the next.
constexpr timeval patience{1, 0};
constexpr std::size_t body_bytes = 1024 * 1024;
/// The beginning of a TLS record that never ends, and of a header.
const std::string half_a_hello("\x16\x03\x01\x40\x00\x01\x00\x3f\xfc", 9);
const std::string half_a_header = "GET /healthz HTTP/1.1\r\nHost: x\r\nX: ";
const std::string large_request = "POST /v1/formations HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\n";

using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;

class Visitor {
 public:
  bool connect(const lab::ServerAddress& target) {
    socket_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(target.port));
    ::inet_pton(AF_INET, target.host.c_str(), &address.sin_addr);
    return ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  bool shake_hands(SSL_CTX* context) {
    tls_.reset(SSL_new(context));
    SSL_set_fd(tls_.get(), socket_.get());
    const bool done = SSL_connect(tls_.get()) == 1;
    ERR_clear_error();
    if (!done) tls_.reset();
    return done;
  }
  void say(const std::string& bytes) {
    if (tls_) {
      SSL_write(tls_.get(), bytes.data(), static_cast<int>(bytes.size()));
      ERR_clear_error();
    } else {
      (void)::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }

 private:
  Descriptor socket_;
  std::unique_ptr<SSL, decltype(&SSL_free)> tls_{nullptr, SSL_free};
};

}  // namespace

Flood::Flood(FloodOptions options) : options_(std::move(options)) {
  std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): OpenSSL's sockets would raise it
  for (int kind = 0; kind < kinds; ++kind) threads_.emplace_back([this, kind] { run(static_cast<Kind>(kind)); });
}

Flood::~Flood() {
  stopping_ = true;
  for (auto& thread : threads_) thread.join();
}

void Flood::run(Kind kind) {
  if (!options_.network.empty()) {
    const Descriptor network(::open(options_.network.c_str(), O_RDONLY | O_CLOEXEC));
    if (::setns(network.get(), CLONE_NEWNET) != 0) return;  // connections() stays 0
  }
  const Context context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  const bool says_something = kind != Kind::mute && kind != Kind::handshake;
  const bool shakes_hands = kind != Kind::mute && kind != Kind::slow_handshake;
  const std::string large = large_request + std::string(body_bytes, 'x');
  const std::string& words = kind == Kind::slow_handshake ? half_a_hello
                             : kind == Kind::slow_header  ? half_a_header
                                                          : large;
  std::deque<Visitor> held;
  const auto interval = std::chrono::microseconds(1'000'000 * kinds / options_.per_second);
  auto next = Clock::now();
  for (std::size_t turn = 0; !stopping_; ++turn) {
    std::this_thread::sleep_until(next);
    next = std::max(next + interval, Clock::now() - std::chrono::milliseconds(100));  // what was missed is made up for
    Visitor visitor;
    if (!visitor.connect(options_.targets[turn % options_.targets.size()])) continue;
    ++connections_;
    if (shakes_hands && !visitor.shake_hands(context.get())) continue;
    if (shakes_hands) ++handshakes_;
    if (says_something) visitor.say(words);
    held.push_back(std::move(visitor));
    if (held.size() > options_.held) held.pop_front();
    if (kind == Kind::slow_handshake || kind == Kind::slow_header) held[turn * 7 % held.size()].say("x");
  }
}

}  // namespace autoctl::test
