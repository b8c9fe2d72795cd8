// Whether files are what a server can show and check clients by, before it is told to use them.
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::tls {

/// Paths; an empty one is not used.
struct ServerFiles {
  std::string certificate, key, ca, crl;
};

/// The key is the certificate's, the certificate has begun and not ended, Postgres accepts who can read the key, and
/// authorities and revocations can be read. Errors: bad_usage, naming the file and what to do.
Result<> check_server_files(const ServerFiles& files);

}  // namespace autoctl::tls
