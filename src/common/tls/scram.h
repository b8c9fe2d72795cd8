// From a password to what a server keeps of it.
#pragma once

#include <string>

#include "common/util/scram_verifier.h"

namespace autoctl::tls {

/// Of a random password of printable ASCII characters: its salt is derived from it, so that the same password has the
/// same verifier wherever it is made. Takes some milliseconds. Ends the process when OpenSSL cannot do it.
ScramVerifier scram_verifier(const std::string& password);

/// For who asks for the same one again and again. Not thread-safe.
class ScramVerifierCache {
 public:
  const ScramVerifier& of(const std::string& password) {
    if (verifier_.is_none() || password != password_) {
      verifier_ = scram_verifier(password);
      password_ = password;
    }
    return verifier_;
  }

 private:
  std::string password_;
  ScramVerifier verifier_;
};

}  // namespace autoctl::tls
