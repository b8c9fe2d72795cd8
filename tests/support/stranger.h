// A server that is not the one that is looked for, at its port: it begins to answer as Postgres does, or does worse.
#pragma once

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "common/tls/certificate.h"
#include "common/util/descriptor.h"
#include "tests/support/scratch.h"

namespace autoctl::test {

/// To each connection the same.
struct Manners {
  enum class Then { closes, resets, stays, drips, floods };
  bool waits_for_request = true;       // else it begins at once, as a keeper's port does
  std::string answer = {};             // what it sends first
  const tls::KeyPair* pair = nullptr;  // then it shakes hands with this; must outlive the server
  Then then = Then::closes;            // drips: a byte now and then that looks like TLS; floods: the same without end
};

class Stranger {
 public:
  /// Takes the port, 0 being any, as soon as it is free. port() is 0 when it has not become free in time.
  explicit Stranger(Manners manners, int port = 0) : manners_(std::move(manners)) {
    if (!eventually([&] { return take(port); })) return;
    thread_ = std::thread([this] { serve(); });
  }
  ~Stranger() {
    stopping_ = true;
    if (fd_.valid()) ::shutdown(fd_.get(), SHUT_RDWR);
    if (thread_.joinable()) thread_.join();
    for (auto& client : clients_) client.join();
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  int port() const { return port_; }
  int connections() const { return connections_; }

 private:
  bool take(int port) {
    Descriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket.get(), any, length) != 0 || ::listen(socket.get(), 64) != 0) return false;
    ::getsockname(socket.get(), any, &length);
    port_ = ntohs(address.sin_port);
    fd_ = std::move(socket);
    return true;
  }

  void serve() {
    for (int client = 0; (client = ::accept4(fd_.get(), nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
      ++connections_;
      clients_.emplace_back([this, client] { talk(Descriptor(client)); });
    }
  }

  bool readable(const Descriptor& client, int patience) const {
    pollfd socket{client.get(), POLLIN, 0};
    return ::poll(&socket, 1, patience) > 0;
  }

  void talk(const Descriptor& client) {
    sigset_t broken_pipe;
    ::sigemptyset(&broken_pipe);
    ::sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    char request[8];
    while (manners_.waits_for_request && !stopping_ && !readable(client, 20)) {
    }
    if (manners_.waits_for_request && ::recv(client.get(), request, sizeof request, MSG_WAITALL) <= 0) return;
    ::send(client.get(), manners_.answer.data(), manners_.answer.size(), MSG_NOSIGNAL);
    if (manners_.pair != nullptr) shake_hands(client);
    const linger at_once{1, 0};
    switch (manners_.then) {
      case Manners::Then::closes: return;
      case Manners::Then::resets: ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once); return;
      case Manners::Then::stays:
        while (!stopping_ && !gone(client)) {
        }
        return;
      case Manners::Then::drips:
      case Manners::Then::floods: return say_hello(client, manners_.then == Manners::Then::floods);
    }
  }

  /// Reads what comes; true when the other side has ended.
  bool gone(const Descriptor& client) const {
    char bytes[4096];
    return readable(client, 20) && ::recv(client.get(), bytes, sizeof bytes, MSG_DONTWAIT) <= 0;
  }

  /// HelloRequests: a client in the middle of a handshake skips each of them and reads on.
  void say_hello(const Descriptor& client, bool all_at_once) const {
    static constexpr std::string_view hello("\x16\x03\x03\x00\x04\x00\x00\x00\x00", 9);
    std::string text;
    while (text.size() < 64'000) text += hello;
    for (std::size_t at = 0; !stopping_; at = (at + 1) % hello.size()) {
      const std::size_t size = all_at_once ? text.size() : 1;
      if (::send(client.get(), text.data() + (all_at_once ? 0 : at), size, MSG_NOSIGNAL) < 0) return;
      if (!all_at_once && gone(client)) return;
    }
  }

  void shake_hands(const Descriptor& client) const {
    const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context(::SSL_CTX_new(TLS_server_method()),
                                                                      &::SSL_CTX_free);
    const std::unique_ptr<BIO, decltype(&::BIO_free_all)> certificate_text(
        ::BIO_new_mem_buf(manners_.pair->certificate_pem.data(), -1), &::BIO_free_all);
    const std::unique_ptr<BIO, decltype(&::BIO_free_all)> key_text(::BIO_new_mem_buf(manners_.pair->key_pem.data(), -1),
                                                                   &::BIO_free_all);
    X509* certificate = ::PEM_read_bio_X509(certificate_text.get(), nullptr, nullptr, nullptr);
    EVP_PKEY* key = ::PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, nullptr);
    ::SSL_CTX_use_certificate(context.get(), certificate);
    ::SSL_CTX_use_PrivateKey(context.get(), key);
    ::X509_free(certificate);
    ::EVP_PKEY_free(key);
    SSL* const session = ::SSL_new(context.get());
    ::SSL_set_fd(session, client.get());
    ::SSL_accept(session);
    ::SSL_free(session);
  }

  const Manners manners_;
  Descriptor fd_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> clients_;
  std::thread thread_;
};

}  // namespace autoctl::test
