// A certificate authority: from a key and a request to a certificate, and the list of those that are revoked. Text in,
// text out; the time is handed in.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/tls/certificate.h"
#include "common/util/result.h"

namespace autoctl::tls {

using SystemTime = std::chrono::system_clock::time_point;

/// How long what an authority issues is good, where nothing else is set.
inline constexpr std::chrono::seconds certificate_lifetime = std::chrono::hours(90 * 24);

/// A new authority with a P-256 key, good for ten years. It may sign certificates of servers and clients, and none of
/// another authority. Its name is another one each time. Errors: internal.
Result<KeyPair> make_authority(SystemTime now);

struct SigningRequest {
  std::string csr_pem;
  std::string key_pem;  // never leaves its machine
};
/// A new P-256 key, and the request for a certificate for `host` (a name or an address), localhost, 127.0.0.1 and ::1.
/// Errors: bad_usage (no such name), internal.
Result<SigningRequest> request_certificate(const std::string& host);

/// May a certificate be issued for this request of the node at `host`? It must ask for the names that
/// request_certificate() asks for, no more, no less, and for nothing else; be signed with its key; and have a key that is
/// good enough: P-256, P-384, P-521, or RSA with 2048 to 8192 bits. It may come from anybody: what a check costs is
/// bounded. Errors: bad_usage, with the reason.
Result<> check_request(const std::string& csr_pem, const std::string& host);

/// Issues what check_request() lets through: for a server and a client, from a quarter of an hour ago (the other machine's
/// clock may be behind) for `lifetime`, but not beyond the authority's own end. Who it is for, its common name, is
/// the authority's word; of the request it takes nothing but the key. Errors: bad_usage (check_request()), bad_config (no
/// authority, or one that is over).
Result<std::string> issue_certificate(const KeyPair& authority, const std::string& csr_pem, const std::string& host,
                                      const std::string& common_name, SystemTime now,
                                      std::chrono::seconds lifetime = certificate_lifetime);

struct Revoked {
  std::string serial;  // hex digits
  SystemTime at;
};
/// The list of all that are revoked, good until `until`. `number` grows from list to list. Errors: bad_config, internal.
Result<std::string> make_revocation_list(const KeyPair& authority, const std::vector<Revoked>& revoked, long number,
                                         SystemTime now, SystemTime until);

}  // namespace autoctl::tls
