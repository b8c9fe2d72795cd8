// What the parts believe and show: certificates of the monitor's authority over their lives. Part of the wire as
// protocol.h is.
//
//   POST   /v1/nodes/{id}/certificate   CertificateRequest -> CertificateAnswer   the node's credential, or an operator's
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace autoctl::protocol {

/// What a node of the monitor's authority is to come to. Empty from a monitor that has none.
struct TrustGoal {
  std::string bundle;  // the authorities that are to be believed: SHA-256 of their PEM text
  std::string issuer;  // the common name of the authority that issues now
  std::int64_t renew_before =
      0;  // seconds of the Unix epoch, by the monitor's clock: what was issued before is replaced
  friend bool operator==(const TrustGoal&, const TrustGoal&) = default;
};

/// What a node has in force. Empty where it has no certificate of the monitor's authority.
struct TrustFacts {
  std::string bundle;                 // as TrustGoal's
  std::string issuer, serial;         // of its own certificate
  std::int64_t issued = 0, ends = 0;  // of the same; seconds of the Unix epoch, by the monitor's clock
  friend bool operator==(const TrustFacts&, const TrustFacts&) = default;
};

struct CertificateRequest {
  std::string csr;   // PEM
  std::string host;  // where the node is registered, and what the request asks for
};

struct CertificateAnswer {
  std::string certificate;  // PEM
  std::string ca_pem;       // whom the node is to believe
};

#define AUTOCTL_CERTIFICATE_TYPES(X) X(TrustGoal) X(TrustFacts) X(CertificateRequest) X(CertificateAnswer)
#define X(T)                                   \
  void to_json(nlohmann::json& j, const T& v); \
  void from_json(const nlohmann::json& j, T& v);
AUTOCTL_CERTIFICATE_TYPES(X)
#undef X

}  // namespace autoctl::protocol
