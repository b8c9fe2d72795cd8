#include "keeper.h"

#include <algorithm>

namespace autoctl::simulator {

namespace {

constexpr Micros calm_interval = seconds(1);
constexpr Micros busy_interval = ms(100);
constexpr Micros busy_limit = seconds(30);
constexpr int start_attempts = 3;
constexpr Micros start_patience = seconds(20);
constexpr Micros retry_pause_first = ms(100);
constexpr Micros retry_pause_max = seconds(2);
constexpr Micros silence_limit = seconds(3);
constexpr Millis start_grace{4000};

bool same_task(Goal a, Goal b) {
  a.term = b.term = Term{};
  return a == b;
}

bool matters(const NodeFacts& a, const NodeFacts& b) {
  return a.state != b.state || a.term != b.term || a.postgres_running != b.postgres_running ||
         a.in_recovery != b.in_recovery || a.forked != b.forked || a.cannot_run != b.cannot_run ||
         a.cannot_write != b.cannot_write || a.system_id != b.system_id || a.timeline != b.timeline ||
         a.sync_in_force != b.sync_in_force || a.prepared_peers != b.prepared_peers || a.streaming != b.streaming ||
         a.upstream != b.upstream || a.receiving != b.receiving;
}

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
  if (!alive_) return;
  alive_ = false;
  ++generation_;
  note("KEEPER KILLED");
  for (Exchange* exchange : {&heartbeat_, &messenger_}) {
    if (servers_->host(node_).powered && exchange->connection != 0)
      kernel_->post(
          kernel_->random.skewed(100, 60'000),
          {.what = What::connection_closed, .node = node_, .value = static_cast<std::int64_t>(exchange->connection)});
    *exchange = {};
  }
}

void Keeper::start() {
  if (!alive_) kernel_->post(0, {.what = What::keeper_starts, .generation = ++generation_, .node = node_});
}

void Keeper::on_starts(const Event& event) {
  if (alive_ || event.generation != generation_ || !servers_->host(node_).powered) return;
  saved_ = on_disk_;
  Saved next = saved_;
  ++next.epoch;
  if (!remember(next)) {
    kernel_->post(seconds(1), {.what = What::keeper_starts, .generation = generation_, .node = node_});
    return;
  }
  note("keeper starts", "in " + std::string(to_string(saved_.state)) + ", goal " + words(saved_.goal));
  alive_ = true;
  facts_ = published_ = {};
  facts_.state = saved_.state;
  facts_.term = saved_.term;
  configured_peers_.clear();
  house_is_kept_ = false;
  failures_ = 0;
  retry_at_ = 0;
  last_answer_ = settled_since_ = kernel_->now;
  way_ = nullptr;
  restarting_ = false;
  assignment_.reset();
  assigned_at_ = 0;
  lease_ = {};
  lease_.assume(saved_.lease_required, clock(), start_grace);
  fenced_ = fence_watched_ = question_ = heartbeat_waits_for_facts_ = urgent_ = false;
  sequence_ = 0;
  citus_.reset();
  look();
  publish();
  turn_at_ = -1;
  wake(0);
  kernel_->post(0, {.what = What::heartbeat, .generation = ++heartbeat_turn_, .node = node_});
}

void Keeper::wake(Micros delay) {
  if (!alive_) return;
  const Micros at = kernel_->now + delay;
  if (turn_at_ >= kernel_->now && turn_at_ <= at) return;
  turn_at_ = at;
  kernel_->post(delay, {.what = What::keeper_turn, .generation = ++turn_, .node = node_});
}

bool Keeper::chance_of_a_full_disk() {
  return servers_->disk_is_full(node_) && kernel_->random.permille(800);
}

bool Keeper::remember(const Saved& next) {
  if (chance_of_a_full_disk()) {
    fail("the state cannot be saved");
    return false;
  }
  saved_ = on_disk_ = next;
  return true;
}

bool Keeper::cancelled() const {
  return assignment_ && assignment_->goal.term > saved_.goal.term && !same_task(assignment_->goal, saved_.goal);
}

/// As Worker::run() does it, but for a transition, which may take many turns.
void Keeper::on_turn(const Event& event) {
  if (!alive_ || event.generation != turn_) return;
  turn_at_ = -1;
  if (way_ != nullptr) {
    if (breathes_) {
      look();
      publish();
    }
    go_on();
  } else {
    if (obey() && kernel_->now >= retry_at_) {
      retry_at_ = 0;
      act();
    }
  }
  if (way_ != nullptr) return;  // its step said when to come back
  look();
  publish();
  rest();
}

bool Keeper::obey() {
  if (!assignment_) return true;
  const protocol::Assignment& assignment = *assignment_;
  if (assignment.goal.term < saved_.goal.term) return true;
  std::vector<NodeId> peers;
  for (const auto& peer : assignment.peers) peers.push_back(peer.id);
  if (assignment.goal == saved_.goal && assignment.lease_required == saved_.lease_required && peers == saved_.peers)
    return true;
  const bool other_task = !same_task(assignment.goal, saved_.goal);
  Saved next = saved_;
  next.goal = assignment.goal;
  next.lease_required = assignment.lease_required;
  next.peers = std::move(peers);
  if (!remember(next)) {
    if (keeper::role_of(assignment.goal.state) == Role::stopped) servers_->begin_shutdown(node_);
    return false;
  }
  if (!other_task) return true;
  note("obeys", words(saved_.goal));
  succeeded();
  return true;
}

void Keeper::act() {
  if (saved_.goal.term < highest_obeyed)
    throw Violation{servers_->group_of(node_), "a keeper obeys term " + std::to_string(saved_.goal.term.value) +
                                                   " after term " + std::to_string(highest_obeyed.value)};
  highest_obeyed = saved_.goal.term;
  if (was_promoted_by_somebody_else())
    end_foreign_promotion();
  else if (settled())
    maintain();
  else if (saved_.goal.term)
    begin_transition();
}

/// As Worker does it.
bool Keeper::was_promoted_by_somebody_else() const {
  if (wanted_role() != Role::standby || !facts_.postgres_running || facts_.in_recovery) return false;
  return settled() ||
         (keeper::role_of(saved_.goal.state) == Role::standby && saved_.goal.state != NodeState::catchingup);
}

void Keeper::end_foreign_promotion() {
  if (chance_of_a_full_disk()) return fail("the marker cannot be written");
  server().forked = true;
  if (server().running()) servers_->begin_shutdown(node_);
  saved_.state = NodeState::catchingup;
  saved_.term = Term{};
}

void Keeper::begin_transition() {
  const keeper::Transition* way = keeper::find_transition(saved_.state, saved_.goal.state);
  if (way == nullptr)
    throw Violation{servers_->group_of(node_), "no way from " + std::string(to_string(saved_.state)) + " to " +
                                                   std::string(to_string(saved_.goal.state))};
  if (may_accept_writes(saved_.goal.state) && !server().running() && !lease_.may_serve(clock())) {
    facts_.trouble = "waits for the monitor";
    return;
  }
  if (server().forked && keeper::role_of(saved_.goal.state) == Role::standby &&
      saved_.goal.state != NodeState::catchingup) {
    facts_.trouble = "waits for the monitor to let it join again";
    return;
  }
  way_ = way;
  step_ = 0;
  phase_ = follow_phase_ = 0;
  goal_ = saved_.goal;
  go_on();
}

void Keeper::go_on() {
  while (step_ < way_->steps.size()) {
    breathes_ = false;
    const Did did = run(way_->steps[step_]);
    if (did == Did::waits) return;
    if (did != Did::done) {
      way_ = nullptr;
      return;
    }
    ++step_;
    phase_ = follow_phase_ = 0;
    // Between two steps a kill finds what the first one left.
    if (step_ < way_->steps.size() || kernel_->random.permille(300)) {
      wait(kernel_->random.skewed(500, ms(300)));
      return;
    }
  }
  way_ = nullptr;
  reached_goal();
}

void Keeper::reached_goal() {
  Saved next = saved_;
  next.state = goal_.state;
  next.term = goal_.term;
  if (!remember(next)) return;
  note("has reached", words(goal_));
  settled_since_ = kernel_->now;
  fenced_ = false;
  succeeded();
}

void Keeper::rest() {
  const bool waiting = saved_.state == NodeState::wait_primary || saved_.state == NodeState::catchingup || !settled();
  const bool busy = waiting && kernel_->now - settled_since_ < busy_limit;
  Micros until = kernel_->now + (busy ? busy_interval : calm_interval);
  if (retry_at_ != 0) until = std::min(until, std::max(retry_at_, kernel_->now + 1));
  const bool newer = assignment_ && assignment_->goal.term > saved_.goal.term;
  wake(newer ? ms(1) : until - kernel_->now);
}

void Keeper::maintain() {
  const Role role = wanted_role();
  if (role == Role::stopped) {
    if (server().running()) servers_->begin_shutdown(node_);
    return succeeded();
  }
  if (role == Role::operators) return tolerate();
  if (!server().running()) return start_again();
  if (server().answers()) restarting_ = false;
  if (!facts_.postgres_running) return;
  if (saved_.state == NodeState::primary && facts_.sync_in_force != saved_.goal.sync) {
    saved_.term = Term{};
    return;
  }
  keep_house();
}

void Keeper::tolerate() {
  if (!server().primary) return succeeded();
  servers_->begin_shutdown(node_);
  fail("Postgres was opened for writes in maintenance");
}

void Keeper::start_again() {
  if (saved_.state == NodeState::primary && !lease_.may_serve(clock())) {
    facts_.trouble = "waits for the monitor";
    return;
  }
  if (chance_of_a_full_disk()) return fail("the configuration cannot be written");
  Postgres& self = server();
  if (wanted_role() == Role::primary) {
    if (self.standby_signal) return fail("the data directory is a standby's");
  } else {
    self.forked = self.forked || may_have_own_wal();
    self.standby_signal = true;
    self.conf_upstream = keeper::may_receive(saved_.state, saved_.goal) ? upstream_of_goal() : -1;
  }
  if (self.rewinding || self.forked || !self.exists) return fail("the data directory cannot be started");
  if (std::exchange(restarting_, false)) return fail("Postgres does not start");
  note("starts Postgres again");
  servers_->start(node_);
  restarting_ = true;
  fenced_ = false;
}

/// False when it could not.
bool Keeper::keep_house() {
  if (!house_is_kept_ || configured_peers_ != saved_.peers) {
    if (chance_of_a_full_disk()) {
      fail("the configuration cannot be written");
      return false;
    }
    const int upstream = upstream_of_goal();
    if (wanted_role() == Role::standby && keeper::may_receive(saved_.state, saved_.goal) && upstream >= 0) {
      server().conf_upstream = upstream;
      servers_->set_upstream(node_, upstream);
    }
    facts_.prepared_peers = saved_.peers;
    std::ranges::sort(facts_.prepared_peers);
    configured_peers_ = saved_.peers;
    house_is_kept_ = true;
  }
  succeeded();
  return true;
}

void Keeper::fail(std::string why) {
  if (failures_++ == 0) first_failure_ = kernel_->now;
  if (facts_.trouble != why) note("fails:", why);
  facts_.trouble = std::move(why);
  const bool gave_up = failures_ >= start_attempts || kernel_->now - first_failure_ > start_patience;
  const bool should_run = wanted_role() == Role::primary || wanted_role() == Role::standby;
  if (gave_up && !server().running() && should_run) facts_.cannot_run = true;
  retry_at_ = kernel_->now + std::min(retry_pause_max, retry_pause_first << std::min(failures_, 5));
}

void Keeper::succeeded() {
  failures_ = 0;
  retry_at_ = 0;
  facts_.trouble.clear();
  facts_.cannot_run = false;
}

void Keeper::look() {
  const Postgres& self = server();
  facts_.state = saved_.state;
  facts_.term = saved_.term;
  facts_.upstream = saved_.goal.upstream;
  const Timelines::Branch& branch = servers_->timelines(node_)[self.wal.branch];
  if (self.answers()) {
    last_answer_ = kernel_->now;
    facts_.postgres_running = true;
    facts_.cannot_run = false;
    facts_.in_recovery = !self.primary;
    facts_.system_id = SystemId{1};
    facts_.history = branch.history;
    facts_.timeline = Timeline{branch.timeline};
    facts_.lsn = Lsn{self.wal.lsn};
    facts_.receiving = servers_->receiving(node_);
    facts_.sync_in_force = self.sync;
    facts_.streaming.clear();
    for (const NodeId peer : saved_.peers)
      if (servers_->streams_to(node_, servers_->node_of(peer))) facts_.streaming.push_back(peer);
    std::ranges::sort(facts_.streaming);
  } else if (self.running()) {
    if (kernel_->now - last_answer_ > silence_limit) {
      facts_.postgres_running = facts_.receiving = false;
      facts_.streaming.clear();
    }
  } else if (facts_.postgres_running || !facts_.system_id) {
    facts_.postgres_running = facts_.in_recovery = facts_.receiving = false;
    facts_.streaming.clear();
    facts_.sync_in_force = {};
    facts_.prepared_peers.clear();
    house_is_kept_ = false;
    if (self.exists) {
      facts_.system_id = SystemId{1};
      facts_.timeline = Timeline{branch.timeline};
      facts_.lsn = Lsn{self.clean ? self.wal.lsn : 0};
      facts_.history = branch.history;
    }
  }
  facts_.cannot_write = servers_->disk_is_full(node_);
  facts_.forked = self.forked;
  if (!question_) return;
  question_ = false;
  const int upstream = upstream_of_goal();
  facts_.upstream_port = upstream < 0 ? PortState::unknown : servers_->port_of(node_, upstream);
}

void Keeper::publish() {
  const bool urgent = matters(facts_, published_);
  published_ = facts_;
  lease_.see(facts_, clock());
  watch_lease();
  if (heartbeat_waits_for_facts_) {
    heartbeat_waits_for_facts_ = false;
    kernel_->post(0, {.what = What::heartbeat, .generation = ++heartbeat_turn_, .node = node_});
  }
  if (!urgent) return;
  urgent_ = true;
  if (messenger_.id == 0) send(false);
}

int Keeper::upstream_of_goal() const {
  const NodeId upstream = saved_.goal.upstream;
  return std::ranges::find(saved_.peers, upstream) == saved_.peers.end() ? -1 : servers_->node_of(upstream);
}

std::string Keeper::describe() const {
  return std::string(alive_ ? "" : "(dead) ") + std::string(to_string(saved_.state)) + ", goal " + words(saved_.goal) +
         (facts_.trouble.empty() ? "" : ", trouble: " + facts_.trouble);
}

}  // namespace autoctl::simulator
