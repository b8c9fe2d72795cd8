// Keys, certificates and credentials: everything of OpenSSL's that is not a connection.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "common/util/result.h"

namespace autoctl::tls {

struct KeyPair {
  std::string certificate_pem;
  std::string key_pem;
};

/// A new P-256 key with a self-signed certificate, good for ten years for `names` (host names and IP addresses; the
/// first becomes the common name), localhost, 127.0.0.1 and ::1. It can be its own trust anchor, also for libpq's
/// sslrootcert. Errors: bad_usage (a name that is neither host name nor address), internal.
Result<KeyPair> make_self_signed(const std::vector<std::string>& names);

/// make_self_signed() into two files, the key first, with mode 0600. Errors: also system.
Result<> write_self_signed(const std::string& certificate_file, const std::string& key_file,
                           const std::vector<std::string>& names);

struct CertificateInfo {
  std::string name;    // common name of its subject; not escaped
  std::string serial;  // hex digits
  std::chrono::system_clock::time_point expires;
  std::string sha256;  // of the DER form, 64 lower-case hex digits
};
/// Of the first certificate in a PEM text. Errors: bad_config.
Result<CertificateInfo> inspect_certificate(const std::string& pem);

/// 32 random bytes in base64url without padding: 43 characters. Ends the process when the system has no randomness: a
/// guessable credential would be worse.
std::string random_token();
/// 64 lower-case hex digits.
std::string sha256_hex(std::string_view text);
/// A secret derived from another one and what it is for; 64 lower-case hex digits.
std::string hmac_sha256_hex(std::string_view secret, std::string_view purpose);
/// Takes equally long wherever the two differ; only their lengths show.
bool equal_constant_time(std::string_view a, std::string_view b);

}  // namespace autoctl::tls
