// Credentials that operators make, and what a client is to trust. Part of the wire as protocol.h is.
//
//   POST   /v1/tokens                TokenRequest      -> TokenDocument      admin's credential
//   GET    /v1/tokens                                  -> TokensDocument     admin's credential
//   DELETE /v1/tokens/{id}                             -> TokenDocument      admin's credential
//   GET    /v1/ca                                      -> TrustDocument      no credential
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/protocol/protocol.h"

namespace autoctl::protocol {

/// What the holder of a token may do: docs/security.md.
inline constexpr const char* join_role = "join";
inline constexpr const char* viewer_role = "viewer";
inline constexpr const char* operator_role = "operator";
inline constexpr const char* admin_role = "admin";

struct TokenRequest {
  std::string role = join_role;
  std::vector<std::string> formations;  // where it holds; empty: for a viewer all, for join "default"
  std::optional<GroupId> group;         // join: nullopt: any of the formation
  int nodes = 1;                        // join: how many may register with it
  Millis ttl{3'600'000};                // from now on
  std::string label;                    // whose it is, for events and lists
};

struct TokenDocument {
  std::int64_t id = 0;
  std::string role = join_role;
  std::string label;
  std::vector<std::string> formations;  // empty: all
  std::optional<GroupId> group;
  int nodes_left = 0;   // join
  std::string state;    // valid, used up, expired, revoked
  std::string expires;  // ISO 8601, UTC, milliseconds
  std::string made;     // the same
  std::string made_by;  // who, and from where
  std::string secret;   // the credential; in the answer to its request only, it is stored hashed
};

struct TokensDocument {
  std::vector<TokenDocument> tokens;  // by id; without secrets
};

/// What clients of the monitor's API are to trust: a certificate authority, or its own certificate.
struct TrustDocument {
  std::string ca_pem;
};

#define AUTOCTL_TOKEN_TYPES(X) X(TokenRequest) X(TokenDocument) X(TokensDocument) X(TrustDocument)
#define X(T)                                   \
  void to_json(nlohmann::json& j, const T& v); \
  void from_json(const nlohmann::json& j, T& v);
AUTOCTL_TOKEN_TYPES(X)
#undef X

}  // namespace autoctl::protocol
