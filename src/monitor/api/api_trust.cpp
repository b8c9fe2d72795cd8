#include "monitor/api/api_trust.h"

namespace autoctl::monitor {

Result<protocol::TrustDocument> ApiTrust::now() const {
  if (!authority) return protocol::TrustDocument{ca_pem};
  auto pem = authority->trusted();
  if (!pem) return fail(std::move(pem.error()));
  return protocol::TrustDocument{*std::move(pem)};
}

}  // namespace autoctl::monitor
