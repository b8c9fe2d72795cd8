#include "orders.h"

#include "keeper/core/role.h"

namespace autoctl::explorer {

namespace {

using Kind = keeper::Order::Kind;

bool is_to_serve(const SimNode& self) {
  return may_accept_writes(self.reached) || may_accept_writes(self.goal.state);
}

OrderResult create(SimNode& self) {
  self.data = Data::intact;
  self.opens_as_primary = true;
  return OrderResult::changes;
}

OrderResult set_upstream(SimNode& self, std::uint8_t upstream) {
  if (self.data == Data::absent) return OrderResult::fails;
  if (!self.opens_as_primary && self.upstream == upstream) return OrderResult::nothing;
  self.opens_as_primary = false;
  self.upstream = upstream;
  return OrderResult::changes;
}

OrderResult start(SimNode& self) {
  if (self.server != Server::stopped) return OrderResult::nothing;
  if (self.data != Data::intact || self.broken) return OrderResult::fails;
  self.server = self.opens_as_primary ? Server::primary : Server::standby;
  return OrderResult::changes;
}

OrderResult stop(SimNode& self) {
  if (self.server == Server::stopped) return OrderResult::nothing;
  self.server = Server::stopped;
  return OrderResult::changes;
}

OrderResult set_sync(SimNode& self, const SyncQuorum& quorum) {
  if (self.server == Server::stopped) return OrderResult::fails;
  const SimQuorum sync = sim_quorum(quorum);
  if (self.sync == sync) return OrderResult::nothing;
  self.sync = sync;
  return OrderResult::changes;
}

OrderResult stop_receiving(SimNode& self) {
  if (self.server == Server::stopped) return OrderResult::fails;
  if (self.upstream == nobody) return OrderResult::nothing;
  self.upstream = nobody;
  return OrderResult::changes;
}

OrderResult promote(SimNode& self) {
  if (self.server == Server::stopped) return OrderResult::fails;
  if (self.server == Server::primary) return OrderResult::nothing;
  self.server = Server::primary;
  self.opens_as_primary = true;
  self.upstream = nobody;
  return OrderResult::changes;
}

/// A rewind or copy that begins tears the data; it ends with what the upstream has.
OrderResult replace_data(SimNode& self, std::uint8_t upstream) {
  if (self.data == Data::intact) {
    self.data = Data::torn;
  } else {
    self.data = Data::intact;
    self.opens_as_primary = self.lost_its_place = false;
    self.upstream = upstream;
    self.sync = {};
  }
  return OrderResult::changes;
}

/// Nothing is torn where the histories have not parted.
OrderResult rewind(SimNode& self, const View& view, std::uint8_t upstream) {
  if (self.data == Data::absent || (self.data == Data::intact && self.lost_its_place))
    return OrderResult::proves_impossible;
  if (self.data == Data::intact && view.fits_upstream) return set_upstream(self, upstream);
  return replace_data(self, upstream);
}

bool replaces_data(Kind kind) {
  return kind == Kind::rewind || kind == Kind::copy;
}

}  // namespace

SimQuorum sim_quorum(const SyncQuorum& quorum) {
  SimQuorum sim{static_cast<std::uint8_t>(quorum.acks), 0};
  for (const NodeId voter : quorum.voters) sim.voters = static_cast<std::uint8_t>(sim.voters | 1U << node_of(voter));
  return sim;
}

const char* why_forbidden(const keeper::Order& order, const SimNode& self) {
  const bool runs = self.server != Server::stopped;
  if (replaces_data(order.kind)) return runs ? "a keeper replaces the data of a Postgres that runs" : nullptr;
  switch (order.kind) {
    case Kind::create_cluster:
      return self.data != Data::absent ? "a keeper creates a cluster where there is data" : nullptr;
    case Kind::set_upstream:
      return self.server == Server::primary ? "a keeper makes a standby of a primary that runs" : nullptr;
    case Kind::start:
      if (runs) return nullptr;
      if (self.data != Data::intact) return "a keeper starts torn or missing data";
      return self.opens_as_primary && !is_to_serve(self) ? "a keeper starts as a primary what is to be a standby"
                                                         : nullptr;
    case Kind::promote:
      if (self.data != Data::intact) return "a keeper promotes torn or missing data";
      return self.upstream != nobody ? "a keeper promotes a standby that may still receive" : nullptr;
    case Kind::mark_forked: return "a keeper disowns data that only it has promoted";
    case Kind::keep_own_history: return "a keeper keeps a history that no operator wants";
    default: return nullptr;
  }
}

OrderResult carry_out(const keeper::Order& order, const View& view, SimNode& self) {
  if (replaces_data(order.kind) && (self.server != Server::stopped || !view.upstream_serves)) return OrderResult::fails;
  switch (order.kind) {
    case Kind::create_cluster: return create(self);
    case Kind::set_upstream: return set_upstream(self, node_of(order.upstream));
    case Kind::start: return start(self);
    case Kind::stop: return stop(self);
    case Kind::set_sync: return set_sync(self, order.sync);
    case Kind::stop_receiving: return stop_receiving(self);
    case Kind::promote: return promote(self);
    case Kind::rewind: return rewind(self, view, node_of(order.upstream));
    case Kind::copy: return replace_data(self, node_of(order.upstream));
    case Kind::configure:
    case Kind::create_accounts:
    case Kind::checkpoint:
    case Kind::keep_slots:
    case Kind::reload:
    case Kind::hold_clients:
    case Kind::admit_clients:
    case Kind::keep_own_history:
    case Kind::mark_forked: return OrderResult::nothing;
  }
  return OrderResult::fails;
}

}  // namespace autoctl::explorer
