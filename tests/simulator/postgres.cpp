#include "postgres.h"

#include <algorithm>

namespace autoctl::simulator {

namespace {

/// As the product configures its servers.
constexpr Micros receiver_timeout = seconds(3);
constexpr Micros sender_timeout = seconds(10);
constexpr Micros retry_interval = ms(100);
/// The product's own measure of a WAL receiver that is alive.
constexpr Micros heard_recently = ms(2500);

constexpr int branch_shift = 44;  // an event's value has room for a position

std::int64_t packed(Position position) {
  return static_cast<std::int64_t>(position.lsn) | std::int64_t{position.branch} << branch_shift;
}
Position unpacked(std::int64_t value) {
  return {static_cast<std::int32_t>(value >> branch_shift),
          static_cast<std::uint64_t>(value) & ((std::uint64_t{1} << branch_shift) - 1)};
}

}  // namespace

Servers::Servers(Kernel& kernel, PretendedNetwork& network, int groups, int group_size)
    : kernel_(kernel), network_(network), group_size_(group_size) {
  const auto nodes = static_cast<std::size_t>(groups * group_size);
  servers_.resize(nodes);
  hosts_.resize(nodes);
  ids_.resize(nodes);
  timelines_.resize(static_cast<std::size_t>(groups));
  acknowledged_.resize(static_cast<std::size_t>(groups));
  writers_.resize(static_cast<std::size_t>(groups), -1);
}

void Servers::name(int node, NodeId id) {
  ids_[static_cast<std::size_t>(node)] = id;
  if (nodes_.size() <= static_cast<std::size_t>(id.value)) nodes_.resize(static_cast<std::size_t>(id.value) + 1, -1);
  nodes_[static_cast<std::size_t>(id.value)] = node;
}

bool Servers::reach(int from, int to) const {
  return host(to).powered && !frozen(to) && network_.open(from, to, kernel_.now) &&
         network_.open(to, from, kernel_.now);
}

PortState Servers::port_of(int from, int to) const {
  if (!reach(from, to)) return PortState::silent;
  if (hung(to)) return PortState::silent;
  return (*this)[to].running() ? PortState::open : PortState::refused;
}

bool Servers::can_read_from(int node, int upstream) const {
  return reach(node, upstream) && (*this)[upstream].accepts_writes() && !hung(upstream);
}

// ---- the server

void Servers::create(int node) {
  Postgres& self = (*this)[node];
  Timelines::Branch& root = timelines(node)[0];
  if (root.writer >= 0 && root.writer != node)
    throw Violation{group_of(node), "a second cluster is created in a group"};
  root.writer = writers_[static_cast<std::size_t>(group_of(node))] = node;
  self.exists = true;
  self.wal = {0, 1000};
}

void Servers::start(int node) {
  Postgres& self = (*this)[node];
  if (self.running() || !self.exists || self.rewinding) return;
  self.server = Server::starting;
  self.clean = false;
  ++self.generation;
  Micros duration = kernel_.random.skewed(ms(30), seconds(4));
  if (self.slow_until > kernel_.now) duration += kernel_.random.between(0, seconds(15));
  kernel_.post(duration, {.what = What::server_started, .generation = self.generation, .node = node});
}

void Servers::on_started(const Event& event) {
  Postgres& self = (*this)[event.node];
  if (self.generation != event.generation || self.server != Server::starting) return;
  if (disk_is_full(event.node) && kernel_.random.coin()) {
    note(event.node, "Postgres cannot start: the disk is full");
    return kill(event.node);
  }
  self.server = Server::up;
  self.primary = !self.standby_signal;
  self.sync = self.conf_sync;
  self.upstream = self.conf_upstream;
  self.refusal = Refusal::none;
  note(event.node, self.primary ? "Postgres runs as PRIMARY" : "Postgres runs as standby");
  if (!self.primary) {
    schedule_receiver(event.node, ms(5));
  } else if (timelines(event.node)[self.wal.branch].writer != event.node) {
    throw Violation{group_of(event.node), "a standby's data is started as a primary without a promotion"};
  }
  check_one_acknowledges(group_of(event.node));
  server_changed(event.node);
}

void Servers::begin_shutdown(int node) {
  Postgres& self = (*this)[node];
  if (self.server == Server::stopping || !self.running()) return;
  self.server = Server::stopping;
  self.hung_until = 0;     // what was stopped is continued, so that it hears the order
  self.pending_count = 0;  // sessions end without a word to their clients
  note(node, "Postgres is being stopped");
  Micros duration = kernel_.random.skewed(ms(10), seconds(1));
  for (int place = 0; place < group_size_; ++place) {
    const int standby = first_of(group_of(node)) + place;
    const bool waits = self.senders[static_cast<std::size_t>(place)].connection != 0 && !reach(node, standby);
    if (waits) duration = seconds(10);  // the keeper's patience, then it is killed
  }
  kernel_.post(duration, {.what = What::server_stopped, .generation = self.generation, .node = node});
}

void Servers::on_stopped(const Event& event) {
  Postgres& self = (*this)[event.node];
  if (self.generation != event.generation || self.server != Server::stopping) return;
  if (self.primary) self.wal.lsn += 8;  // the shutdown checkpoint; senders stay until it has arrived
  for (int place = 0; self.primary && place < group_size_; ++place) {
    const int standby = first_of(group_of(event.node)) + place;
    const std::uint32_t connection = self.senders[static_cast<std::size_t>(place)].connection;
    if (connection != 0 && (*this)[standby].connection == connection && reach(event.node, standby) &&
        !disk_is_full(standby))
      receive(standby, self.wal);
  }
  kill(event.node);
  self.clean = true;
}

void Servers::kill(int node) {
  Postgres& self = (*this)[node];
  if (!self.running()) return;
  note(node, "Postgres has stopped");
  ++self.generation;
  self.server = Server::stopped;
  self.primary = self.promoting = self.clean = false;
  self.pending_count = 0;
  self.hung_until = 0;
  for (int place = 0; place < group_size_; ++place) {
    Postgres::Sender& sender = self.senders[static_cast<std::size_t>(place)];
    if (sender.connection != 0 && host(node).powered)
      kernel_.post(latency(), {.what = What::upstream_closed,
                               .generation = sender.connection,
                               .node = first_of(group_of(node)) + place,
                               .peer = node});
    sender = {};
  }
  drop_receiver(node);
  server_changed(node);
}

void Servers::set_sync(int node, const SyncQuorum& quorum) {
  Postgres& self = (*this)[node];
  if (self.sync == quorum) return;
  self.sync = quorum;
  std::string names = quorum.asynchronous() ? "nobody" : std::to_string(quorum.acks) + " of";
  for (const NodeId id : quorum.voters) names += " " + std::to_string(place_of(node_of(id)));
  note(node, "commits wait for", std::move(names));
  acknowledge(node);
  check_one_acknowledges(group_of(node));
}

void Servers::set_upstream(int node, int upstream) {
  Postgres& self = (*this)[node];
  if (self.upstream == upstream) return;
  drop_receiver(node);
  self.upstream = upstream;
  self.refusal = Refusal::none;
  note(node, upstream < 0 ? "receives from nobody" : "is to receive from",
       upstream < 0 ? "" : std::to_string(place_of(upstream)));
  schedule_receiver(node, ms(2));
}

void Servers::promote(int node) {
  Postgres& self = (*this)[node];
  if (self.promoting) return;
  self.promoting = true;
  kernel_.post(kernel_.random.skewed(ms(10), seconds(1)),
               {.what = What::server_promoted, .generation = self.generation, .node = node});
}

void Servers::on_promoted(const Event& event) {
  Postgres& self = (*this)[event.node];
  if (self.generation != event.generation || self.server != Server::up || self.primary) return;
  if (timelines(event.node).strays(self.wal))
    throw Violation{group_of(event.node), "a node is promoted that has what somebody wrote after a promotion by hand"};
  if (!has_every_acknowledged_commit(event.node))
    throw Violation{group_of(event.node), "a node is promoted that lacks an acknowledged commit"};
  ++kernel_.tally.promotions;
  open_for_writes(event.node, false);
  check_one_acknowledges(group_of(event.node));
}

void Servers::promote_by_hand(int node) {
  open_for_writes(node, true);
}

void Servers::open_for_writes(int node, bool by_hand) {
  Postgres& self = (*this)[node];
  drop_receiver(node);
  self.promoting = false;
  self.wal = timelines(node).fork(self.wal, node);
  self.wal.lsn += 8;  // the end-of-recovery record
  Timelines::Branch& branch = timelines(node)[self.wal.branch];
  branch.by_hand = by_hand;
  if (!by_hand) writers_[static_cast<std::size_t>(group_of(node))] = node;
  self.primary = true;
  self.standby_signal = false;
  self.upstream = -1;
  note(node, by_hand ? "SOMEBODY PROMOTES Postgres to timeline" : "Postgres is PROMOTED to timeline",
       std::to_string(branch.timeline) + " at " + std::to_string(branch.start));
  push_wal(node);
  server_changed(node);
}

// ---- replication

bool Servers::receiving(int node) const {
  const Postgres& self = (*this)[node];
  return self.server == Server::up && self.connection != 0 && kernel_.now - self.heard_at < heard_recently;
}

bool Servers::streams_to(int node, int standby) const {
  const Postgres::Sender& sender = (*this)[node].senders[static_cast<std::size_t>(place_of(standby))];
  return sender.connection != 0 && kernel_.now - sender.replied_at < sender_timeout;
}

int Servers::flushed_by(int node, const SyncQuorum& quorum, std::uint64_t lsn) const {
  return static_cast<int>(
      std::ranges::count_if(quorum.voters, [&](NodeId id) { return flushed_by(node, node_of(id)) >= lsn; }));
}

std::uint64_t Servers::flushed_by(int node, int standby) const {
  return streams_to(node, standby) ? (*this)[node].senders[static_cast<std::size_t>(place_of(standby))].flushed : 0;
}

void Servers::schedule_receiver(int standby, Micros delay) {
  Postgres& self = (*this)[standby];
  if (self.upstream < 0 || self.primary || self.server != Server::up) return;
  kernel_.post(delay, {.what = What::receiver_turn, .generation = ++self.receiver_turns, .node = standby});
}

bool Servers::upstream_is_heard(int standby) const {
  const Postgres& self = (*this)[standby];
  const int upstream = self.upstream;
  return host(upstream).powered && !frozen(upstream) && network_.open(upstream, standby, kernel_.now) &&
         (*this)[upstream].senders[static_cast<std::size_t>(place_of(standby))].connection == self.connection;
}

/// What a receiver does by itself: keepalives, or another try to connect.
void Servers::on_receiver_turn(const Event& event) {
  Postgres& self = (*this)[event.node];
  if (self.receiver_turns != event.generation || self.server != Server::up || self.primary || self.upstream < 0) return;
  if (self.connection == 0) {
    connect(event.node);
    return schedule_receiver(event.node,
                             self.connection != 0 ? ms(500) : kernel_.random.between(1, 3) * retry_interval);
  }
  if (upstream_is_heard(event.node)) {
    self.heard_at = kernel_.now;
    receive(event.node, (*this)[self.upstream].wal);
    if (network_.open(event.node, self.upstream, kernel_.now)) take_flush(self.upstream, event.node, self.wal.lsn);
  } else if (kernel_.now - self.heard_at > receiver_timeout) {
    drop_receiver(event.node);
  }
  schedule_receiver(event.node, kernel_.random.between(ms(400), ms(900)));
}

void Servers::connect(int standby) {
  Postgres& self = (*this)[standby];
  const Postgres& upstream = (*this)[self.upstream];
  if (!reach(standby, self.upstream) || upstream.server != Server::up || !upstream.answers()) return;
  if (hung(self.upstream)) return;
  const Timelines& history = timelines(standby);
  if (!history.contains(upstream.wal, self.wal))
    self.refusal = history.contains(self.wal, upstream.wal) ? Refusal::ahead : Refusal::diverged;
  else
    self.refusal = self.lost_its_place ? Refusal::wal_gone : Refusal::none;
  if (self.refusal != Refusal::none) return;
  self.connection = ++connections_;
  self.heard_at = kernel_.now;
  (*this)[self.upstream].senders[static_cast<std::size_t>(place_of(standby))] = {self.connection, 0, kernel_.now};
  note(standby, "streams from", std::to_string(place_of(self.upstream)));
  kernel_.post(latency(), {.what = What::wal_arrives,
                           .generation = self.connection,
                           .node = standby,
                           .peer = self.upstream,
                           .value = packed(upstream.wal)});
  check_one_acknowledges(group_of(standby));
}

void Servers::drop_receiver(int standby) {
  Postgres& self = (*this)[standby];
  if (self.connection == 0) return;
  if (host(standby).powered)
    kernel_.post(latency(),
                 {.what = What::standby_closed, .generation = self.connection, .node = self.upstream, .peer = standby});
  self.connection = 0;
  note(standby, "streams no more");
}

void Servers::on_upstream_closed(const Event& event) {
  Postgres& self = (*this)[event.node];
  if (self.connection != event.generation || !network_.open(event.peer, event.node, kernel_.now)) return;
  self.connection = 0;
  note(event.node, "its upstream has closed the connection");
  schedule_receiver(event.node, retry_interval);
}

void Servers::on_standby_closed(const Event& event) {
  Postgres::Sender& sender = (*this)[event.node].senders[static_cast<std::size_t>(place_of(event.peer))];
  if (sender.connection == event.generation && network_.open(event.peer, event.node, kernel_.now)) sender = {};
}

void Servers::push_wal(int node) {
  const Postgres& self = (*this)[node];
  for (int place = 0; place < group_size_; ++place) {
    const std::uint32_t connection = self.senders[static_cast<std::size_t>(place)].connection;
    if (connection == 0) continue;
    kernel_.post(latency(), {.what = What::wal_arrives,
                             .generation = connection,
                             .node = first_of(group_of(node)) + place,
                             .peer = node,
                             .value = packed(self.wal)});
  }
}

void Servers::receive(int standby, Position upto) {
  Postgres& self = (*this)[standby];
  if (upto == self.wal || timelines(standby).contains(self.wal, upto)) return;
  if (!timelines(standby).contains(upto, self.wal))
    throw Violation{group_of(standby), "WAL of another history arrives"};
  self.wal = upto;
  push_wal(standby);
}

void Servers::on_wal(const Event& event) {
  Postgres& self = (*this)[event.node];
  if (self.connection != event.generation || self.server == Server::stopped ||
      !network_.open(event.peer, event.node, kernel_.now))
    return;
  if (disk_is_full(event.node)) {
    note(event.node, "a full disk ends a standby");
    return kill(event.node);
  }
  self.heard_at = kernel_.now;
  receive(event.node, unpacked(event.value));
  kernel_.post(latency(), {.what = What::flush_is_told,
                           .generation = self.connection,
                           .node = event.peer,
                           .peer = event.node,
                           .value = static_cast<std::int64_t>(self.wal.lsn)});
}

void Servers::on_flush_told(const Event& event) {
  const Postgres::Sender& sender = (*this)[event.node].senders[static_cast<std::size_t>(place_of(event.peer))];
  if (sender.connection != event.generation || !network_.open(event.peer, event.node, kernel_.now)) return;
  take_flush(event.node, event.peer, static_cast<std::uint64_t>(event.value));
}

void Servers::take_flush(int node, int standby, std::uint64_t lsn) {
  Postgres::Sender& sender = (*this)[node].senders[static_cast<std::size_t>(place_of(standby))];
  sender.flushed = std::max(sender.flushed, lsn);
  sender.replied_at = kernel_.now;
  acknowledge(node);
}

// ---- clients

void Servers::commit(int node) {
  Postgres& self = (*this)[node];
  if (!self.accepts_writes() || disk_is_full(node) || hung(node)) return;
  if (self.pending_count == static_cast<int>(self.pending.size())) return;
  if (timelines(node)[self.wal.branch].writer != node) throw Violation{group_of(node), "two nodes write one timeline"};
  self.wal.lsn += static_cast<std::uint64_t>(kernel_.random.between(1, 100));
  self.pending[static_cast<std::size_t>(self.pending_count++)] = self.wal.lsn;
  push_wal(node);
  acknowledge(node);
}

bool Servers::write(int node) {
  Postgres& self = (*this)[node];
  if (!self.accepts_writes() || disk_is_full(node)) return false;
  if (timelines(node)[self.wal.branch].writer != node) throw Violation{group_of(node), "two nodes write one timeline"};
  self.wal.lsn += static_cast<std::uint64_t>(kernel_.random.between(1, 100));
  push_wal(node);
  return true;
}

bool Servers::acknowledges(int node, std::uint64_t lsn) {
  const Postgres& self = (*this)[node];
  if (!self.accepts_writes() || timelines(node).strays(self.wal)) return false;
  if (!self.sync.asynchronous() && flushed_by(node, self.sync, lsn) < self.sync.acks) return false;
  promised(node, lsn);
  return true;
}

void Servers::acknowledge(int node) {
  Postgres& self = (*this)[node];
  if (!self.accepts_writes()) return;
  if (timelines(node).strays(self.wal)) {
    self.pending_count = 0;  // whatever clients are told there, nobody stands by it
    return;
  }
  int done = 0;
  while (done < self.pending_count) {
    const std::uint64_t lsn = self.pending[static_cast<std::size_t>(done)];
    if (!self.sync.asynchronous() && flushed_by(node, self.sync, lsn) < self.sync.acks) break;
    promised(node, lsn);
    ++done;
  }
  std::shift_left(self.pending.begin(), self.pending.begin() + self.pending_count, done);
  self.pending_count -= done;
}

void Servers::promised(int node, std::uint64_t lsn) {
  Acknowledged& group = acknowledged_[static_cast<std::size_t>(group_of(node))];
  const Position position{(*this)[node].wal.branch, lsn};
  ++group.count;
  ++kernel_.tally.commits_acknowledged;
  // A frozen primary that hears late of what its standby flushed tells the truth, also when that standby leads by now.
  if (group.any && timelines(node).contains(group.last, position)) return;
  if (group.any && !timelines(node).contains(position, group.last))
    throw Violation{group_of(node),
                    "node " + std::to_string(place_of(node)) +
                        " acknowledges a commit, and an earlier acknowledged one is not in its history"};
  group.any = true;
  group.last = position;
  group.all.emplace_back(position, kernel_.now);
}

void Servers::monitor_hears(int node, std::uint64_t lsn) {
  Position& heard_of = acknowledged_[static_cast<std::size_t>(group_of(node))].heard_of;
  const std::int32_t branch = (*this)[node].wal.branch;
  heard_of = {branch, branch == heard_of.branch ? std::max(lsn, heard_of.lsn) : lsn};
}

void Servers::forgive_loss(int node, Micros time_max, std::uint64_t bytes_max) {
  Acknowledged& group = acknowledged_[static_cast<std::size_t>(group_of(node))];
  const Position has = (*this)[node].wal;
  if (has_every_acknowledged_commit(node) || !(*this)[node].exists) return;
  const Micros last = group.all.back().second;
  Micros first = last;
  for (; !group.all.empty() && !timelines(node).contains(has, group.all.back().first); group.all.pop_back())
    first = group.all.back().second;
  const std::uint64_t common = timelines(node).last_common(has, group.heard_of);
  const std::uint64_t bytes = group.heard_of.lsn > common ? group.heard_of.lsn - common : 0;
  note(node, "LOSES", std::to_string((last - first) / 1000) + " ms, " + std::to_string(bytes) + " bytes");
  ++kernel_.tally.losses;
  if (last - first > time_max || bytes > bytes_max)
    throw Violation{group_of(node), "a failover loses more than the bound says: what was acknowledged in " +
                                        std::to_string((last - first) / 1000) + " ms, and " + std::to_string(bytes) +
                                        " bytes of what the monitor had heard of"};
  group.any = !group.all.empty();
  if (group.any) group.last = group.all.back().first;
  group.heard_of = has;
}

// ---- the truth

bool Servers::can_acknowledge(int node) const {
  const Postgres& self = (*this)[node];
  if (!self.accepts_writes() || timelines(node).strays(self.wal)) return false;
  int voters = 0;
  for (const NodeId id : self.sync.voters) {
    const Postgres& standby = (*this)[node_of(id)];
    if (standby.connection != 0 && standby.upstream == node &&
        self.senders[static_cast<std::size_t>(place_of(node_of(id)))].connection == standby.connection)
      ++voters;
  }
  return voters >= self.sync.acks;
}

bool Servers::has_every_acknowledged_commit(int node) const {
  const Acknowledged& group = acknowledged_[static_cast<std::size_t>(group_of(node))];
  return !group.any || ((*this)[node].exists && timelines(node).contains((*this)[node].wal, group.last));
}

void Servers::check_one_acknowledges(int group) const {
  int able = 0;
  for (int place = 0; place < group_size_; ++place)
    if (can_acknowledge(first_of(group) + place)) ++able;
  if (able > 1) throw Violation{group, "two nodes can acknowledge commits"};
}

}  // namespace autoctl::simulator
