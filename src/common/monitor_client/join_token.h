// The printed form of a join token: one string with which a node registers, and by which it knows the monitor.
#pragma once

#include <string>

#include "common/util/result.h"

namespace autoctl::client {

struct JoinToken {
  std::string secret;       // the credential; empty: there is none
  std::string fingerprint;  // of what the monitor's clients are to trust, see fingerprint(); empty: not known
  friend bool operator==(const JoinToken&, const JoinToken&) = default;
};

/// SHA-256 of `ca_pem` as it is, in hex: whoever adds a certificate to it changes it.
std::string fingerprint(const std::string& ca_pem);

/// "autoctl-join.SECRET.FINGERPRINT".
std::string to_text(const JoinToken& token);
/// White space around it does no harm. Errors: bad_usage, which quotes nothing of the text.
Result<JoinToken> parse_join_token(const std::string& text);

}  // namespace autoctl::client
