// A bounded HTTPS server. Handlers get plain requests and may answer later, from any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/http/http.h"
#include "common/util/result.h"

namespace autoctl::http {

struct ServerOptions {
  std::string address = "0.0.0.0";  // or several, with commas; "::" alone is both families
  int port = 0;                     // 0 = any free one
  std::string certificate_file;     // PEM chain
  std::string key_file;             // PEM, must not be readable by others
  /// PEM of the authorities that sign clients' certificates; empty: clients are not asked for one. What one was issued to
  /// is in Request::certificate; one that they have not signed, or that is revoked or not in force, is refused in the
  /// handshake.
  std::string client_ca_file = {};
  std::string client_crl_file = {};  // empty: none is revoked
  std::size_t body_bytes_max = 1024 * 1024;
  std::size_t header_bytes_max = 16 * 1024;
  std::size_t connections_max = 8192;  // all together; how they are shared out: budget.h
  std::size_t strangers_max = 256;     // of them, from addresses from which no credential has come; a quarter from one
  std::size_t newcomers_max = 1024;    // of them, from all other addresses, but without a credential so far
  int stranger_handshakes_per_second = 1000;
  std::chrono::milliseconds handshake_wait_max{1'000};  // those whose turn does not come are turned away after this
  std::chrono::milliseconds idle_timeout{75'000};       // between requests, and for reading one
  /// The same before a credential was shown: for the whole handshake, for the whole first request, and for each answer.
  std::chrono::milliseconds stranger_timeout{5'000};
  std::chrono::milliseconds handler_timeout{70'000};  // a handler that has not answered by then is answered with a 504
  /// How often StrainHandler is called while nobody waits. A server whose lateness matters to nobody can rest for longer.
  std::chrono::milliseconds calm_interval{100};
  std::vector<std::string> known_addresses;  // from which credentials are expected
};

/// What a request's header says of its sender.
struct Standing {
  std::string credential;          // a name for the good credential in it; empty: there is none, it is a stranger's
  std::size_t body_bytes_max = 0;  // of this request; ServerOptions::body_bytes_max holds, too
  std::optional<Response> refusal = {};  // its answer; its body is not read, and the connection ends
};

/// Answers one request. Thread-safe; the second and later calls do nothing; outliving the server is harmless.
using Responder = std::function<void(Response)>;

/// What a server had no time for in the last interval.
struct Strain {
  std::chrono::milliseconds lag{0};  // everything was done so much later than it could have been
  /// Connections that were closed unheard for want of time or room, though a credential has come from their address. A
  /// stranger's are not among them: a flood must not make nodes seem unheard.
  std::size_t turned_away = 0;
  std::size_t strangers_closed = 0;  // to make room for others, or before it was their turn
  std::string stranger = {};         // from where the last of them came
  std::size_t refused = 0;           // clients with certificates that are not accepted
  std::string refusal = {};          // from where the last of them came, and why
};

class Server {
 public:
  /// Called on the server's thread: must not block. Exceptions become a 500.
  using Handler = std::function<void(Request, Responder)>;
  /// Called on the server's thread when a connection ended, also while a request on it waits for its answer: a keeper's
  /// death is seen here at once. Once for each connection from which the handler has got a request, but not for those
  /// that stop() closes.
  using DisconnectHandler = std::function<void(std::uint64_t connection)>;
  /// Called on the server's thread, ten times a second; less often while nobody waits (ServerOptions::calm_interval).
  using StrainHandler = std::function<void(const Strain&)>;
  /// Called on the server's thread when a request's header is here, and nothing of its body: must not block. Without
  /// one, every request is as good as one with a credential.
  using Gate = std::function<Standing(const Request& header)>;

  Server(ServerOptions options, Handler handler, DisconnectHandler on_disconnect = {}, StrainHandler on_strain = {},
         Gate gate = {});
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Binds, listens and starts one thread. Errors: unavailable (address in use), bad_config (certificate, key).
  Result<> start();
  /// From now on clients come in at `address`, at the same port, and are shown this certificate; those that are here
  /// stay. The options' client_ca_file and client_crl_file are read again. Thread-safe, not from a handler; returns when it is so. Errors: as start(); then all is as it was.
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
