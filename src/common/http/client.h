// A blocking HTTPS client with a deadline on every call and one kept connection.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/http/http.h"
#include "common/util/result.h"

namespace autoctl::http {

struct Endpoint {
  std::string host;
  int port = 0;
  /// PEM of the certificates to trust. Empty = the system's store. A self-signed server certificate that is itself in
  /// here is accepted whatever host name it was reached by (it is pinned); with any other, the host name must match.
  std::string trusted_pem;
  std::string bearer;  // sent as the Authorization header; may be empty
  /// False: whoever answers is believed to be the server. Only for what is checked in another way, and never with a
  /// credential: none is sent then.
  bool verify = true;
  /// What this side shows where it is asked for it: PEM of its certificate and key. Empty: nothing.
  std::string certificate_pem = {};
  std::string key_pem = {};
};

/// May a request be sent a second time when the kept connection died after the first?
enum class Repeat {
  if_idempotent,  // by its method: never a POST or PATCH
  always,         // the caller knows that sending it twice does no harm
};

/// Not thread-safe: one per thread.
class Client {
 public:
  explicit Client(Endpoint endpoint);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  /// Sends and waits for the answer. Reconnects when the kept connection turns out to be dead before any byte of the
  /// answer arrived, and sends again if the first request cannot have had an effect or `repeat` allows it. The whole
  /// call, DNS and TLS included, ends by `timeout`. Any HTTP status is a success here. Errors: unavailable (refused,
  /// unresolved, broken), timeout, denied (certificate).
  Result<Response> send(const Request& request, std::chrono::milliseconds timeout,
                        Repeat repeat = Repeat::if_idempotent);
  /// What this side trusts and shows from the next connection on: as in Endpoint. The connection that is kept goes on. Of
  /// the thread that sends.
  void set_trust(std::string trusted_pem, std::string certificate_pem, std::string key_pem);
  void set_bearer(std::string bearer);
  /// Makes a send() that is under way in another thread, and all later ones, return `unavailable`. Thread-safe.
  void cancel();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoctl::http
