#include "keeper/core/role.h"

namespace autoctl::keeper {

Role role_of(NodeState state) {
  switch (state) {
    case NodeState::single:
    case NodeState::wait_primary:
    case NodeState::primary:
    case NodeState::stop_replication: return Role::primary;
    case NodeState::catchingup:
    case NodeState::secondary:
    case NodeState::prepare_promotion:
    case NodeState::report_lsn:
    case NodeState::fast_forward:
    case NodeState::wait_maintenance: return Role::standby;
    case NodeState::maintenance: return Role::operators;
    default: return Role::stopped;
  }
}

bool may_receive(NodeState state, const Goal& goal) {
  return state != NodeState::report_lsn && state != NodeState::fast_forward && !goal.fence;
}

}  // namespace autoctl::keeper
