// The client's side of a TLS handshake, made only to see which certificate the other side has the key of. It trusts
// nobody: whatever the other side sends, a step costs little and does not wait.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "common/util/fingerprint.h"

namespace autoctl::tls {

/// On a connected socket that does not block, which must outlive it. Not thread-safe.
class Handshake {
 public:
  enum class Outcome : unsigned char {
    reading,      // go on when there is something to read
    writing,      // go on when the socket takes more
    proved,       // the other side has the key of certificate()
    broken_off,   // it ended the connection, or said that it has a fault of its own
    no_tls,       // it does not speak TLS as our servers do
    local_error,  // ours: no memory
    io_error,     // of the socket: error_number()
  };

  explicit Handshake(int socket);
  ~Handshake();
  Handshake(Handshake&&) noexcept;
  Handshake& operator=(Handshake&&) noexcept;

  /// Never blocks. Once it is neither reading nor writing it is over: our side has said goodbye by then.
  Outcome go_on();
  /// Once `proved`.
  const Fingerprint& certificate() const;
  /// The same one, to be read. Empty: no memory.
  std::string certificate_pem() const;
  int error_number() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace autoctl::tls
