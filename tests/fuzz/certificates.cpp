// Certificates in PEM, which a file or the other side of a connection brings.
#include "common/tls/certificate.h"
#include "common/tls/trust.h"
#include "fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace autoctl;
  static const std::string known = tls::make_self_signed({"monitor"}).value().certificate_pem;
  const std::string text = fuzz::text_of(data, size);
  static_cast<void>(tls::inspect_certificate(text));
  static_cast<void>(tls::check_believed(text, known, "monitor"));
  static_cast<void>(tls::check_believed(known, text, "monitor"));
  return 0;
}
