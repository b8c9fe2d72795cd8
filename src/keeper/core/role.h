// What a node's Postgres has to be in each state, whatever way led there. Pure.
#pragma once

#include "common/fsm/goal.h"
#include "common/fsm/state.h"

namespace autoctl::keeper {

enum class Role : unsigned char {
  stopped,
  primary,
  standby,
  operators,  // runs or not, as the operator likes; but never as a primary
};

Role role_of(NodeState state);
/// May a standby take WAL from its upstream? A fenced one must not: an election counts on what it said.
bool may_receive(NodeState state, const Goal& goal);

}  // namespace autoctl::keeper
