#include "pretended_router.h"

#include <algorithm>

namespace autoctl::simulator {

namespace {

/// As the product's: src/keeper/agent/citus_router.cpp, src/keeper/citus/metadata.cpp.
constexpr Micros query_timeout = seconds(5);
constexpr Micros add_timeout = seconds(60);
constexpr Micros lock_patience = seconds(10);
constexpr Micros hold_silence_max = seconds(5);
constexpr Micros interrupt_interval = ms(50);
/// A move that is under way when its group loses its primary may still wait for locks, and then for its commit.
constexpr Micros stale_move = seconds(20);

int node_at(const std::string& host) {
  return std::stoi(host.substr(1));
}

Micros micros(Millis duration) {
  return ms(duration.count());
}

bool shares_a_row(const keeper::citus::TableStep& a, const keeper::citus::TableStep& b) {
  return a.row == b.row || (a.swapped_row != 0 && a.swapped_row == b.row) ||
         (b.swapped_row != 0 && (b.swapped_row == a.row || b.swapped_row == a.swapped_row));
}

}  // namespace

// ---- turns

void PretendedRouter::schedule(Micros delay) {
  const Micros at = kernel_->now + std::max<Micros>(delay, 0);
  if (turn_at_ >= kernel_->now && turn_at_ <= at) return;
  turn_at_ = at;
  kernel_->post(at - kernel_->now, {.what = What::citus_turn, .generation = ++turn_, .node = node_});
}

void PretendedRouter::start() {
  if (alive_) keeper_died();
  alive_ = true;
  routing_ = {};
  heard_.clear();
  former_holds_ended_ = false;
  turn_at_ = -1;
  schedule(kernel_->random.between(100, 5000));
}

void PretendedRouter::look_at_keeper() {
  if (alive_ && !keeper_->alive()) keeper_died();
  if (!alive_ || keeper_->citus_duty() == duty_) return;
  schedule(kernel_->random.between(50, task_ ? interrupt_interval : 2000));
}

/// Its sockets are closed: a session that waits for its client ends at once, one that waits for a lock when it has it.
void PretendedRouter::keeper_died() {
  alive_ = false;
  if (written_) table_->wait_ends(*written_);
  written_.reset();
  let_go();
  task_.reset();
  duty_.reset();
}

void PretendedRouter::let_go() {
  sweep();
  for (Session& session : sessions_) {
    if (!session.ours) continue;
    session.ours = false;
    session.ends_at = (session.holds ? kernel_->now : std::max(due_, kernel_->now)) +
                      kernel_->random.skewed(50, session.holds ? ms(20) : ms(50));
  }
  former_holds_ended_ = false;
}

/// As the shipped CitusRouter::run(); a task may take many turns.
void PretendedRouter::on_turn(const Event& event) {
  if (event.generation != turn_) return;
  turn_at_ = -1;
  look_at_keeper();
  if (!alive_) return;
  hear();
  sweep();
  std::optional<protocol::CitusPlan> newest = duty_;
  if (newest && *lie_) (*lie_)(node_, *newest);
  for (;;) {
    if (!task_) {
      routing_.follow(newest);
      if (!newest) let_go();
      const Task task = routing_.next(clock_of(kernel_->now));
      if (task.kind == Task::Kind::rest) {
        publish();
        const auto rest = task.until - clock_of(kernel_->now);
        return schedule(std::chrono::duration_cast<std::chrono::microseconds>(rest).count());
      }
      begin(task);
    }
    Did did = Did::waits;
    if (routing_.overtaken(newest)) {
      why_ = "broken off";
      did = Did::failed;
    } else if (kernel_->now >= due_) {
      did = go_on();
    }
    if (did == Did::waits) return schedule(due_ - kernel_->now);
    over(did);
  }
}

void PretendedRouter::hear() {
  duty_ = keeper_->citus_duty();
  if (!duty_) return;
  for (const auto& route : duty_->routes) {
    Heard& heard = heard_[route.group];
    if (heard.now == route.primary) continue;
    heard = {route.primary, heard.now, kernel_->now};
  }
}

void PretendedRouter::begin(const Task& task) {
  task_ = task;
  written_.reset();
  since_ = kernel_->now;
  server_of_task_ = server().generation;
  const Micros cooldown = micros(task.step.cooldown);
  const bool moves =
      task.kind == Task::Kind::hold || (task.kind == Task::Kind::step && task.step.kind == TableStep::Kind::move);
  Micros duration = kernel_->random.skewed(200, ms(30));
  patience_ = since_ + query_timeout;
  if (moves) {
    duration = kernel_->random.skewed(ms(1), cooldown + ms(20));  // sessions that are in the way
    patience_ = since_ + cooldown + lock_patience;
    sessions_.push_back({.group = task.group, .target = task.target, .step = task.step, .server = server_of_task_});
  } else if (task.kind == Task::Kind::step) {
    duration = kernel_->random.skewed(ms(5), seconds(3));
    patience_ = since_ + add_timeout;
  }
  due_ = since_ + duration;
}

void PretendedRouter::over(Did did) {
  const Task task = *task_;
  task_.reset();
  if (did == Did::failed && written_) table_->wait_ends(*written_);
  const bool stays = task.kind == Task::Kind::look ||
                     (did == Did::done && (task.kind == Task::Kind::hold || task.kind == Task::Kind::check));
  if (!stays) end_session(task);
  written_.reset();
  const TimePoint now = clock_of(kernel_->now);
  if (did == Did::lost)
    routing_.lost(now);
  else if (did == Did::failed)
    routing_.failed(why_, now);
  else if (task.kind != Task::Kind::look)
    routing_.done(now);
  for (const auto& sentence : routing_.take_news()) note("router:", sentence);
  publish();
}

void PretendedRouter::publish() {
  if (auto word = routing_.take_word()) keeper_->set_citus(std::move(word->facts), word->urgent);
}

// ---- sessions

bool PretendedRouter::lives(const Session& session) const {
  if (server().server != Server::up || session.server != server().generation) return false;
  if (!session.ours) return kernel_->now < session.ends_at;
  const bool idle = session.target && session.holds && !servers_->frozen(node_);
  return !idle || (written_ && task_->group == session.group) || kernel_->now - session.heard_at < hold_silence_max;
}

void PretendedRouter::sweep() {
  for (const Session& session : sessions_)
    if (session.target && session.holds) last_held_[session.group] = kernel_->now;
  std::erase_if(sessions_, [&](const Session& session) { return !lives(session); });
}

PretendedRouter::Session* PretendedRouter::find_session(const Task& task) {
  const auto found = std::ranges::find_if(sessions_, [&](const Session& session) {
    return session.ours && session.group == task.group && session.target == task.target && lives(session);
  });
  return found == sessions_.end() ? nullptr : &*found;
}

void PretendedRouter::end_session(const Task& task) {
  sweep();
  std::erase_if(sessions_, [&](const Session& session) {
    return session.ours && session.group == task.group && session.target == task.target;
  });
}

bool PretendedRouter::is_locked(int row) const {
  return std::ranges::any_of(sessions_, [&](const Session& session) {
    return (session.step.row == row || session.step.swapped_row == row) && lives(session);
  });
}

std::vector<PretendedRouter::Holding> PretendedRouter::holding() const {
  std::vector<Holding> all;
  for (const Session& session : sessions_)
    if (session.target && lives(session)) all.push_back({session.group, session.target, session.holds});
  return all;
}

std::optional<Micros> PretendedRouter::last_held(GroupId group) const {
  for (const Holding& holding : this->holding())
    if (holding.held && holding.group == group) return kernel_->now;
  const auto known = last_held_.find(group);
  return known == last_held_.end() ? std::nullopt : std::optional(known->second);
}

// ---- tasks

PretendedRouter::Did PretendedRouter::go_on() {
  const bool there = server().answers() && server().generation == server_of_task_;
  switch (task_->kind) {
    case Task::Kind::look: return there ? look() : Did::lost;
    case Task::Kind::release: return Did::done;
    case Task::Kind::check: {
      Session* session = find_session(*task_);
      if (session == nullptr) return fail("its session has ended");
      session->heard_at = kernel_->now;
      return Did::done;
    }
    case Task::Kind::commit: {
      const Session* session = find_session(*task_);
      return session == nullptr ? fail("its session has ended") : commit(session->step);
    }
    case Task::Kind::hold: return there ? acquire() : fail("Postgres has gone");
    default: break;
  }
  if (!there) return fail("Postgres has gone");
  return task_->step.kind == TableStep::Kind::move ? move() : change();
}

PretendedRouter::Did PretendedRouter::fail(std::string why) {
  why_ = std::move(why);
  return Did::failed;
}

PretendedRouter::Did PretendedRouter::wait(Micros delay) {
  due_ = kernel_->now + delay;
  return Did::waits;
}

PretendedRouter::Did PretendedRouter::look() {
  if (!std::exchange(former_holds_ended_, true))
    std::erase_if(sessions_, [](const Session& session) { return !session.ours; });
  routing_.looked(table_->read(node_), {}, clock_of(kernel_->now));
  return Did::done;
}

PretendedRouter::Did PretendedRouter::move() {
  const Session* session = find_session(*task_);
  if (session == nullptr) return fail("its session has ended");
  if (!session->holds) {
    const Did did = acquire();
    if (did != Did::done) return did;
  }
  return commit(task_->step);
}

/// The locks of a move, and the move itself; not its commit.
PretendedRouter::Did PretendedRouter::acquire() {
  Session* session = find_session(*task_);
  if (session == nullptr) return fail("its session has ended");
  const bool blocked = std::ranges::any_of(sessions_, [&](const Session& other) {
    return &other != session && other.holds && lives(other) && shares_a_row(other.step, session->step);
  });
  if (blocked) return kernel_->now < patience_ ? wait(ms(20)) : fail("another transaction has changed that row");
  session->holds = true;
  session->heard_at = kernel_->now;
  if (!task_->target) return Did::done;
  ++kernel_->tally.holds;
  last_held_[task_->group] = kernel_->now;
  note("HOLDS the statements for group", std::to_string(task_->group));
  if (hold_begins) hold_begins(task_->group);
  return Did::done;
}

PretendedRouter::Did PretendedRouter::commit(const TableStep& step) {
  if (!written_) judge_move(step);
  return write(moved(step));
}

/// Returns when the standbys that the coordinator waits for have it.
PretendedRouter::Did PretendedRouter::write(DistNode::Rows rows) {
  if (!written_) {
    written_ = table_->write(node_, std::move(rows), kernel_->now);
    if (!written_) return fail("it cannot be written");
    since_ = kernel_->now;
    patience_ = kernel_->now + query_timeout;
  }
  if (table_->returns(*written_)) {
    ++kernel_->tally.routes;
    note("the statements for group",
         std::to_string(task_->group) + " go as planned" + (task_->target ? ", after a hold" : ""));
    return Did::done;
  }
  if (kernel_->now >= patience_) return fail("timeout");
  return wait(std::clamp<Micros>((kernel_->now - since_) / 8, 1000, ms(100)));
}

/// Any other step. Citus talks to the worker first.
PretendedRouter::Did PretendedRouter::change() {
  const TableStep& step = task_->step;
  if (written_) return write({});
  if (step.kind == TableStep::Kind::remove) return write({{step.row, std::nullopt}});
  const int worker = node_at(step.host);
  if (!servers_->reach(node_, worker))
    return kernel_->now < patience_ ? wait(ms(500)) : fail(step.host + " does not answer");
  const bool secondary = step.kind == TableStep::Kind::add_secondary;
  if (secondary ? !(*servers_)[worker].answers() : !(*servers_)[worker].accepts_writes())
    return fail(step.host + " refuses");
  if (!secondary) judge_move(step);
  const int id = step.row != 0 ? step.row : table_->next_id();
  const int group = secondary ? step.group : step.citus_group;
  return write({{id, Row{.id = id,
                         .group = group,
                         .host = step.host,
                         .port = step.port,
                         .primary = !secondary,
                         .cluster = step.cluster}}});
}

DistNode::Rows PretendedRouter::moved(const TableStep& step) const {
  DistNode::Rows rows;
  for (Row row : table_->read(node_)) {
    if (row.id != step.row && (step.swapped_row == 0 || row.id != step.swapped_row)) continue;
    row.host = row.id == step.row ? step.host : step.from_host;
    row.port = row.id == step.row ? step.port : step.from_port;
    rows.emplace_back(row.id, row);
  }
  return rows;
}

/// The monitor names a node as its group's primary when it was promoted, and may accept writes; nothing else makes a
/// node the target of a group's statements.
void PretendedRouter::judge_move(const TableStep& step) const {
  const NodeId target = servers_->id_of(node_at(step.host));
  const auto heard = heard_.find(step.group);
  if (heard != heard_.end()) {
    const Heard& h = heard->second;
    if (h.now == target || (h.before == target && kernel_->now - h.since < stale_move)) return;
  }
  throw Violation{servers_->group_of(node_), "the statements for group " + std::to_string(step.group) + " go to " +
                                                 step.host + ", which is not its primary"};
}

}  // namespace autoctl::simulator
