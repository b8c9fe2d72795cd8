// What the core's orders do to a pretended server; each as the product's, cut into turns where it takes time.
#include <algorithm>

#include "common/fsm/standby_names.h"
#include "keeper.h"

namespace autoctl::simulator {

namespace {

constexpr Micros start_patience = seconds(12);
/// Between two orders a kill finds what the first one left.
constexpr Micros longest_order = ms(300);

bool needs_an_answer(keeper::Order::Kind kind) {
  using Kind = keeper::Order::Kind;
  return kind == Kind::set_sync || kind == Kind::checkpoint || kind == Kind::stop_receiving || kind == Kind::promote ||
         kind == Kind::keep_slots || kind == Kind::create_accounts;
}

}  // namespace

void Keeper::begin(const Order& order) {
  order_ = order;
  judge_order();
  phase_ = 0;
  since_ = kernel_->now;
  wake(kernel_->random.skewed(500, keeper::changes_nothing_seen(order.kind) ? ms(20) : longest_order));
}

void Keeper::go_on_with_order() {
  const Did did = carry_out();
  if (did == Did::waits) return;
  order_.reset();
  if (did == Did::done) core_->finished(clock());
  go_on();
}

Keeper::Did Keeper::wait(Micros delay) {
  wake(delay);
  return Did::waits;
}

Keeper::Did Keeper::give_up(Errc code, std::string why) {
  core_->failed({code, std::move(why), ""}, clock());
  return Did::failed;
}

Keeper::Did Keeper::carry_out() {
  Postgres& self = server();
  if (needs_an_answer(order_->kind) && servers_->deaf(node_)) return give_up(Errc::timeout, "Postgres does not answer");
  switch (order_->kind) {
    case Order::Kind::create_cluster:
      if (chance_of_a_full_disk()) return give_up(Errc::postgres, "initdb fails");
      if (!self.exists) servers_->create(node_);
      return Did::done;
    case Order::Kind::configure:
    case Order::Kind::keep_slots:
    case Order::Kind::set_upstream: return configure();
    case Order::Kind::mark_forked:
      if (chance_of_a_full_disk()) return give_up(Errc::system, "the marker cannot be written");
      self.forked = true;
      return Did::done;
    case Order::Kind::keep_own_history: self.standby_signal = self.forked = false; return Did::done;
    case Order::Kind::start: return start_server();
    case Order::Kind::stop: return stop_server();
    case Order::Kind::set_sync: return set_sync();
    case Order::Kind::checkpoint:
      if (core_->cancelled()) return give_up(Errc::unavailable, "a newer goal came");
      return phase_++ == 0 ? wait(kernel_->random.skewed(ms(5), seconds(10))) : Did::done;
    case Order::Kind::stop_receiving: return stop_receiving();
    case Order::Kind::promote: return promote();
    case Order::Kind::rewind: return rewind();
    case Order::Kind::copy: return copy();
    case Order::Kind::hold_clients:
    case Order::Kind::admit_clients:
    case Order::Kind::create_accounts:
    case Order::Kind::reload: return Did::done;
  }
  return give_up(Errc::internal, "unknown order");
}

Keeper::Did Keeper::configure() {
  if (chance_of_a_full_disk()) return give_up(Errc::system, "the configuration cannot be written");
  if (order_->kind != Order::Kind::set_upstream) return Did::done;
  Postgres& self = server();
  if (self.running() && !self.standby_signal) return give_up(Errc::conflict, "Postgres was promoted outside autoctl");
  self.standby_signal = true;
  self.conf_upstream = order_->upstream ? node_of(order_->upstream) : -1;
  self.refusal = Refusal::none;
  if (self.running()) servers_->set_upstream(node_, self.conf_upstream);
  return Did::done;
}

/// Until it answers.
Keeper::Did Keeper::start_server() {
  Postgres& self = server();
  if (self.answers()) return Did::done;
  if (self.server == Server::stopping) return wait(ms(20));
  if (self.server == Server::stopped) {
    if (phase_++ > 0) return give_up(Errc::postgres, "Postgres does not start");
    if (!self.exists || self.rewinding || self.forked)
      return give_up(Errc::conflict, "the data directory cannot be started");
    if (chance_of_a_full_disk()) return give_up(Errc::system, "the configuration cannot be written");
    note("starts Postgres");
    servers_->start(node_);
    since_ = kernel_->now;
  }
  if (core_->cancelled()) return give_up(Errc::unavailable, "a newer goal came");
  if (kernel_->now - since_ > start_patience && self.server == Server::up)
    return give_up(Errc::timeout, "the start gets nowhere");
  return wait(ms(50));
}

Keeper::Did Keeper::stop_server() {
  if (!server().running()) return Did::done;
  servers_->begin_shutdown(node_);
  return wait(ms(100));
}

/// The file, then the signal, then a look whether it is in force.
Keeper::Did Keeper::set_sync() {
  Postgres& self = server();
  switch (phase_++) {
    case 0:
      if (chance_of_a_full_disk()) return give_up(Errc::system, "the configuration cannot be written");
      self.conf_sync = parse_sync_names(sync_names(order_->sync)).value();
      return self.running() ? wait(kernel_->random.skewed(500, ms(20))) : Did::done;
    case 1:
      if (self.server == Server::up) servers_->set_sync(node_, self.conf_sync);
      return wait(kernel_->random.skewed(500, ms(50)));
    default: return self.server == Server::up ? Did::done : give_up(Errc::postgres, "Postgres does not answer");
  }
}

Keeper::Did Keeper::stop_receiving() {
  Postgres& self = server();
  if (!self.answers()) return give_up(Errc::postgres, "Postgres does not answer");
  if (self.primary) return Did::done;
  switch (phase_++) {
    case 0:
      if (chance_of_a_full_disk()) return give_up(Errc::system, "the configuration cannot be written");
      self.conf_upstream = -1;
      return wait(kernel_->random.skewed(500, ms(20)));
    case 1: servers_->set_upstream(node_, -1); return wait(kernel_->random.skewed(ms(5), ms(50)));
    default: return Did::done;
  }
}

Keeper::Did Keeper::promote() {
  Postgres& self = server();
  if (!self.answers()) return give_up(Errc::postgres, "Postgres does not answer");
  if (self.primary) {
    self.conf_upstream = -1;
    return Did::done;
  }
  servers_->promote(node_);
  return core_->cancelled() ? give_up(Errc::unavailable, "a newer goal came") : wait(ms(20));
}

Keeper::Did Keeper::rewind() {
  Postgres& self = server();
  const int upstream = node_of(order_->upstream);
  if (core_->cancelled()) return give_up(Errc::unavailable, "a newer goal came");
  if (self.running() || upstream < 0 || !servers_->can_read_from(node_, upstream) || chance_of_a_full_disk()) {
    self.rewinding = self.rewinding || phase_ != 0;
    return give_up(Errc::postgres, "the rewind fails");
  }
  if (phase_++ == 0) {
    self.rewinding = true;
    return wait(kernel_->random.skewed(ms(100), seconds(5)));
  }
  if (self.lost_its_place || kernel_->random.permille(50))
    return give_up(Errc::conflict, "the rewind proves that it cannot work");
  const Position target = (*servers_)[upstream].wal;
  self.wal = servers_->timelines(node_).on_the_way(target, servers_->timelines(node_).last_common(self.wal, target));
  self.consistent_at = target.lsn;
  self.rewinding = self.forked = false;
  self.standby_signal = true;
  self.conf_upstream = -1;
  self.conf_sync = {};
  return Did::done;
}

Keeper::Did Keeper::copy() {
  Postgres& self = server();
  const int upstream = node_of(order_->upstream);
  if (core_->cancelled()) return give_up(Errc::unavailable, "a newer goal came");
  if (self.running() || upstream < 0 || !servers_->can_read_from(node_, upstream) || chance_of_a_full_disk())
    return give_up(Errc::postgres, "the copy fails");
  if (phase_++ == 0) {
    copied_from_ = (*servers_)[upstream].wal;
    copied_server_ = (*servers_)[upstream].generation;
    return wait(kernel_->random.skewed(ms(500), seconds(20)));
  }
  if ((*servers_)[upstream].generation != copied_server_) return give_up(Errc::postgres, "the copy broke off");
  self.exists = true;
  self.wal = copied_from_;
  self.consistent_at = (*servers_)[upstream].wal.lsn;
  self.rewinding = self.forked = self.lost_its_place = false;
  self.standby_signal = true;
  self.conf_upstream = upstream;
  self.conf_sync = {};
  return Did::done;
}

}  // namespace autoctl::simulator
