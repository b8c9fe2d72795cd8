// A stranger who passes for a Postgres: he answers the start of a connection, over TLS with a certificate that he made
// himself, and asks for the password in clear.
#pragma once

#include <gtest/gtest.h>
#include <signal.h>

#include <array>
#include <atomic>
#include <mutex>
#include <string>
#include <thread>

#include "common/tls/certificate.h"
#include "raw_socket.h"
#include "tests/support/scratch.h"

namespace autoctl::test {

class FakePostgres {
 public:
  enum class Wants { clear_password, md5_password, nothing };

  /// On 127.0.0.1; 0: any free port.
  explicit FakePostgres(int port, Wants wants = Wants::clear_password) : wants_(wants), listener_(port) {
    const std::string certificate = scratch_.path() + "/crt", key = scratch_.path() + "/key";
    EXPECT_TRUE(tls::write_self_signed(certificate, key, {"127.0.0.1"}));
    EXPECT_EQ(SSL_CTX_use_certificate_file(context_.get(), certificate.c_str(), SSL_FILETYPE_PEM), 1);
    EXPECT_EQ(SSL_CTX_use_PrivateKey_file(context_.get(), key.c_str(), SSL_FILETYPE_PEM), 1);
    EXPECT_NE(listener_.port(), 0) << "cannot listen at " << port;
    thread_ = std::thread([this] { serve(); });
  }
  ~FakePostgres() {
    listener_.close_door();
    thread_.join();
  }
  FakePostgres(const FakePostgres&) = delete;
  FakePostgres& operator=(const FakePostgres&) = delete;

  int port() const { return listener_.port(); }
  /// Clients that were asked for what he wants, as this role, and have said or not said it.
  int asked(const std::string& role) const {
    const std::lock_guard lock(mutex_);
    int count = 0;
    for (const auto& who : asked_) count += who.find(role) != std::string::npos ? 1 : 0;
    return count;
  }
  /// All that they have said to that.
  std::string heard() const {
    const std::lock_guard lock(mutex_);
    return heard_;
  }

 private:
  void serve() {
    sigset_t broken_pipe;  // of a client that has left: to write to it is an error, and not the end of the test
    sigemptyset(&broken_pipe);
    sigaddset(&broken_pipe, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &broken_pipe, nullptr);
    for (int fd = listener_.accept(); fd >= 0; fd = listener_.accept()) talk(fd);
  }

  /// Encryption by TLS, not by GSSAPI.
  static bool wants_tls(int fd) {
    constexpr char gssapi = 0x30, tls = 0x2f;  // the last byte of 80877104 and 80877103
    std::array<char, 8> request{};
    for (;;) {
      if (::recv(fd, request.data(), request.size(), MSG_WAITALL) != static_cast<ssize_t>(request.size())) return false;
      const char answer = request[7] == tls ? 'S' : 'N';
      if (::send(fd, &answer, 1, MSG_NOSIGNAL) != 1) return false;
      if (request[7] != gssapi) return request[7] == tls;
    }
  }

  void talk(int fd) {
    const timeval patience{5, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (!wants_tls(fd)) {
      ::close(fd);
      return;
    }
    RawConnection client(fd, context_.get());
    if (!client.good()) return;
    const std::string startup = client.read_some();
    if (startup.empty()) return;
    const std::string request = wants_ == Wants::clear_password ? std::string("R\0\0\0\x08\0\0\0\x03", 9)
                                : wants_ == Wants::md5_password ? std::string("R\0\0\0\x0c\0\0\0\x05salt", 13)
                                                                : std::string("R\0\0\0\x08\0\0\0\0", 9);
    client.write(request);
    const std::string said = client.read_some();
    const std::lock_guard lock(mutex_);
    asked_.push_back(startup);
    heard_ += said;
  }

  const Wants wants_;
  const ScratchDirectory scratch_;
  const std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_{SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  RawListener listener_;
  mutable std::mutex mutex_;
  std::vector<std::string> asked_;  // their startup packets
  std::string heard_;
  std::thread thread_;
};

}  // namespace autoctl::test
