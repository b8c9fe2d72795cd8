#include "keeper/core/house.h"

#include <algorithm>

#include "keeper/core/role.h"

namespace autoctl::keeper {

namespace {

constexpr Millis interval{2000};

/// As far as HBA, roles and slots go: what the others are told to be is nothing to them. The name of one that was away may lead
/// to another address now.
bool same_places(const std::vector<protocol::Peer>& some, const std::vector<protocol::Peer>& others) {
  return std::ranges::equal(some, others, [](const protocol::Peer& one, const protocol::Peer& other) {
    return one.id == other.id && one.name == other.name && one.host == other.host && one.port == other.port &&
           one.group == other.group && one.address_epoch == other.address_epoch && one.addresses == other.addresses &&
           one.verifier == other.verifier;
  });
}

}  // namespace

bool House::is_for(const SavedState& saved) const {
  return kept_ && same_places(peers_, saved.peers) && same_places(neighbours_, saved.neighbours) &&
         restart_holds_clients_ == restart_holds_clients(saved);
}

Next House::keep(const StepContext& c, StepMemory& memory) {
  if (memory.failure) {
    kept_ = false;
    return Next::failed(*memory.failure);
  }
  const bool standby = role_of(c.saved.state) == Role::standby;
  if (!memory.did(Order::Kind::keep_slots)) {
    // Also after a change has just been put back: the upstream may have been in what somebody removed.
    const bool is_new = !is_for(c.saved) || c.seen.configuration_changed || memory.did(Order::Kind::configure);
    if (!is_new && c.now < next_) return Next::done();
    if (is_new && !memory.did(Order::Kind::configure)) return Next::to(Order::Kind::configure);
    const bool follows = standby && may_receive(c.saved.state, c.saved.goal) &&
                         find_peer(c.saved.peers, c.saved.goal.upstream) != nullptr;
    if (is_new && follows && !memory.did(Order::Kind::set_upstream))  // it may have moved
      return Next::to({.kind = Order::Kind::set_upstream, .upstream = c.saved.goal.upstream, .sync = {}});
    return Next::to(Order::Kind::keep_slots);  // one may have been dropped
  }
  kept_ = true;
  next_ = c.now + interval;
  peers_ = c.saved.peers;
  neighbours_ = c.saved.neighbours;
  restart_holds_clients_ = restart_holds_clients(c.saved);
  prepared_.clear();
  for (const auto& peer : peers_) prepared_.push_back(peer.id);
  std::ranges::sort(prepared_);
  return Next::done();
}

void House::forget() {
  kept_ = false;
}

void House::forget_server() {
  kept_ = false;
  prepared_.clear();
}

}  // namespace autoctl::keeper
