#include "monitor/engine/access.h"

#include <utility>

#include "common/fsm/standby_names.h"
#include "common/protocol/protocol.h"

namespace autoctl::monitor {

namespace {

/// The credential of a node with a certificate is good for nothing without the certificate's key.
Result<> check_certificate(const Node& node, const std::string& bearer, const std::string& certificate) {
  if (!bearer.starts_with(protocol::certified_prefix) || certificate == standby_name(node.row.id)) return {};
  return fail(
      Errc::denied,
      "this credential counts only over a connection with the certificate of node " + std::to_string(node.row.id.value),
      "server.crt and server.key beside the node's data directory are to be shown, too");
}

}  // namespace

bool Access::equal(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference =
        static_cast<unsigned char>(difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  return difference == 0;
}

Access::Access(bool open, std::string operator_token, Hash hash, IsEntry is_entry)
    : open_(open), operator_token_(std::move(operator_token)), hash_(std::move(hash)), is_entry_(std::move(is_entry)) {}

bool Access::is_operator(const std::string& bearer) const {
  return !operator_token_.empty() && equal(bearer, operator_token_);
}

bool Access::is_entry(const std::string& bearer) const {
  return is_entry_ && !bearer.empty() && is_entry_(bearer);
}

Result<> Access::act_as(const Node& node, const std::string& bearer, const std::string& certificate) const {
  if (!bearer.empty() && equal(hash_(bearer), node.row.token_sha256))
    return check_certificate(node, bearer, certificate);
  return fail(Errc::denied, "this is not the credential of node " + std::to_string(node.row.id.value),
              "the file `token` beside the node's data directory has it");
}

}  // namespace autoctl::monitor
