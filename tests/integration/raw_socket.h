// The other side of an HTTP test when it must misbehave: blocking sockets, with or without TLS, that say exactly what
// they are told to. Errors show as short reads.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>

namespace autoctl::test {

inline sockaddr_in loopback(int port, const char* host = "127.0.0.1") {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  ::inet_pton(AF_INET, host, &address.sin_addr);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

class RawConnection {
 public:
  enum class Layer { tcp, tls };

  /// To a port on 127.0.0.1, from an address of loopback; check good().
  RawConnection(int port, Layer layer, const char* from = "127.0.0.1")
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in address = loopback(port);
    const sockaddr_in own = loopback(0, from);
    set_timeouts();
    good_ = ::bind(fd_, reinterpret_cast<const sockaddr*>(&own), sizeof(own)) == 0;
    if (!good_) return;
    good_ = ::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
    if (!good_ || layer == Layer::tcp) return;
    const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
    ssl_.reset(SSL_new(context.get()));
    SSL_set_fd(ssl_.get(), fd_);
    good_ = SSL_connect(ssl_.get()) == 1;
  }
  /// Takes over an accepted socket and plays the TLS server on it.
  RawConnection(int fd, SSL_CTX* server) : fd_(fd), ssl_(SSL_new(server), SSL_free) {
    set_timeouts();
    SSL_set_fd(ssl_.get(), fd_);
    good_ = SSL_accept(ssl_.get()) == 1;
  }
  ~RawConnection() {
    ERR_clear_error();
    ::close(fd_);
  }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  bool good() const { return good_; }
  bool write(const std::string& bytes) {
    const auto size = static_cast<int>(bytes.size());
    if (ssl_) return size == 0 || SSL_write(ssl_.get(), bytes.data(), size) == size;
    return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL) == size;
  }
  /// "" at the end, on an error, or when nothing came for ten seconds.
  std::string read_some() {
    std::array<char, 4096> buffer{};
    const auto size = static_cast<int>(buffer.size());
    const auto count = ssl_ ? SSL_read(ssl_.get(), buffer.data(), size)
                            : static_cast<int>(::recv(fd_, buffer.data(), buffer.size(), 0));
    return {buffer.data(), static_cast<std::size_t>(std::max(count, 0))};
  }
  /// Everything until the other side closes.
  std::string read_all() {
    std::string all;
    for (std::string part = read_some(); !part.empty(); part = read_some()) all += part;
    return all;
  }
  /// Has the other side said anything, its end included?
  bool readable_within(std::chrono::milliseconds patience) const {
    pollfd waiting{fd_, POLLIN, 0};
    return ::poll(&waiting, 1, static_cast<int>(patience.count())) > 0;
  }
  int fd() const { return fd_; }
  void half_close() { ::shutdown(fd_, SHUT_WR); }
  /// The destructor will close with a reset instead of a FIN.
  void prepare_reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
  }

 private:
  void set_timeouts() const {
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  }

  int fd_;
  bool good_ = false;
  std::unique_ptr<SSL, decltype(&SSL_free)> ssl_{nullptr, SSL_free};
};

/// A listening socket that does nothing by itself.
class RawListener {
 public:
  /// 0: any free port. port() stays 0 where it cannot listen.
  explicit RawListener(int port = 0, const char* host = "127.0.0.1")
      : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const int on = 1;
    ::setsockopt(fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address = loopback(port, host);
    socklen_t size = sizeof(address);
    if (::bind(fd_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || ::listen(fd_, 16) != 0) return;
    ::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
  }
  ~RawListener() { ::close(fd_); }
  RawListener(const RawListener&) = delete;
  RawListener& operator=(const RawListener&) = delete;
  int port() const { return port_; }
  /// Ends an accept() that waits in another thread.
  void close_door() const { ::shutdown(fd_, SHUT_RDWR); }
  /// -1 once the door is closed.
  int accept() const { return ::accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC); }

 private:
  int fd_;
  int port_ = 0;
};

}  // namespace autoctl::test
