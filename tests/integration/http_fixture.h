// A real server with a certificate of its own, and what its handler saw.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "common/config/files.h"
#include "common/http/client.h"
#include "common/http/server.h"
#include "common/tls/certificate.h"

namespace autoctl::test {

using namespace std::chrono_literals;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr int slowness = 10;  // of this build; timing limits are multiplied by it
#else
inline constexpr int slowness = 1;
#endif

inline std::chrono::milliseconds since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - start);
}

/// A value that several threads change and one waits for.
template <class T>
class Watched {
 public:
  template <class Change>
  void change(Change change) {
    {
      const std::lock_guard lock(mutex_);
      change(value_);
    }
    changed_.notify_all();
  }
  template <class Condition>
  bool wait_until(Condition condition, std::chrono::milliseconds patience = 10s) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, patience, [&] { return condition(std::as_const(value_)); });
  }
  T get() {
    const std::lock_guard lock(mutex_);
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  T value_{};
};

class HttpTest : public testing::Test {
 protected:
  struct Seen {
    std::vector<http::Request> requests;
    std::vector<http::Responder> held;       // requests to /hold
    std::vector<std::uint64_t> disconnects;  // in order
  };

  HttpTest() {
    std::signal(SIGPIPE, SIG_IGN);  // NOLINT(cert-err33-c): the raw sockets of OpenSSL would raise it
    std::string name = (std::filesystem::temp_directory_path() / "autoctl-http-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
    options_.address = "127.0.0.1";
    use_certificate({});
  }
  ~HttpTest() override {
    server_.reset();
    std::filesystem::remove_all(directory_);
  }

  void use_certificate(const std::vector<std::string>& names) {
    options_.certificate_file = directory_ + "/server.crt";
    options_.key_file = directory_ + "/server.key";
    ASSERT_TRUE(tls::write_self_signed(options_.certificate_file, options_.key_file, names));
    pem_ = config::read_file(options_.certificate_file).value();
  }

  /// /hold is kept unanswered, /throw throws, everything else is echoed.
  void start_server() {
    server_ = std::make_unique<http::Server>(
        options_,
        [this](http::Request request, http::Responder respond) { handle(std::move(request), std::move(respond)); },
        [this](std::uint64_t connection) { seen_.change([&](Seen& s) { s.disconnects.push_back(connection); }); });
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }

  void handle(http::Request request, http::Responder respond) {
    const std::string path = request.path;
    const std::string body = request.body;
    seen_.change([&](Seen& s) {
      s.requests.push_back(std::move(request));
      if (path == "/hold") s.held.push_back(respond);
    });
    if (path == "/throw") throw std::runtime_error("the handler threw");
    if (path != "/hold") respond({200, "echo:" + body});
  }

  http::Endpoint endpoint(const std::string& host = "127.0.0.1") const {
    return {.host = host, .port = server_->port(), .trusted_pem = pem_, .bearer = ""};
  }
  static http::Request get(const std::string& path) { return {.method = "GET", .path = path}; }
  static http::Request post(const std::string& path, std::string body) {
    return {.method = "POST", .path = path, .body = std::move(body)};
  }
  bool wait_for_requests(std::size_t count, std::chrono::milliseconds patience = 10s) {
    return seen_.wait_until([count](const Seen& s) { return s.requests.size() >= count; }, patience);
  }
  bool wait_for_disconnects(std::size_t count, std::chrono::milliseconds patience = 10s) {
    return seen_.wait_until([count](const Seen& s) { return s.disconnects.size() >= count; }, patience);
  }
  void expect_healthy() {
    http::Client client(endpoint());
    const auto answer = client.send(post("/healthy", "x"), 5s * slowness);
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "echo:x");
  }

  std::string directory_;
  std::string pem_;
  http::ServerOptions options_;
  Watched<Seen> seen_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace autoctl::test
