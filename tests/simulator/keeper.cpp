#include "keeper.h"

#include <algorithm>

namespace autoctl::simulator {

namespace {

/// Nothing is fenced for so long after a keeper's start (keeper/core/core.cpp, lease.cpp).
constexpr Micros streaming_memory_at_start = seconds(4) + ms(2500);

std::string words(const Goal& goal) {
  std::string text = std::string(to_string(goal.state)) + " (term " + std::to_string(goal.term.value) + ")";
  if (goal.fence) text += " fence";
  return text;
}

}  // namespace

void Keeper::join(std::string token, std::string host, int port) {
  token_ = std::move(token);
  host_ = std::move(host);
  port_ = port;
}

void Keeper::kill() {
  if (!alive()) return;
  // Its guard (keeper/agent/guard.h) does not let Postgres go on under a lease that no keeper watches.
  const bool guarded = core_->guarded_until() && server().running();
  core_.reset();
  order_.reset();
  ++generation_;
  note("KEEPER KILLED", guarded ? "and Postgres with it" : "");
  if (guarded) servers_->kill(node_);
  for (Exchange* exchange : {&heartbeat_, &messenger_}) {
    if (servers_->host(node_).powered && exchange->connection != 0)
      kernel_->post(
          kernel_->random.skewed(100, 60'000),
          {.what = What::connection_closed, .node = node_, .value = static_cast<std::int64_t>(exchange->connection)});
    *exchange = {};
  }
}

void Keeper::start() {
  if (!alive()) kernel_->post(0, {.what = What::keeper_starts, .generation = ++generation_, .node = node_});
}

void Keeper::on_starts(const Event& event) {
  if (alive() || event.generation != generation_ || !servers_->host(node_).powered) return;
  if (chance_of_a_full_disk()) {
    kernel_->post(seconds(1), {.what = What::keeper_starts, .generation = generation_, .node = node_});
    return;
  }
  ++on_disk_.epoch;
  note("keeper starts", "in " + std::string(to_string(on_disk_.state)) + ", goal " + words(on_disk_.goal));
  fenced_later_ = kernel_->now + streaming_memory_at_start;
  chain_.emplace(instance_on_disk_, place());
  take_link();
  core_.emplace(
      keeper::Identity{.node = servers_->id_of(node_), .pgdata = "PGDATA", .unproved = chain_->is_elsewhere()},
      on_disk_, clock());
  core_->check_vitals(clock());
  order_.reset();
  fence_watched_ = heartbeat_waits_for_facts_ = false;
  turn_at_ = -1;
  wake(0);
  kernel_->post(0, {.what = What::heartbeat, .generation = ++heartbeat_turn_, .node = node_});
}

/// As the scribe's thread.
void Keeper::take_link() {
  instance_on_disk_ = chain_->with_link("link " + std::to_string(++post_->links));
  chain_->saved(instance_on_disk_, clock());
}

void Keeper::move_disk() {
  ++machine_;
  note("ITS DISK IS MOVED");
}

void Keeper::wake(Micros delay) {
  if (!alive()) return;
  const Micros at = kernel_->now + delay;
  if (turn_at_ >= kernel_->now && turn_at_ <= at) return;
  turn_at_ = at;
  kernel_->post(delay, {.what = What::keeper_turn, .generation = ++turn_, .node = node_});
}

bool Keeper::chance_of_a_full_disk() {
  return servers_->disk_is_full(node_) && kernel_->random.permille(800);
}

void Keeper::on_turn(const Event& event) {
  if (!alive() || event.generation != turn_) return;
  turn_at_ = -1;
  if (order_) return go_on_with_order();
  look();
  go_on();
}

/// As Worker::run(): until there is something to wait for.
void Keeper::go_on() {
  for (;;) {
    const keeper::Ready ready = core_->ready(clock());
    note(ready);
    send_what_is_urgent();  // its thread waits for nothing
    if (ready.look) {
      look();
    } else if (ready.save) {
      save(*ready.save);
    } else if (ready.order) {
      return begin(*ready.order);
    } else {
      answer_is_published();
      watch_lease();
      const auto left = std::chrono::duration_cast<std::chrono::microseconds>(ready.wake_at - clock()).count();
      return wake(std::max<Micros>(left, ms(1)));
    }
  }
}

void Keeper::note(const keeper::Ready& ready) {
  for (const keeper::LogLine& line : ready.log) {
    note("says:", line.text);
    if (line.text.starts_with("no way from")) throw Violation{servers_->group_of(node_), line.text};
  }
}

void Keeper::save(keeper::SavedState state) {
  if (chance_of_a_full_disk()) return core_->save_failed({Errc::system, "the state cannot be saved", ""}, clock());
  on_disk_ = std::move(state);
  core_->saved(clock());
  judge_obedience();
}

void Keeper::look() {
  core_->observed(observe(), clock());
  judge_lease();
}

/// What was asked is answered: the next heartbeat need not wait.
void Keeper::answer_is_published() {
  if (!heartbeat_waits_for_facts_ || core_->owes_an_answer()) return;
  heartbeat_waits_for_facts_ = false;
  kernel_->post(0, {.what = What::heartbeat, .generation = ++heartbeat_turn_, .node = node_});
}

namespace {

keeper::Refusal shown(Refusal refusal) {
  switch (refusal) {
    case Refusal::diverged: return keeper::Refusal::diverged;
    case Refusal::wal_gone: return keeper::Refusal::wal_gone;
    case Refusal::ahead:  // its upstream may catch up
    case Refusal::none: return keeper::Refusal::none;
  }
  return keeper::Refusal::none;
}

}  // namespace

keeper::Observation Keeper::observe() const {
  const Postgres& self = server();
  const Timelines::Branch& branch = servers_->timelines(node_)[self.wal.branch];
  keeper::Observation seen{.began = clock(),
                           .running = self.running(),
                           .server = self.generation,
                           .standby_signal = self.standby_signal && !self.rewinding,
                           .rewinding = self.rewinding,
                           .forked = self.forked,
                           .refusal = shown(self.refusal)};
  if (servers_->disk_is_full(node_)) seen.disk_left = 0;
  if (self.answers() && !servers_->deaf(node_)) {
    keeper::ServerView& answer = seen.answer.emplace();
    answer.in_recovery = !self.primary;
    answer.system_id = SystemId{1};
    answer.timeline = Timeline{branch.timeline};
    answer.history = branch.history;
    answer.lsn = answer.replayed = Lsn{self.wal.lsn};
    answer.receiving = servers_->receiving(node_);
    answer.sync = self.sync;
    for (const auto& peer : saved().peers) {
      const int standby = servers_->node_of(peer.id);
      if (servers_->streams_to(node_, standby))
        answer.senders.push_back({peer.id, true, Lsn{servers_->flushed_by(node_, standby)}});
    }
  } else if (!self.running()) {
    seen.disk = keeper::DiskView{.exists = self.exists, .is_postgres = self.exists};
    if (self.exists) {
      seen.disk->system_id = SystemId{1};
      seen.disk->timeline = Timeline{branch.timeline};
      seen.disk->history = branch.history;
      seen.disk->end = Lsn{self.clean ? self.wal.lsn : 0};
    }
  }
  if (core_->wants_upstream_probe()) {
    const int upstream = node_of(saved().goal.upstream);
    seen.upstream_port = upstream < 0 ? PortState::unknown : servers_->port_of(node_, upstream);
  }
  return seen;
}

void Keeper::begin_probes() {
  if (alive()) core_->check_vitals(clock());  // nobody is blamed for the time before, in which there were no turns
  kernel_->post(0, {.what = What::probes_turn, .generation = ++probes_turn_, .node = node_});
}

void Keeper::on_probes(const Event& event) {
  if (event.generation != probes_turn_) return;
  const bool hangs = servers_->hung(node_);
  if (alive()) {
    if (core_->expects_service()) {
      using keeper::Pulse;
      core_->felt({.of = Pulse::Of::disk, .alive = true, .why = {}}, clock());
      core_->felt({.of = Pulse::Of::session, .alive = !hangs, .cause = Pulse::Cause::stands_still, .why = "it hangs"},
                  clock());
    }
    if (const std::string said = core_->check_vitals(clock()); !said.empty()) note("says:", said);
    send_what_is_urgent();
  }
  const bool over = !hangs && (!alive() || core_->vitals_are_good());
  if (!over) kernel_->post(ms(500), event);
}

/// Only a node that this one was told of.
int Keeper::node_of(NodeId upstream) const {
  return keeper::find_peer(saved().peers, upstream) == nullptr ? -1 : servers_->node_of(upstream);
}

std::string Keeper::describe() const {
  return std::string(alive() ? "" : "(dead) ") + std::string(to_string(saved().state)) + ", goal " +
         words(saved().goal) +
         (alive() && !core_->facts().trouble.empty() ? ", trouble: " + core_->facts().trouble : "");
}

std::optional<protocol::CitusPlan> Keeper::citus_duty() const {
  return alive() ? core_->citus_duty() : std::nullopt;
}

void Keeper::set_citus(std::optional<protocol::CitusFacts> facts, bool urgent) {
  core_->set_citus(std::move(facts), urgent);
  send_what_is_urgent();
}

}  // namespace autoctl::simulator
