// What a certificate says, for people and scripts.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/util/result.h"

namespace autoctl::tls {

struct CertificateDescription {
  std::string subject;             // its common name; without one the whole name
  std::string issuer;              // the same
  std::vector<std::string> names;  // host names and addresses that it is good for
  std::string serial;              // hex digits
  std::string sha256;              // of the DER form, 64 lower-case hex digits
  std::chrono::system_clock::time_point begins, ends;
  bool self_signed = false;
};

/// Each certificate of a PEM text, in order; texts are printable. Errors: bad_config (there is none).
Result<std::vector<CertificateDescription>> describe_certificates(const std::string& pem);

/// An authority of ours issues from so much before: the other machine's clock may be behind.
inline constexpr std::chrono::minutes backdated{15};
/// When it was issued by an authority of ours, on that one's clock.
std::chrono::system_clock::time_point issued_at(const CertificateDescription& certificate);
/// When it is to be replaced by another one: two thirds of its life are over.
std::chrono::system_clock::time_point renewal_due_at(const CertificateDescription& certificate);

/// Fewer than a sixth of its life is left: who renews it should have done so by now.
bool ends_soon(const CertificateDescription& certificate, std::chrono::system_clock::time_point now);

}  // namespace autoctl::tls
