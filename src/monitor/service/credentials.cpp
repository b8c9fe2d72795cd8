#include "monitor/service/credentials.h"

#include <utility>

#include "monitor/engine/identity.h"

namespace autoctl::monitor {

Credentials::Credentials(Access access, const Image& image) : access_(std::move(access)) {
  for (const NodeRow& node : image.nodes)
    if (!node.token_sha256.empty()) node_by_hash_.emplace(node.token_sha256, Member{node.id, node.formation});
  for (const TokenRow& token : image.tokens)
    if (const Role role = role_of(token.role); role != Role::join)
      token_by_hash_.emplace(token.sha256, OfToken{token.id, role, token.expires_at, token.revoked});
}

Credentials::Owner Credentials::owner_of(const std::string& bearer) const {
  if (bearer.empty()) return {};
  if (access_.is_operator(bearer)) return {.name = "operator", .role = Role::admin};
  const std::string hash = access_.hash_of(bearer);
  const std::lock_guard lock(mutex_);
  if (const auto found = node_by_hash_.find(hash); found != node_by_hash_.end())
    return {.name = "node " + std::to_string(found->second.node.value),
            .role = Role::node,
            .node = found->second.node,
            .formation = found->second.formation};
  const auto token = token_by_hash_.find(hash);
  if (token == token_by_hash_.end()) return {};
  const bool ended = token->second.revoked || token->second.until <= std::chrono::system_clock::now();
  return {.name = ended ? "" : "token " + std::to_string(token->second.id),
          .role = ended ? Role::nobody : token->second.role,
          .formerly = ended};
}

Error Credentials::Owner::refusal(const std::string& bearer) const {
  return monitor::refusal({.role = role, .name = name}, bearer);
}

Error Credentials::no_credential_to_join() {
  return {Errc::denied, "a node needs a credential to join",
          "`autoctl token create` on the monitor's host makes one, for --join-token-file"};
}

bool Credentials::enters(const std::string& bearer) const {
  return access_.is_open() || (!bearer.empty() && access_.is_entry(bearer));
}

void Credentials::note(NodeId node, const std::string& formation, const std::string& bearer) {
  const std::string hash = access_.hash_of(bearer);
  const std::lock_guard lock(mutex_);
  std::erase_if(node_by_hash_, [node](const auto& entry) { return entry.second.node == node; });
  node_by_hash_.emplace(hash, Member{node, formation});
}

void Credentials::forget(NodeId node, const std::string& bearer) {
  const std::string hash = access_.hash_of(bearer);
  const std::lock_guard lock(mutex_);
  const auto found = node_by_hash_.find(hash);
  if (found != node_by_hash_.end() && found->second.node == node) node_by_hash_.erase(found);
}

void Credentials::note_token(std::int64_t id, const std::string& role, const std::string& secret, Millis ttl) {
  if (role_of(role) == Role::join) return;
  const std::string hash = access_.hash_of(secret);
  const auto now = std::chrono::system_clock::now();
  const std::lock_guard lock(mutex_);
  std::erase_if(token_by_hash_, [&](const auto& entry) { return entry.second.until + remembered < now; });
  token_by_hash_.emplace(hash, OfToken{id, role_of(role), now + ttl, false});
}

void Credentials::forget_token(std::int64_t id) {
  const std::lock_guard lock(mutex_);
  for (auto& [hash, token] : token_by_hash_)
    if (token.id == id) token.revoked = true;
}

}  // namespace autoctl::monitor
