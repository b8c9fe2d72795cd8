// A bounded HTTPS server. Handlers get plain requests and may answer later, from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "common/http/http.h"
#include "common/util/result.h"

namespace autoctl::http {

struct ServerOptions {
  std::string address = "0.0.0.0";  // or several, with commas; "::" alone is both families
  int port = 0;                     // 0 = any free one
  std::string certificate_file;     // PEM chain
  std::string key_file;             // PEM, must not be readable by others
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t connections_max = 4096;
  std::size_t handshakes_waiting_max = 1024;            // more are turned away at once,
  std::chrono::milliseconds handshake_wait_max{1'000};  // and those whose turn does not come, after this
  std::chrono::milliseconds idle_timeout{75'000};       // between requests, and for reading one
  std::chrono::milliseconds handler_timeout{70'000};  // a handler that has not answered by then is answered with a 504
};

/// Answers one request. Thread-safe; the second and later calls do nothing; outliving the server is harmless.
using Responder = std::function<void(Response)>;

/// What a server had no time for in the last interval.
struct Strain {
  std::chrono::milliseconds lag{0};  // everything was done so much later than it could have been
  std::size_t turned_away = 0;       // connections that were closed before their handshake
};

class Server {
 public:
  /// Called on the server's thread: must not block. Exceptions become a 500.
  using Handler = std::function<void(Request, Responder)>;
  /// Called on the server's thread when a connection ended, also while a request on it waits for its answer: a keeper's
  /// death is seen here at once. Once for each connection that got through its TLS handshake, but not for those that
  /// stop() closes.
  using DisconnectHandler = std::function<void(std::uint64_t connection)>;
  /// Called on the server's thread, ten times a second.
  using StrainHandler = std::function<void(const Strain&)>;

  Server(ServerOptions options, Handler handler, DisconnectHandler on_disconnect = {}, StrainHandler on_strain = {});
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds, listens and starts one thread. Errors: unavailable (address in use), bad_config (certificate, key).
  Result<> start();
  /// From now on clients come in at `address`, at the same port, and are shown this certificate; those that are here
  /// stay. Thread-safe, not from a handler; returns when it is so. Errors: as start(); then all is as it was.
  Result<> change(const std::string& address, const std::string& certificate_file, const std::string& key_file);
  /// Closes every connection and joins the thread: not from a handler. Idempotent; start() does not follow it.
  void stop();
  /// The bound port; after start().
  int port() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace autoctl::http
