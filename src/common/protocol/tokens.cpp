#include "common/protocol/tokens.h"

#include "common/protocol/codec.h"
#include "common/protocol/json_text.h"

namespace autoctl::protocol {

namespace codec {

namespace {

constexpr std::size_t formations_max = 100;
constexpr TextRule label{63, rules::check_printable};

}  // namespace

void fields(auto&& field, Of<TokenRequest> auto& v) {
  field("role", v.role, rules::word);
  field("formations", v.formations, rules::name, formations_max);
  field("group", v.group);
  field("nodes", v.nodes);
  field("ttl", v.ttl);
  field("label", v.label, label);
}

void fields(auto&& field, Of<TokenDocument> auto& v) {
  field("id", v.id);
  field("role", v.role, rules::word);
  field("label", v.label, rules::word);
  field("formations", v.formations, rules::word);
  field("group", v.group);
  field("nodes_left", v.nodes_left);
  field("state", v.state, rules::word);
  field("expires", v.expires, rules::word);
  field("made", v.made, rules::word);
  field("made_by", v.made_by, rules::sentence);
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
