// Which WAL senders are standbys' own, and which nodes' roles are kept out for a while. Thread-safe.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "common/fsm/types.h"
#include "common/protocol/membership.h"

namespace autoctl::keeper {

class StandbyRights {
 public:
  /// The group's other nodes, as the worker knows them; nullopt before its first look.
  std::optional<std::vector<protocol::Peer>> peers() const {
    const std::lock_guard lock(mutex_);
    return peers_;
  }
  void set_peers(const std::vector<protocol::Peer>& peers) {
    const std::lock_guard lock(mutex_);
    if (peers_ != peers) peers_ = peers;
  }

  /// Its role may not log in before `until`.
  void keep_out(NodeId node, TimePoint until) {
    const std::lock_guard lock(mutex_);
    out_until_[node] = until;
  }
  bool is_kept_out(NodeId node, TimePoint now) const {
    const std::lock_guard lock(mutex_);
    const auto found = out_until_.find(node);
    return found != out_until_.end() && now < found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<std::vector<protocol::Peer>> peers_;
  std::map<NodeId, TimePoint> out_until_;
};

}  // namespace autoctl::keeper
