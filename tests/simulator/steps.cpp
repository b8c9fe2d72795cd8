// The keeper's steps over a pretended server; each as the product's, cut into turns where it waits.
#include <algorithm>

#include "keeper.h"
#include "keeper/postgres/instance.h"

namespace autoctl::simulator {

namespace {

using keeper::Step;

constexpr Micros start_patience = seconds(12);
constexpr Micros stall_patience = seconds(10);
constexpr Micros handover_patience = seconds(1);

}  // namespace

Keeper::Did Keeper::run(Step step) {
  switch (step) {
    case Step::create_database_cluster: return create_database_cluster();
    case Step::start_as_primary: return start_as_primary();
    case Step::apply_sync: return apply_sync();
    case Step::await_quorum: return await_quorum();
    case Step::checkpoint_if_asked: return goal_.checkpoint && server().running() ? checkpoint() : Did::done;
    case Step::stop_fast: return stop_fast();
    case Step::await_handover: return await_handover();
    case Step::stop_receiving: return stop_receiving();
    case Step::fence_if_asked: return goal_.fence ? stop_receiving() : Did::done;
    case Step::promote: return promote();
    case Step::fetch_missing: return fetch_missing();
    case Step::follow_upstream: return follow_upstream();
    case Step::leave_as_standby: return leave_as_standby();
    case Step::join_upstream: return join_upstream();
  }
  return give_up("unknown step");
}

Keeper::Did Keeper::wait(Micros delay, bool breathes) {
  breathes_ = breathes;
  wake(delay);
  return Did::waits;
}

Keeper::Did Keeper::give_up(std::string why) {
  if (cancelled()) return Did::cancelled;
  fail(std::move(why));
  return Did::failed;
}

/// Waits until the server, which the caller has started, answers.
Keeper::Did Keeper::run_server() {
  Postgres& self = server();
  if (self.answers()) return Did::done;
  if (self.server == Server::stopping) return wait(ms(20));
  if (self.server == Server::stopped) {
    if (std::exchange(started_, true)) return give_up("Postgres does not start");
    if (!self.exists || self.rewinding || self.forked) return give_up("the data directory cannot be started");
    servers_->start(node_);
    since_ = kernel_->now;
  }
  started_ = true;
  if (cancelled()) return Did::cancelled;
  if (kernel_->now - since_ > start_patience && self.server == Server::up) return give_up("the start gets nowhere");
  return wait(ms(50));
}

Keeper::Did Keeper::run_standby(int upstream) {
  if (chance_of_a_full_disk()) return give_up("the configuration cannot be written");
  Postgres& self = server();
  self.standby_signal = true;
  self.conf_upstream = upstream;
  if (self.running()) servers_->set_upstream(node_, upstream);
  return Did::done;
}

/// A standby's data without a standby.signal: somebody opened it for writes. A candidate may have been promoted by us.
void Keeper::mark_if_forked() {
  if (!server().running() && goal_.state != NodeState::stop_replication && may_have_own_wal()) server().forked = true;
}

Keeper::Did Keeper::create_database_cluster() {
  if (server().exists) return Did::done;
  if (phase_++ == 0) return wait(kernel_->random.skewed(ms(200), seconds(3)));
  servers_->create(node_);
  return Did::done;
}

Keeper::Did Keeper::start_as_primary() {
  if (phase_ == 0) {
    started_ = false;
    since_ = kernel_->now;
    phase_ = 1;
  }
  if (!server().running() && server().standby_signal) return give_up("the data directory is a standby's");
  const Did did = run_server();
  if (did != Did::done) return did;
  return server().primary ? Did::done : give_up("Postgres runs as a standby where a primary was expected");
}

/// The file, then the signal, then a look whether it is in force.
Keeper::Did Keeper::apply_sync() {
  const std::string names = keeper::sync_names(goal_.sync);
  switch (phase_++) {
    case 0:
      if (chance_of_a_full_disk()) return give_up("the configuration cannot be written");
      server().conf_sync = keeper::parse_sync_names(names).value();
      return server().running() ? wait(kernel_->random.skewed(500, ms(20))) : Did::done;
    case 1:
      if (server().server == Server::up) servers_->set_sync(node_, server().conf_sync);
      return wait(kernel_->random.skewed(500, ms(50)));
    default:
      if (server().server != Server::up) return give_up("Postgres does not answer");
      return Did::done;
  }
}

Keeper::Did Keeper::await_quorum() {
  if (!server().accepts_writes()) return give_up("Postgres stopped while it waited for its quorum");
  if (phase_ == 0 && !keep_house()) return Did::failed;
  if (phase_++ == 0) mark_ = server().wal.lsn;
  if (servers_->flushed_by(node_, goal_.sync, mark_) >= goal_.sync.acks) return Did::done;
  if (cancelled()) return Did::cancelled;
  return wait(ms(25), true);
}

Keeper::Did Keeper::checkpoint() {
  if (cancelled()) return Did::cancelled;
  return phase_++ == 0 ? wait(kernel_->random.skewed(ms(5), seconds(10))) : Did::done;
}

Keeper::Did Keeper::stop_fast() {
  if (!server().running()) return Did::done;
  servers_->begin_shutdown(node_);
  return wait(ms(100));
}

Keeper::Did Keeper::await_handover() {
  const Postgres& self = server();
  if (!goal_.await_lsn || !self.answers() || self.primary || self.wal.lsn >= goal_.await_lsn.value) return Did::done;
  if (phase_++ == 0 || self.wal.lsn > mark_) {
    mark_ = self.wal.lsn;
    since_ = kernel_->now;
  } else if (kernel_->now - since_ > handover_patience) {
    return Did::done;
  }
  return cancelled() ? Did::cancelled : wait(ms(20));
}

Keeper::Did Keeper::stop_receiving() {
  if (phase_ == 0) {
    started_ = false;
    since_ = kernel_->now;
    if (server().primary) return server().answers() ? Did::done : wait(ms(20));
    if (chance_of_a_full_disk()) return give_up("the configuration cannot be written");
    mark_if_forked();
    server().standby_signal = true;
    server().conf_upstream = -1;
    phase_ = 1;
    return wait(kernel_->random.skewed(500, ms(20)));
  }
  const bool was_stopped = !server().running();
  if (was_stopped || !server().answers()) return run_server();
  if (phase_++ == 1) {
    servers_->set_upstream(node_, -1);
    return wait(kernel_->random.skewed(ms(5), ms(50)));
  }
  return server().answers() ? Did::done : give_up("Postgres does not answer");
}

Keeper::Did Keeper::promote() {
  if (!server().answers()) return give_up("Postgres does not answer");
  if (server().primary) {
    server().conf_upstream = -1;
    return Did::done;
  }
  servers_->promote(node_);
  return cancelled() ? Did::cancelled : wait(ms(20));
}

Keeper::Did Keeper::fetch_missing() {
  const int source = upstream_of_goal();
  if (source < 0) return give_up("the monitor has not said where the missing WAL is");
  if (phase_ == 0) {
    started_ = false;
    since_ = kernel_->now;
    mark_if_forked();
    const Did did = run_standby(source);
    if (did != Did::done) return did;
    phase_ = 1;
  }
  if (phase_ == 1) {
    const Did did = run_server();
    if (did != Did::done) return did;
    phase_ = 2;
  }
  const Postgres& self = server();
  if (!self.running()) return give_up("the standby stopped while it fetched missing WAL");
  if (self.answers() && !self.primary && self.wal.lsn >= goal_.await_lsn.value) return Did::done;
  return cancelled() ? Did::cancelled : wait(ms(30), true);
}

/// Done when it streams; failed, with refusal_ saying why, when it cannot.
Keeper::Did Keeper::follow(int upstream) {
  Postgres& self = server();
  if (follow_phase_ == 0) {
    refusal_ = self.refusal = Refusal::none;
    started_ = false;
    since_ = kernel_->now;
    mark_ = self.wal.lsn;
    mark_if_forked();
    const Did did = run_standby(upstream);
    if (did != Did::done) return did;
    follow_phase_ = 1;
  }
  if (self.answers() && self.primary) {  // promoted by somebody else meanwhile
    self.forked = true;
    servers_->begin_shutdown(node_);
    refusal_ = Refusal::diverged;
    return Did::failed;
  }
  if (follow_phase_ == 1 && !self.running()) {
    if (!self.standby_signal) return give_up("the standby stopped while it was starting to stream");
    if (started_) return give_up("the standby does not start");
    if (!self.exists || self.rewinding || self.forked) return give_up("the data directory cannot be started");
    started_ = true;
    servers_->start(node_);
  }
  if (servers_->receiving(node_) && self.answers()) return Did::done;
  if (cancelled()) return Did::cancelled;
  if (self.refusal == Refusal::diverged || self.refusal == Refusal::wal_gone) {
    refusal_ = self.refusal;
    return Did::failed;
  }
  if (self.wal.lsn > mark_) {
    mark_ = self.wal.lsn;
    since_ = kernel_->now;
  } else if (kernel_->now - since_ > stall_patience) {
    since_ = kernel_->now;
    if (servers_->port_of(node_, upstream) == PortState::open) {
      refusal_ = Refusal::diverged;
      return Did::failed;
    }
  }
  return wait(ms(100), true);
}

Keeper::Did Keeper::follow_upstream() {
  const int upstream = upstream_of_goal();
  if (upstream < 0) return give_up("the monitor has not said where the upstream is");
  const Did did = follow(upstream);
  if (did == Did::failed && refusal_ != Refusal::none) return give_up("this standby cannot stream as it is");
  return did;
}

Keeper::Did Keeper::leave_as_standby() {
  const Postgres& self = server();
  if (!self.exists || self.rewinding) return Did::done;
  if (self.running() && !self.answers()) return cancelled() ? Did::cancelled : wait(ms(100), true);
  if (self.answers() && self.primary) return stop_fast();
  return run_standby(upstream_of_goal());
}

namespace {

/// Where join_upstream() is.
enum Phase { begins, follows, rewinds, follows_rewound, copies, follows_copy };

}  // namespace

Keeper::Did Keeper::join_upstream() {
  const int upstream = upstream_of_goal();
  if (upstream < 0) return give_up("the monitor has not said where the upstream is");
  for (;;) {
    const Postgres& self = server();
    Did did = Did::done;
    switch (phase_) {
      case begins: {
        const bool was_primary =
            self.exists && (self.forked || !self.standby_signal || (self.answers() && self.primary));
        phase_ = !self.exists ? copies : was_primary || self.rewinding ? rewinds : follows;
        follow_phase_ = 0;
        continue;
      }
      case follows:
      case follows_rewound:
      case follows_copy:
        did = follow(upstream);
        if (did != Did::failed || refusal_ == Refusal::none) return did;
        if (phase_ == follows_copy) return give_up("a fresh copy does not stream");
        phase_ = phase_ == follows && refusal_ == Refusal::diverged ? rewinds : copies;
        follow_phase_ = 0;
        continue;
      case rewinds: did = rewind(upstream); break;
      default: did = copy(upstream);
    }
    if (did != Did::done) return did;
    phase_ = phase_ == rewinds ? follows_rewound : follows_copy;
    follow_phase_ = 0;
  }
}

Keeper::Did Keeper::rewind(int upstream) {
  Postgres& self = server();
  if (self.running()) return stop_fast();
  if (cancelled()) return Did::cancelled;
  if (!servers_->can_read_from(node_, upstream) || chance_of_a_full_disk()) {
    self.rewinding = self.rewinding || follow_phase_ != 0;
    return give_up("the rewind fails");
  }
  if (follow_phase_ == 0) {
    follow_phase_ = 1;
    self.rewinding = true;
    return wait(kernel_->random.skewed(ms(100), seconds(5)));
  }
  if (self.lost_its_place || kernel_->random.permille(50)) {
    phase_ = 4;  // proof that it cannot work: copy
    follow_phase_ = 0;
    return copy(upstream);
  }
  const Position target = (*servers_)[upstream].wal;
  self.wal = servers_->timelines(node_).on_the_way(target, servers_->timelines(node_).last_common(self.wal, target));
  self.consistent_at = target.lsn;
  self.rewinding = self.forked = false;
  self.standby_signal = true;
  self.conf_upstream = upstream;
  self.conf_sync = {};
  return Did::done;
}

Keeper::Did Keeper::copy(int upstream) {
  Postgres& self = server();
  if (self.running()) return stop_fast();
  if (cancelled()) return Did::cancelled;
  if (!servers_->can_read_from(node_, upstream) || chance_of_a_full_disk()) return give_up("the copy fails");
  if (follow_phase_ == 0) {
    follow_phase_ = 1;
    copied_from_ = (*servers_)[upstream].wal;
    copied_server_ = (*servers_)[upstream].generation;
    return wait(kernel_->random.skewed(ms(500), seconds(20)));
  }
  if ((*servers_)[upstream].generation != copied_server_) return give_up("the copy broke off");
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
