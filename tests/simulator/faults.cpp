#include "faults.h"

namespace autoctl::simulator {

namespace {

/// A fault_in_group that no other follows.
constexpr std::uint32_t once = 1;

}  // namespace

void Faults::begin(Micros until) {
  until_ = until;
  interval_ = seconds(1) << kernel_.random.below(5);
  monitor_.duplicates = true;
  for (int group = 0; group < servers_.count() / servers_.group_size(); ++group)
    kernel_.post(kernel_.random.between(0, interval_), {.what = What::fault_in_group, .value = group});
  kernel_.post(kernel_.random.between(0, 2 * interval_), {.what = What::fault_of_monitor});
}

void Faults::end() {
  until_ = kernel_.now;
  network_.heal();
  monitor_.duplicates = false;
  monitor_.thaw();
  monitor_.store().away_until = 0;
  monitor_.store().next_fault = PretendedStore::Fault::none;
  copies_.end();
  if (!monitor_.alive()) monitor_.start();
  for (int node = 0; node < servers_.count(); ++node) {
    servers_.host(node) = {};
    servers_[node].disk_full_until = servers_[node].slow_until = servers_[node].hung_until = 0;
    keepers_[static_cast<std::size_t>(node)].start();
  }
  // When all are there that know what it does not know any more.
  if (kernel_.random.permille(200)) monitor_.restore_backup();
  monitor_.store().back_up();
}

void Faults::lose_host(int node, Micros until) {
  note(node, "HOST LOST", until - kernel_.now);
  servers_.host(node).powered = false;
  keepers_[static_cast<std::size_t>(node)].kill();
  servers_.kill(node);
}

void Faults::lose(int node, Micros until) {
  const Micros duration = until - kernel_.now;
  if (hangs && kernel_.random.permille(200)) return hang(node, until);
  switch (kernel_.random.below(6)) {
    case 0: return lose_host(node, until);
    case 1:
      note(node, "FROZEN", duration);
      servers_.host(node).frozen_until = until;
      return;
    case 2: return isolate(node, until);
    case 3: note(node, "KEEPER LOST", duration); return keepers_[static_cast<std::size_t>(node)].kill();
    case 4: return cut_from_monitor(node, until);
    default: note(node, "DISK FULL", duration); servers_[node].disk_full_until = until;
  }
}

void Faults::note(int node, std::string_view what, Micros duration) {
  ++kernel_.tally.faults;
  kernel_.trace.note(kernel_.now, servers_.group_of(node), servers_.place_of(node), what,
                     duration == 0 ? "" : "for " + std::to_string(duration / 1000) + " ms");
}

int Faults::another_node(int node) {
  if (servers_.group_size() == 1) return node;
  const int place =
      (servers_.place_of(node) + kernel_.random.between(1, servers_.group_size() - 1)) % servers_.group_size();
  return servers_.first_of(servers_.group_of(node)) + place;
}

void Faults::on_group(const Event& event) {
  if (kernel_.now >= until_) return;
  const int group = static_cast<int>(event.value);
  int node = servers_.first_of(group) + kernel_.random.below(servers_.group_size());
  for (int place = 0; place < servers_.group_size() && kernel_.random.permille(700); ++place)
    if (servers_[servers_.first_of(group) + place].primary) node = servers_.first_of(group) + place;
  if (many_switchovers && event.generation != once && kernel_.random.permille(500))
    ask_for_switchover(node);
  else
    strike(node);
  if (event.generation != once) kernel_.post(kernel_.random.between(1, 2 * interval_), event);
}

void Faults::on_delicate_moment(int group, int other_group) {
  if (kernel_.now >= until_ || !kernel_.random.permille(300)) return;
  kernel_.post(
      kernel_.random.skewed(ms(1), seconds(3)),
      {.what = What::fault_in_group, .generation = once, .value = kernel_.random.coin() ? group : other_group});
}

void Faults::ask_for_switchover(int node) {
  note(node, "AN OPERATOR ASKS FOR A SWITCHOVER");
  kernel_.post(0, {.what = What::operator_asks, .peer = -1, .value = servers_.group_of(node)});
}

void Faults::strike(int node) {
  Postgres& server = servers_[node];
  Keeper& keeper = keepers_[static_cast<std::size_t>(node)];
  if (keeper.reached() == NodeState::maintenance && kernel_.random.coin()) return lay_hands_on(node);
  if (promotions_by_hand && kernel_.random.permille(200) && promote_by_hand(another_node(node))) return;
  if (hangs && kernel_.random.permille(150)) return hang(node, kernel_.now + some_time(seconds(60)));
  switch (kernel_.random.below(17)) {
    case 0:
    case 1: note(node, "POSTGRES CRASHES"); return servers_.kill(node);
    case 2:
    case 3:
      ++kernel_.tally.faults;
      keeper.kill();
      kernel_.post(some_time(seconds(30)), {.what = What::node_boots, .node = node});
      return;
    case 4:
    case 5: return switch_off(node);
    case 6: return freezes ? freeze(node) : switch_off(node);
    case 7:
    case 8: return cut_from_monitor(node, kernel_.now + some_time(seconds(60)));
    case 9:
    case 10: return cut_from_peer(node);
    case 11: return isolate(node, kernel_.now + some_time(seconds(60)));
    case 12:
      note(node, "AN OPERATOR WANTS MAINTENANCE");
      kernel_.post(0, {.what = What::operator_asks, .peer = servers_.place_of(node), .value = servers_.group_of(node)});
      return;
    case 13:
      note(node, "AN OPERATOR PAUSES, OR GOES ON");
      kernel_.post(0, {.what = What::operator_asks,
                       .generation = kernel_.random.permille(300) ? pause_begins : pause_ends,
                       .value = servers_.group_of(node)});
      return;
    case 14:
      server.disk_full_until = kernel_.now + some_time(seconds(30));
      return note(node, "DISK FULL", server.disk_full_until - kernel_.now);
    case 15:
      if (kernel_.random.coin()) return copies_.make(node);
      if (!servers_.host(node).powered) return;
      switch_off(node);
      return keeper.move_disk();
    default:
      if (kernel_.random.coin() && !server.primary && server.connection == 0 && server.exists) {
        server.lost_its_place = true;
        return note(node, "ITS WAL IS RECYCLED");
      }
      if (kernel_.random.coin()) {
        server.slow_until = kernel_.now + some_time(seconds(60));
        return note(node, "SLOW STARTS", server.slow_until - kernel_.now);
      }
      ask_for_switchover(node);
  }
}

/// A node in maintenance is the operator's: he starts and stops its Postgres, or gives it back.
void Faults::lay_hands_on(int node) {
  if (kernel_.random.permille(300)) {
    note(node, "AN OPERATOR ENDS THE MAINTENANCE");
    kernel_.post(0, {.what = What::operator_asks,
                     .generation = maintenance_ends,
                     .peer = servers_.place_of(node),
                     .value = servers_.group_of(node)});
  } else if (servers_.host(node).powered && !servers_.frozen(node)) {
    note(node, "AN OPERATOR STARTS OR STOPS POSTGRES");
    if (servers_[node].running())
      servers_.begin_shutdown(node);
    else
      servers_.start(node);
  }
}

/// Of a standby that is none of a candidate: what its keeper promotes at the same moment nobody could tell apart.
bool Faults::promote_by_hand(int node) {
  const Postgres& server = servers_[node];
  const NodeState goal = keepers_[static_cast<std::size_t>(node)].goal().state;
  const bool follows = goal == NodeState::secondary || goal == NodeState::catchingup;
  if (!follows || !server.answers() || server.primary || server.promoting || servers_.frozen(node)) return false;
  ++kernel_.tally.faults;
  servers_.promote_by_hand(node);
  return true;
}

void Faults::switch_off(int node) {
  if (!servers_.host(node).powered) return;
  note(node, "HOST LOST");
  servers_.host(node).powered = false;
  keepers_[static_cast<std::size_t>(node)].kill();
  servers_.kill(node);
  kernel_.post(some_time(seconds(60)), {.what = What::node_boots, .node = node});
}

void Faults::on_node_boots(const Event& event) {
  servers_.host(event.node).powered = true;
  keepers_[static_cast<std::size_t>(event.node)].start();
}

void Faults::freeze(int node) {
  const Micros duration = std::min(some_time(seconds(60)), until_ - kernel_.now);  // what waits for it waits so long
  note(node, "FROZEN", duration);
  servers_.host(node).frozen_until = std::max(servers_.host(node).frozen_until, kernel_.now + duration);
}

void Faults::hang(int node, Micros until) {
  Postgres& server = servers_[node];
  if (!server.running()) return;
  keepers_[static_cast<std::size_t>(node)].begin_probes();
  server.hung_until = std::max(server.hung_until, until);
  server.deaf = kernel_.random.coin();
  note(node, server.deaf ? "POSTGRES HANGS, FOR ITS KEEPER TOO" : "POSTGRES HANGS", until - kernel_.now);
}

/// One direction, the other, or both.
void Faults::cut_from_monitor(int node, Micros until) {
  const int directions = kernel_.random.below(3);
  note(node,
       directions == 0   ? "CUT FROM MONITOR"
       : directions == 1 ? "MONITOR HEARS IT NOT"
                         : "HEARS MONITOR NOT",
       until - kernel_.now);
  if (directions != 2) network_.cut_to_monitor(node, until);
  if (directions != 1) network_.cut_from_monitor(node, until);
}

void Faults::cut_from_peer(int node) {
  const int peer = another_node(node);
  const Micros until = kernel_.now + some_time(seconds(60));
  const bool both = kernel_.random.coin();
  note(node, both ? "CUT FROM PEER" : "PEER HEARS IT NOT", until - kernel_.now);
  network_.cut(node, peer, until);
  if (both) network_.cut(peer, node, until);
}

void Faults::isolate(int node, Micros until) {
  note(node, "CUT FROM EVERYBODY", until - kernel_.now);
  network_.cut_to_monitor(node, until);
  network_.cut_from_monitor(node, until);
  network_.isolate(node, until);
  for (int place = 0; place < servers_.group_size(); ++place) {
    const int peer = servers_.first_of(servers_.group_of(node)) + place;
    network_.cut(node, peer, until);
    network_.cut(peer, node, until);
  }
}

void Faults::on_monitor(const Event& event) {
  if (kernel_.now >= until_) return;
  ++kernel_.tally.faults;
  PretendedStore& store = monitor_.store();
  if (overloads && kernel_.random.permille(400)) {
    const Micros duration = some_time(seconds(60));
    for (int node = 0; node < servers_.count(); ++node) note(node, "MONITOR IS OVERLOADED", duration);
    monitor_.overload(duration);
    kernel_.post(kernel_.random.between(1, 4 * interval_), event);
    return;
  }
  switch (kernel_.random.below(6)) {
    case 0: monitor_.crash(kernel_.random.coin()); break;
    case 1:
    case 2: store.next_fault = static_cast<PretendedStore::Fault>(kernel_.random.between(1, 4)); break;
    case 3: store.away_until = kernel_.now + some_time(seconds(20)); break;
    case 4: monitor_.freeze(some_time(seconds(20))); break;
    default: {
      const Micros until = kernel_.now + some_time(seconds(30));
      for (int node = 0; node < servers_.count(); ++node) {
        if (kernel_.random.permille(100)) continue;
        network_.cut_to_monitor(node, until);
        network_.cut_from_monitor(node, until);
        note(node, "MONITOR IS CUT OFF", until - kernel_.now);
      }
    }
  }
  kernel_.post(kernel_.random.between(1, 4 * interval_), event);
}

}  // namespace autoctl::simulator
