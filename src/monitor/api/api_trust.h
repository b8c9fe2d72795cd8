// What the API says about trust, and gives.
#pragma once

#include <optional>
#include <string>

#include "common/protocol/tokens.h"
#include "monitor/service/authority.h"

namespace autoctl::monitor {

struct ApiTrust {
  std::string ca_pem = {};                  // what clients are to trust where there is no authority
  std::optional<Authority> authority = {};  // issues certificates to nodes; nullopt: this monitor has none

  /// What clients are to trust now: of an authority, which may be replaced, what is in its files. Errors: not_found,
  /// system.
  Result<protocol::TrustDocument> now() const;
};

}  // namespace autoctl::monitor
