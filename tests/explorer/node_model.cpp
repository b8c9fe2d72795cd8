#include "node_model.h"

#include <algorithm>
#include <utility>

#include "keeper_model.h"

namespace autoctl::explorer {

namespace {

void end_sessions(World& world, int node) {
  for (Commit& commit : world.commits)
    if (commit == pending_on(node)) commit = Commit::abandoned;
}

void stop(World& world, int node) {
  world.nodes[node].server = Server::stopped;
  end_sessions(world, node);
}

void copy_positions(SimNode& self, const SimNode& from) {
  self.timeline = from.timeline;
  self.length = from.length;
  self.log = from.log;
}

/// What the keeper has done to its node. Of positions a reaction knows nothing: they follow from the rest.
void apply(World& world, int node, const SimNode& after) {
  SimNode& self = world.nodes[node];
  const SimNode before = self;
  self = after;
  copy_positions(self, before);
  if (self.goal.await_length != 0)
    self.goal.await_length =
        self.goal == before.goal ? before.goal.await_length : world.monitor.goals[node].await_length;
  if (before.server != Server::stopped && self.server == Server::stopped) end_sessions(world, node);
  if (before.server == Server::standby && self.server == Server::primary) ++self.timeline;
  if (before.data == self.data) return;
  if (self.data != Data::intact) {
    self.length = 0;
    self.log = {};
  } else if (self.upstream != nobody) {
    copy_positions(self, world.nodes[self.upstream]);
  } else {
    self.timeline = 1;
  }
}

bool acts_on(World& world, int node, const View& view, Violation& violation) {
  const Reaction& reaction = reaction_to(view);
  if (reaction.violation != nullptr) violation.what = reaction.violation;
  if (reaction.acts) apply(world, node, reaction.after);
  return reaction.acts;
}

}  // namespace

bool keeper_works(World& world, int node, Violation& violation, bool hears_the_monitor) {
  View view = view_of(world, node);
  view.is_leased = hears_the_monitor;
  return acts_on(world, node, view, violation);
}

bool keeper_hears(World& world, int node, Violation& violation) {
  return !world.nodes[node].heard && acts_on(world, node, view_of(world, node, true), violation);
}

SimFacts facts_now(const World& world, int node) {
  const SimNode& self = world.nodes[node];
  SimFacts facts = report_of(view_of(world, node));
  if (!facts.current) facts.state = NodeState::init;
  if (facts.in_recovery) facts.sync = {};  // what a standby is set to tells no rule anything
  if (facts.timeline != 0) facts.timeline = self.timeline;
  if (facts.length != 0) facts.length = position_matters(self.reached) ? self.length : std::uint8_t{0};
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
  if (world.nodes[node].server != Server::primary || !fences_itself(view_of(world, node))) return false;
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
  if (self.server != Server::stopped) {
    stop(world, node);
    return true;
  }
  if (self.data != Data::intact || self.broken) return false;
  self.server = self.opens_as_primary ? Server::primary : Server::standby;
  return true;
}

bool server_crashes(World& world, int node) {
  if (world.nodes[node].server == Server::stopped) return false;
  stop(world, node);
  return true;
}

}  // namespace autoctl::explorer
