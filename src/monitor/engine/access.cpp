#include "monitor/engine/access.h"

#include <utility>

namespace autoctl::monitor {

namespace {

/// Takes equally long wherever the two differ.
bool equal_constant_time(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  volatile unsigned char difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    difference =
        static_cast<unsigned char>(difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i])));
  return difference == 0;
}

tl::unexpected<Error> denied(const std::string& bearer) {
  return fail(Errc::denied,
              bearer.empty() ? "this needs the operator's credential" : "this credential does not allow it",
              "give --monitor as the postgres:// URI, or run on the monitor's host as its user");
}

Result<std::string> own_formation(const std::string& own, const std::string& asked) {
  if (asked.empty() || asked == own) return own;
  return fail(Errc::denied, "a node's credential reads its own formation only, which is '" + own + "'",
              "ask for --formation " + own + ", or with an operator's credential");
}

}  // namespace

Access::Access(bool open, std::string operator_token, Hash hash)
    : open_(open), operator_token_(std::move(operator_token)), hash_(std::move(hash)) {}

bool Access::is_operator(const std::string& bearer) const {
  return !operator_token_.empty() && equal_constant_time(bearer, operator_token_);
}

Result<> Access::operate(const std::string& bearer) const {
  if (open_ || is_operator(bearer)) return {};
  return denied(bearer);
}

Result<> Access::act_as(const Node& node, const std::string& bearer) const {
  if (!bearer.empty() && equal_constant_time(hash_(bearer), node.row.token_sha256)) return {};
  return fail(Errc::denied, "this is not the credential of node " + std::to_string(node.row.id.value),
              "the file `token` beside the node's data directory has it");
}

Result<std::string> Access::look(const Model& model, const std::string& bearer, const std::string& formation) const {
  if (open_ || is_operator(bearer)) return formation;
  const std::string hash = hash_(bearer);
  for (const auto& [key, group] : model.groups)
    for (const auto& [id, node] : group.nodes)
      if (equal_constant_time(hash, node.row.token_sha256)) return own_formation(key.first, formation);
  return denied(bearer);
}

}  // namespace autoctl::monitor
