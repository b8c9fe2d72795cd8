#include "common/tls/scram.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>
#include <span>
#include <string_view>

#include "common/util/assert.h"

namespace autoctl::tls {

namespace {

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

Digest hmac(std::span<const unsigned char> key, std::string_view text) {
  Digest digest{};
  unsigned size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  const bool done =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes, text.size(), digest.data(), &size) != nullptr;
  AUTOCTL_ASSERT(done && size == digest.size(), "HMAC failed");
  return digest;
}

std::string base64(std::span<const unsigned char> bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int size =
      EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), bytes.data(), static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

}  // namespace

/// RFC 5802: SaltedPassword, ClientKey, StoredKey, ServerKey. SASLprep leaves ASCII as it is.
ScramVerifier scram_verifier(const std::string& password) {
  const std::span<const unsigned char> secret(reinterpret_cast<const unsigned char*>(password.data()), password.size());
  const Digest derived = hmac(secret, "autoctl scram salt");
  const auto salt = std::span(derived).first<ScramVerifier::salt_bytes>();
  Digest salted{};
  const int done =
      PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), salt.data(), static_cast<int>(salt.size()),
                        ScramVerifier::iterations, EVP_sha256(), static_cast<int>(salted.size()), salted.data());
  AUTOCTL_ASSERT(done == 1, "PBKDF2 failed");
  const Digest client_key = hmac(salted, "Client Key"), server_key = hmac(salted, "Server Key");
  Digest stored_key{};
  SHA256(client_key.data(), client_key.size(), stored_key.data());
  const auto verifier = ScramVerifier::parse("SCRAM-SHA-256$" + std::to_string(ScramVerifier::iterations) + ":" +
                                             base64(salt) + "$" + base64(stored_key) + ":" + base64(server_key));
  AUTOCTL_ASSERT(verifier.has_value(), "a verifier is not of its own form");
  return *verifier;
}

}  // namespace autoctl::tls
