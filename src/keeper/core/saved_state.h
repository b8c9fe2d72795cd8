// What a keeper must remember across its own death: the last goal it obeyed, the last state it reached.
#pragma once

#include <cstdint>
#include <vector>

#include "common/fsm/goal.h"
#include "common/protocol/membership.h"

namespace autoctl::keeper {

struct SavedState {
  NodeState state = NodeState::init;  // reached
  Term term;                          // of the goal it was reached for
  Goal goal;                          // the newest one obeyed; no lower term is obeyed afterwards
  bool lease_required = false;        // as the monitor last said
  bool strict_lease = false;          // the same
  /// The group's other nodes as the monitor last told: after a power cut a standby finds its primary, and a primary
  /// keeps its standbys' slots and HBA lines, before the monitor is back.
  std::vector<protocol::Peer> peers;
  std::vector<protocol::Peer> neighbours;  // of a Citus formation's other groups: they stay let in
  protocol::Standing standing;             // so that another monitor can be told
  std::uint64_t epoch = 0;                 // counts the keeper's starts

  /// The goal has been reached. Until then a transition is under way.
  bool settled() const { return state == goal.state && term >= goal.term; }
};

/// The formation's setting restart_holds_clients, as the monitor last said.
bool restart_holds_clients(const SavedState& saved);

/// The peer with this id; nullptr if there is none.
const protocol::Peer* find_peer(const std::vector<protocol::Peer>& peers, NodeId id);

}  // namespace autoctl::keeper
