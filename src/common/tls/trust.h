// Who is believed.
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::tls {

/// Does a client that trusts the certificates in `trusted_pem` only believe a server that shows `chain_pem` to be `host`
/// (a name or an address)? As http::Client does: a certificate that is itself among them needs no authority. Errors:
/// denied, with OpenSSL's reason.
Result<> check_believed(const std::string& chain_pem, const std::string& trusted_pem, const std::string& host);

/// Is this the key of the first certificate?
bool belong_together(const std::string& certificate_pem, const std::string& key_pem);

/// The certificates of `pem` that are not among those of `others`, in PEM, each once.
std::string without(const std::string& pem, const std::string& others);

}  // namespace autoctl::tls
