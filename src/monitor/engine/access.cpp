#include "monitor/engine/access.h"

#include <utility>

#include "common/fsm/standby_names.h"
#include "common/protocol/protocol.h"

namespace autoctl::monitor {

namespace {

tl::unexpected<Error> denied(const std::string& bearer) {
  return fail(
      Errc::denied, bearer.empty() ? "this needs the operator's credential" : "this credential does not allow it",
      "run this on the monitor's host as its user, or give --token-file with a copy of its <pgdata>.autoctl/token");
}

/// The credential of a node with a certificate is good for nothing without the certificate's key.
Result<> check_certificate(const Node& node, const std::string& bearer, const std::string& certificate) {
  if (!bearer.starts_with(protocol::certified_prefix) || certificate == standby_name(node.row.id)) return {};
  return fail(
      Errc::denied,
      "this credential counts only over a connection with the certificate of node " + std::to_string(node.row.id.value),
      "server.crt and server.key beside the node's data directory are to be shown, too");
}

Result<std::string> own_formation(const std::string& own, const std::string& asked) {
  if (asked.empty() || asked == own) return own;
  return fail(Errc::denied, "a node's credential reads its own formation only, which is '" + own + "'",
              "ask for --formation " + own + ", or with an operator's credential");
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

Result<> Access::operate(const std::string& bearer) const {
  if (open_ || is_operator(bearer)) return {};
  return denied(bearer);
}

bool Access::is_entry(const std::string& bearer) const {
  return is_entry_ && !bearer.empty() && is_entry_(bearer);
}

Result<> Access::enter(const std::string& bearer) const {
  if (open_ || is_operator(bearer) || is_entry(bearer)) return {};
  return fail(Errc::denied,
              bearer.empty() ? "a node needs a credential to join" : "this credential does not let a node join",
              "`autoctl token create` on the monitor's host makes one, for --join-token-file");
}

bool Access::belongs_to(const Node& node, const std::string& bearer) const {
  return !bearer.empty() && equal(hash_(bearer), node.row.token_sha256);
}

Result<> Access::act_as(const Node& node, const std::string& bearer, const std::string& certificate) const {
  if (belongs_to(node, bearer)) return check_certificate(node, bearer, certificate);
  return fail(Errc::denied, "this is not the credential of node " + std::to_string(node.row.id.value),
              "the file `token` beside the node's data directory has it");
}

Result<std::string> Access::look(const Model& model, const std::string& bearer, const std::string& certificate,
                                 const std::string& formation) const {
  if (open_ || is_operator(bearer) || is_entry(bearer)) return formation;
  const std::string hash = hash_(bearer);
  for (const auto& [key, group] : model.groups)
    for (const auto& [id, node] : group.nodes)
      if (equal(hash, node.row.token_sha256)) {
        AUTOCTL_TRY(check_certificate(node, bearer, certificate));
        return own_formation(key.first, formation);
      }
  return denied(bearer);
}

}  // namespace autoctl::monitor
