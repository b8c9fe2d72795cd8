#include "monitor/service/credentials.h"

#include <utility>

namespace autoctl::monitor {

Credentials::Credentials(Access access, const Image& image) : access_(std::move(access)) {
  for (const NodeRow& node : image.nodes)
    if (!node.token_sha256.empty()) node_by_hash_.emplace(node.token_sha256, node.id);
}

std::string Credentials::owner_of(const std::string& bearer) const {
  if (bearer.empty()) return {};
  if (access_.is_operator(bearer)) return "operator";
  const std::string hash = access_.hash_of(bearer);
  const std::lock_guard lock(mutex_);
  const auto found = node_by_hash_.find(hash);
  return found == node_by_hash_.end() ? "" : "node " + std::to_string(found->second.value);
}

void Credentials::note(NodeId node, const std::string& bearer) {
  const std::string hash = access_.hash_of(bearer);
  const std::lock_guard lock(mutex_);
  std::erase_if(node_by_hash_, [node](const auto& entry) { return entry.second == node; });
  node_by_hash_.emplace(hash, node);
}

void Credentials::forget(NodeId node, const std::string& bearer) {
  const std::string hash = access_.hash_of(bearer);
  const std::lock_guard lock(mutex_);
  const auto found = node_by_hash_.find(hash);
  if (found != node_by_hash_.end() && found->second == node) node_by_hash_.erase(found);
}

}  // namespace autoctl::monitor
