// What the keeper core's orders do to a pretended Postgres and its disk.
#pragma once

#include "keeper/core/order.h"
#include "view.h"

namespace autoctl::explorer {

enum class OrderResult : std::uint8_t {
  nothing,  // it finds everything as it should be
  changes,
  fails,
  proves_impossible,  // a rewind that can never work
};

/// The names that the core knows the nodes by.
constexpr NodeId core_id(std::uint8_t node) {
  return node == nobody ? NodeId{} : NodeId{node + 1};
}
constexpr std::uint8_t node_of(NodeId id) {
  return id ? static_cast<std::uint8_t>(id.value - 1) : nobody;
}

SimQuorum sim_quorum(const SyncQuorum& quorum);

/// A reason why a keeper must never give this order in this place; nullptr if it may.
const char* why_forbidden(const keeper::Order& order, const SimNode& self);
/// Carries it out on `self`, which may have changed since `view`. What becomes of the log is for whoever applies it to
/// a world.
OrderResult carry_out(const keeper::Order& order, const View& view, SimNode& self);

}  // namespace autoctl::explorer
