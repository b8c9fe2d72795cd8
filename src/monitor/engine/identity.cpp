#include "monitor/engine/identity.h"

#include <algorithm>

#include "common/protocol/tokens.h"

namespace autoctl::monitor {

namespace {

constexpr const char* get_one =
    "run this on the monitor's host as its user, or give --token-file with a credential that allows it: `autoctl token "
    "create` makes one";

std::string listed(const std::vector<std::string>& formations) {
  std::string text = formations.size() == 1 ? "formation " : "formations ";
  for (const std::string& formation : formations)
    text += (&formation == &formations.front() ? "'" : ", '") + formation + "'";
  return text;
}

/// Its hash stands in for it: how long the search takes tells nothing of any secret.
const Node* find_node(const Model& model, const Access& access, const std::string& bearer) {
  if (bearer.empty()) return nullptr;
  const std::string hash = access.hash_of(bearer);
  for (const auto& [key, group] : model.groups)
    for (const auto& [id, node] : group.nodes)
      if (Access::equal(hash, node.row.token_sha256)) return &node;
  return nullptr;
}

}  // namespace

bool Identity::covers(const std::string& formation) const {
  return formations.empty() || std::ranges::find(formations, formation) != formations.end();
}

Identity identify(const Model& model, const Access& access, const std::string& bearer, const std::string& certificate,
                  WallTime now) {
  if (access.is_operator(bearer)) return {.role = Role::admin, .name = "the monitor's host"};
  if (const TokenRow* token = find_token(model, access, bearer)) {
    const std::string end = end_of(*token, now);
    return {.role = end.empty() ? role_of(token->role) : Role::nobody,
            .name = name_of(*token),
            .formations = token->formations,
            .ended = end};
  }
  const Node* node = find_node(model, access, bearer);
  const std::string node_name =
      node == nullptr ? "" : "node " + std::to_string(node->row.id.value) + " (" + node->row.name + ")";
  if (access.is_open())
    return {.role = Role::admin, .name = node == nullptr ? "anybody, with --auth trust" : node_name};
  if (node != nullptr && !access.act_as(*node, bearer, certificate))
    return {.name = "the credential of " + node_name, .ended = "good over a connection with its certificate only"};
  if (node != nullptr) return {.role = Role::node, .name = node_name, .formations = {node->row.formation}};
  if (access.is_entry(bearer)) return {.role = Role::entry, .name = "who logs in as autoctl_node"};
  return {};
}

const TokenRow* find_token(const Model& model, const Access& access, const std::string& secret) {
  if (secret.empty()) return nullptr;
  const std::string hash = access.hash_of(secret);
  for (const auto& [id, token] : model.tokens)
    if (Access::equal(token.sha256, hash)) return &token;
  return nullptr;
}

Role role_of(const std::string& role) {
  if (role == protocol::join_role) return Role::join;
  if (role == protocol::viewer_role) return Role::viewer;
  if (role == protocol::operator_role) return Role::operates;
  return role == protocol::admin_role ? Role::admin : Role::nobody;
}

std::string end_of(const TokenRow& token, WallTime now) {
  if (token.revoked) return "revoked";
  if (token.role == protocol::join_role && token.nodes_left <= 0) return "used up";
  if (token.expires_at <= now) return "expired";
  return {};
}

std::string name_of(const TokenRow& token) {
  return token.role + " token " + std::to_string(token.id) + (token.label.empty() ? "" : " \"" + token.label + "\"");
}

std::string place_of(const TokenRow& token) {
  const std::string where = token.formations.empty() ? "all formations" : listed(token.formations);
  return where + (token.group ? ", group " + std::to_string(*token.group) : "");
}

Error refusal(const Identity& who, const std::string& bearer) {
  if (!who.ended.empty()) return {Errc::denied, who.name + " is " + who.ended, get_one};
  if (who.role == Role::nobody)
    return {Errc::denied, bearer.empty() ? "this needs the operator's credential" : "this credential does not allow it",
            get_one};
  return {Errc::denied, "the credential of " + who.name + " does not allow it", get_one};
}

Error refusal_in(const Identity& who, const std::string& formation) {
  if (formation.empty())
    return {Errc::denied, who.name + " is for " + listed(who.formations) + ": which one?", "say it with --formation"};
  return {Errc::denied, who.name + " is for " + listed(who.formations) + ", and not for '" + formation + "'",
          "ask for --formation " + who.formations.front() + ", or with another credential"};
}

}  // namespace autoctl::monitor
