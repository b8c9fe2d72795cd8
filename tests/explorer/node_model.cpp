#include "node_model.h"

#include <algorithm>
#include <utility>

namespace autoctl::explorer {

namespace {

using keeper::Step;

enum class Progress { finished, changed, waits };

/// A goal for which Postgres runs.
bool wants_postgres(NodeState state) {
  switch (state) {
    case NodeState::init:
    case NodeState::wait_standby:
    case NodeState::draining:
    case NodeState::demote_timeout:
    case NodeState::demoted:
    case NodeState::maintenance:  // the operator may want it
    case NodeState::dropped: return false;
    default: return true;
  }
}

void stop(World& world, int node) {
  world.nodes[node].server = Server::stopped;
  for (Commit& commit : world.commits)
    if (commit == pending_on(node)) commit = Commit::abandoned;
}

/// Starts Postgres as its data directory says; false if it cannot be started.
bool start(SimNode& self) {
  if (self.server != Server::stopped) return true;
  if (self.data != Data::intact || self.broken) return false;
  self.server = self.opens_as_primary ? Server::primary : Server::standby;
  return true;
}

Progress start_as_primary(SimNode& self, Violation& violation) {
  if (self.data != Data::intact) violation.what = "a keeper starts torn or missing data as a primary";
  if (!self.opens_as_primary) violation.what = "a keeper starts a standby as a primary without promoting it";
  if (self.server == Server::primary) return Progress::finished;
  return start(self) ? Progress::changed : Progress::waits;
}

Progress stop_receiving(SimNode& self) {
  const bool was_running = self.server != Server::stopped;
  if (!start(self)) return Progress::waits;
  if (self.upstream == nobody && was_running) return Progress::finished;
  self.upstream = nobody;
  return Progress::changed;
}

Progress promote(SimNode& self, Violation& violation) {
  if (self.data != Data::intact) violation.what = "a keeper promotes torn or missing data";
  if (self.server == Server::primary) return Progress::finished;
  if (self.server == Server::stopped) return start(self) ? Progress::changed : Progress::waits;
  self.server = Server::primary;
  self.opens_as_primary = true;
  self.upstream = nobody;
  ++self.timeline;
  return Progress::changed;
}

/// Has everything but what sessions still wait for; a timeline begins with WAL of its own.
bool has_what_was_written(const World& world, int standby, int primary) {
  const SimNode& self = world.nodes[primary];
  if (world.nodes[standby].timeline != self.timeline) return false;
  for (std::uint8_t i = 0; i < self.length; ++i)
    if (world.commits[self.log[i]] != pending_on(primary) && !world.nodes[standby].has(self.log[i])) return false;
  return true;
}

Progress await_quorum(const World& world, int node) {
  const SimNode& self = world.nodes[node];
  if (self.goal.sync.asynchronous()) return Progress::finished;
  if (self.server != Server::primary) return Progress::waits;
  int caught_up = 0;
  for (int n = 0; n < world.size; ++n)
    if (self.goal.sync.contains(n) && streams_from(world, n, node) && has_what_was_written(world, n, node)) ++caught_up;
  return caught_up >= self.goal.sync.acks ? Progress::finished : Progress::waits;
}

/// Follows the goal's upstream as it is.
Progress connect(SimNode& self) {
  if (self.data != Data::intact || self.opens_as_primary) return Progress::waits;
  if (self.upstream == self.goal.upstream && self.server != Server::stopped) return Progress::waits;
  self.upstream = self.goal.upstream;
  return start(self) ? Progress::changed : Progress::waits;
}

bool streams_from_goal(const World& world, int node) {
  return world.nodes[node].goal.upstream != nobody && streams_from(world, node, world.nodes[node].goal.upstream);
}

Progress fetch_missing(World& world, int node) {
  SimNode& self = world.nodes[node];
  const bool enough = self.length >= self.goal.await_length && self.server == Server::standby;
  return enough ? Progress::finished : connect(self);
}

Progress follow_upstream(World& world, int node) {
  return streams_from_goal(world, node) ? Progress::finished : connect(world.nodes[node]);
}

/// Follows as it is if the histories allow it; else tears the data up (a rewind or copy begins) and then copies.
Progress join_upstream(World& world, int node) {
  SimNode& self = world.nodes[node];
  if (self.goal.upstream == nobody) return Progress::waits;
  const SimNode& upstream = world.nodes[self.goal.upstream];
  if (streams_from_goal(world, node)) return Progress::finished;
  if (self.data == Data::intact && self.opens_as_primary && self.server != Server::stopped) {
    stop(world, node);
    return Progress::changed;
  }
  if (self.data == Data::intact && !self.opens_as_primary &&
      (self.upstream != self.goal.upstream || self.server == Server::stopped))
    return connect(self);
  if (!linked(world, node, self.goal.upstream) || upstream.server != Server::primary || self.broken)
    return Progress::waits;
  if (self.data == Data::intact) {
    SimNode follower = self;
    follower.opens_as_primary = false;
    follower.upstream = self.goal.upstream;
    start(follower);
    World would_be = world;
    would_be.nodes[node] = follower;
    if (streams(would_be, node)) {
      self = follower;
    } else {
      stop(world, node);
      self.data = Data::torn;
      self.length = 0;
      self.log = {};
    }
    return Progress::changed;
  }
  self.data = Data::intact;
  self.opens_as_primary = false;
  self.upstream = self.goal.upstream;
  self.sync = {};
  self.lost_its_place = false;
  self.length = upstream.length;
  self.log = upstream.log;
  self.timeline = upstream.timeline;
  start(self);
  return Progress::changed;
}

Progress stop_fast(World& world, int node) {
  if (world.nodes[node].server == Server::stopped) return Progress::finished;
  stop(world, node);
  return Progress::changed;
}

Progress leave_as_standby(World& world, int node) {
  SimNode& self = world.nodes[node];
  if (self.data != Data::intact) return Progress::finished;
  if (self.server == Server::primary) {
    stop(world, node);
    return Progress::changed;
  }
  if (!self.opens_as_primary && self.upstream == self.goal.upstream) return Progress::finished;
  self.opens_as_primary = false;
  self.upstream = self.goal.upstream;
  return Progress::changed;
}

Progress apply_sync(SimNode& self) {
  if (self.server == Server::stopped) return Progress::waits;
  if (self.sync == self.goal.sync) return Progress::finished;
  self.sync = self.goal.sync;
  return Progress::changed;
}

Progress run(World& world, int node, Step step, Violation& violation) {
  SimNode& self = world.nodes[node];
  switch (step) {
    case Step::create_database_cluster:
      if (self.data == Data::intact) return Progress::finished;
      self.data = Data::intact;
      self.opens_as_primary = true;
      self.timeline = 1;
      return Progress::changed;
    case Step::start_as_primary: return start_as_primary(self, violation);
    case Step::apply_sync: return apply_sync(self);
    case Step::await_quorum: return await_quorum(world, node);
    case Step::checkpoint_if_asked: return Progress::finished;
    case Step::stop_fast: return stop_fast(world, node);
    case Step::await_handover: return Progress::finished;  // gives up when nothing more comes: it promises nothing
    case Step::stop_receiving: return stop_receiving(self);
    case Step::fence_if_asked:
      if (self.goal.fence) return stop_receiving(self);
      if (self.server != Server::stopped) return Progress::finished;
      return start(self) ? Progress::changed : Progress::waits;
    case Step::promote: return promote(self, violation);
    case Step::fetch_missing: return fetch_missing(world, node);
    case Step::follow_upstream: return follow_upstream(world, node);
    case Step::leave_as_standby: return leave_as_standby(world, node);
    case Step::run_as_standby:
    case Step::disown:
    case Step::keep_house:
      break;  // in no transition
    case Step::join_upstream: return join_upstream(world, node);
  }
  return Progress::waits;
}

}  // namespace

bool keeper_works(World& world, int node, Violation& violation) {
  SimNode& self = world.nodes[node];
  const keeper::Transition* transition = keeper::find_transition(self.reached, self.goal.state);
  if (transition == nullptr) return false;  // the explorer checks that there is one
  if (self.done) return self.server == Server::stopped && wants_postgres(self.goal.state) && start(self);
  for (Step step : transition->steps) {
    const Progress progress = run(world, node, step, violation);
    if (progress != Progress::finished) return progress == Progress::changed;
  }
  self.reached = self.goal.state;
  self.done = true;
  return true;
}

bool keeper_hears(World& world, int node) {
  SimNode& self = world.nodes[node];
  if (self.heard) return false;
  self.goal = world.monitor.goals[node];
  self.heard = true;
  self.done = false;
  return true;
}

SimFacts facts_now(const World& world, int node) {
  const SimNode& self = world.nodes[node];
  const bool primary = self.server == Server::primary;
  SimFacts facts;
  facts.reported = true;
  facts.current = self.done && self.heard;
  if (facts.current) facts.state = self.reached;
  facts.running = self.server != Server::stopped;
  facts.in_recovery = self.server == Server::standby;
  facts.cannot_run = self.broken && !facts.running && wants_postgres(self.goal.state);
  if (primary) facts.sync = self.sync;
  if (primary) facts.streaming = streaming_from(world, node);
  facts.receiving = streams(world, node);
  facts.timeline = facts.running ? self.timeline : 0;
  if (position_matters(self.reached)) facts.length = self.length;
  return facts;
}

bool keeper_reports(World& world, int node) {
  return keeper_sends_report(world, node) && report_arrives(world, node);
}

bool keeper_sends_report(World& world, int node) {
  if (world.monitor.gone[node]) return false;
  const SimFacts facts = facts_now(world, node);
  if (facts == world.monitor.facts[node] || facts == world.sent[node]) return false;
  world.sent[node] = facts;
  return true;
}

bool report_arrives(World& world, int node) {
  if (!world.sent[node].reported) return false;
  world.monitor.facts[node] = std::exchange(world.sent[node], {});
  return true;
}

bool keeper_fences_itself(World& world, int node) {
  const SimNode& self = world.nodes[node];
  if (self.server != Server::primary || self.goal.sync.asynchronous() || streaming_from(world, node) != 0) return false;
  stop(world, node);
  return true;
}

bool wal_arrives(World& world, int standby) {
  if (!streams(world, standby)) return false;
  SimNode& self = world.nodes[standby];
  const SimNode& upstream = world.nodes[self.upstream];
  if (self.length == upstream.length && self.timeline == upstream.timeline) return false;
  self.timeline = upstream.timeline;
  if (self.length < upstream.length) {
    self.log[self.length] = upstream.log[self.length];
    ++self.length;
  }
  return true;
}

bool client_commits(World& world, int node) {
  SimNode& self = world.nodes[node];
  if (self.server != Server::primary) return false;
  const auto free = std::ranges::find(world.commits, Commit::unused);
  if (free == world.commits.end()) return false;
  *free = pending_on(node);
  self.log[self.length++] = static_cast<std::uint8_t>(free - world.commits.begin());
  return true;
}

bool client_is_acknowledged(World& world, std::uint8_t token) {
  for (int node = 0; node < world.size; ++node) {
    const SimNode& self = world.nodes[node];
    if (world.commits[token] != pending_on(node)) continue;
    int acks = 0;
    for (int n = 0; n < world.size; ++n)
      if (self.sync.contains(n) && streams_from(world, n, node) && world.nodes[n].has(token)) ++acks;
    if (self.server != Server::primary || acks < self.sync.acks) return false;
    world.commits[token] = Commit::acknowledged;
    return true;
  }
  return false;
}

bool wal_is_recycled(World& world, int standby) {
  SimNode& self = world.nodes[standby];
  if (self.data != Data::intact || self.opens_as_primary || self.lost_its_place || streams(world, standby))
    return false;
  self.lost_its_place = true;
  return true;
}

bool operator_starts_or_stops(World& world, int node) {
  SimNode& self = world.nodes[node];
  if (self.reached != NodeState::maintenance || self.goal.state != NodeState::maintenance || !self.done) return false;
  if (self.server == Server::stopped) return start(self);
  stop(world, node);
  return true;
}

bool server_crashes(World& world, int node) {
  if (world.nodes[node].server == Server::stopped) return false;
  stop(world, node);
  return true;
}

}  // namespace autoctl::explorer
