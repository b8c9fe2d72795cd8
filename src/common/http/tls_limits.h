// What both sides of a connection may use.
#pragma once

#include <openssl/ssl.h>

namespace autoctl::http {

/// TLS 1.3, or 1.2 with a suite that encrypts and authenticates in one and has a key of its own for each connection: no
/// CBC, whose padding has been attacked again and again, and no RSA key exchange, with which a stolen key opens what
/// was recorded before.
inline bool limit_tls(SSL_CTX* context) {
  return SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
         SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") == 1;
}

}  // namespace autoctl::http
