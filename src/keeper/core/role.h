// What a node's Postgres has to be in each state, however the node got there. Pure.
#pragma once

#include "common/fsm/goal.h"
#include "common/fsm/state.h"

namespace autoctl::keeper {

using Role = PostgresRole;

constexpr Role role_of(NodeState state) {
  return traits_of(state).postgres;
}

/// May a standby take WAL from its upstream? A fenced one must not: an election counts on what it said.
inline bool may_receive(NodeState state, const Goal& goal) {
  return traits_of(state).receiving != Receiving::fenced && !goal.fence;
}

}  // namespace autoctl::keeper
