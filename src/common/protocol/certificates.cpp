#include "common/protocol/certificates.h"

#include "common/protocol/codec.h"
#include "common/protocol/json_text.h"
#include "common/protocol/trust_fields.h"

namespace autoctl::protocol {

namespace codec {

void fields(auto&& field, Of<CertificateRequest> auto& v) {
  field.required("csr", v.csr, rules::csr);
  field.required("host", v.host, rules::host);
}

void fields(auto&& field, Of<CertificateAnswer> auto& v) {
  field.required("certificate", v.certificate, rules::pem);
  field.required("ca_pem", v.ca_pem, rules::pem);
}

}  // namespace codec

AUTOCTL_CERTIFICATE_TYPES(AUTOCTL_JSON_VALUE)
AUTOCTL_CERTIFICATE_TYPES(AUTOCTL_JSON_TEXT)

}  // namespace autoctl::protocol
