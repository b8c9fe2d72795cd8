// Whose credential is that? Asked by the server's thread before anything of a request but its header is read.
#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "monitor/engine/access.h"

namespace autoctl::monitor {

/// What it says gives room and attention, and no rights: those are the engine's to judge, on each request. So it need not
/// know at once that a node was dropped. Thread-safe.
class Credentials {
 public:
  /// `image`: the nodes that are known at the start.
  Credentials(Access access, const Image& image);

  /// "operator", "node 7"; empty if it is nobody's.
  std::string owner_of(const std::string& bearer) const;
  /// May a request that is not of a node come in: an operator's, or of one whom the monitor's Postgres let in?
  /// Errors: denied.
  Result<> enter(const std::string& bearer) const { return access_.enter(bearer); }
  Result<> operate(const std::string& bearer) const { return access_.operate(bearer); }

  /// It is the node's; what the node had before is no longer good.
  void note(NodeId node, const std::string& bearer);
  /// It is not the node's any more. Nothing where it is another one's.
  void forget(NodeId node, const std::string& bearer);

 private:
  const Access access_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, NodeId> node_by_hash_;
};

}  // namespace autoctl::monitor
