// What a node has prepared for the other nodes: their HBA lines and slots, which it keeps up while its goal stays the
// same.
#pragma once

#include "keeper/core/step_context.h"

namespace autoctl::keeper {

class House {
 public:
  /// Prepares what is missing, and looks every now and then whether it is still there.
  Next keep(const StepContext& context, StepMemory& memory);
  /// Another server may have other slots; some settings differ between a primary and a standby.
  void forget();
  /// Another server: nothing is prepared in it yet.
  void forget_server();
  /// Nodes that may connect for replication, in order.
  const std::vector<NodeId>& prepared() const { return prepared_; }

 private:
  bool is_for(const SavedState& saved) const;

  bool kept_ = false;
  std::vector<protocol::Peer> peers_, neighbours_;  // for which it was last prepared
  bool restart_holds_clients_ = false;              // the same
  std::vector<NodeId> prepared_;
  TimePoint next_;
};

}  // namespace autoctl::keeper
