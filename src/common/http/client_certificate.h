// Who a server's client is by the certificate that it shows in the handshake.
#pragma once

#include <openssl/ssl.h>

#include <string>

#include "common/util/result.h"

namespace autoctl::http {

/// From now on clients are asked for a certificate. One that shows none comes in all the same; one that shows another
/// than the authorities in `ca_file` have signed for clients, or one that is not in force, or is in `crl_file` (empty: none
/// is revoked), is refused in the handshake. Errors: bad_config (the files).
Result<> ask_for_certificates(SSL_CTX* context, const std::string& ca_file, const std::string& crl_file);
/// Before the handshake: why a certificate is refused becomes `words`, which must live as long as the handshake.
void note_refusal(SSL* session, std::string& words);
/// After it: the common name in the client's certificate; empty where it has shown none.
std::string name_in_certificate(const SSL* session);

}  // namespace autoctl::http
