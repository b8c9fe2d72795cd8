// The fields of what is nested in documents of two files. Private to this folder.
#pragma once

#include "common/protocol/certificates.h"
#include "common/protocol/codec.h"

namespace autoctl::protocol::codec {

void fields(auto&& field, Of<TrustGoal> auto& v) {
  field("bundle", v.bundle, rules::word);
  field("issuer", v.issuer, rules::word);
  field("renew_before", v.renew_before);
}

void fields(auto&& field, Of<TrustFacts> auto& v) {
  field("bundle", v.bundle, rules::word);
  field("issuer", v.issuer, rules::word);
  field("serial", v.serial, rules::word);
  field("issued", v.issued);
  field("ends", v.ends);
}

}  // namespace autoctl::protocol::codec
