#include "common/protocol/tokens.h"

#include "common/protocol/codec.h"
#include "common/protocol/json_text.h"

namespace autoctl::protocol {

namespace codec {

void fields(auto&& field, Of<TokenRequest> auto& v) {
  field("role", v.role, rules::word);
  field("formation", v.formation, rules::name);
  field("group", v.group);
  field("nodes", v.nodes);
  field("ttl", v.ttl);
}

void fields(auto&& field, Of<TokenDocument> auto& v) {
  field("id", v.id);
  field("role", v.role, rules::word);
  field("formation", v.formation, rules::word);
  field("group", v.group);
  field("nodes_left", v.nodes_left);
  field("state", v.state, rules::word);
  field("expires", v.expires, rules::word);
  field("made", v.made, rules::word);
  field("made_by", v.made_by, rules::word);
  field("secret", v.secret, rules::secret);
}

void fields(auto&& field, Of<TokensDocument> auto& v) {
  field("tokens", v.tokens);
}

void fields(auto&& field, Of<TrustDocument> auto& v) {
  field.required("ca_pem", v.ca_pem, rules::pem);
}

}  // namespace codec

AUTOCTL_TOKEN_TYPES(AUTOCTL_JSON_VALUE)
AUTOCTL_TOKEN_TYPES(AUTOCTL_JSON_TEXT)

}  // namespace autoctl::protocol
