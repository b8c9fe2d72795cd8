#include "view.h"

namespace autoctl::explorer {

namespace {

/// Has everything but what sessions still wait for; a timeline begins with WAL of its own.
bool has_what_was_written(const World& world, int standby, int primary) {
  const SimNode& self = world.nodes[primary];
  if (world.nodes[standby].timeline != self.timeline) return false;
  for (std::uint8_t i = 0; i < self.length; ++i)
    if (world.commits[self.log[i]] != pending_on(primary) && !world.nodes[standby].has(self.log[i])) return false;
  return true;
}

/// Positions are told by what they are compared with.
void leave_positions_out(SimNode& self) {
  self.length = self.timeline = 0;
  self.log = {};
  if (self.goal.await_length != 0) self.goal.await_length = 1;
}

bool would_stream(const World& world, int node, std::uint8_t upstream) {
  World other = world;
  SimNode& self = other.nodes[node];
  self.server = Server::standby;
  self.upstream = upstream;
  return streams(other, node);
}

}  // namespace

View view_of(const World& world, int node, bool hears) {
  View view;
  view.self = world.nodes[node];
  view.node = static_cast<std::uint8_t>(node);
  view.size = world.size;
  view.is_leased = true;
  view.strict_lease = world.bounded_loss;
  for (int n = 0; n < world.size; ++n)
    view.lease_is_over =
        view.lease_is_over || (world.bounded_loss && n != node && !may_accept_writes(world.monitor.goals[node].state) &&
                               may_accept_writes(world.monitor.goals[n].state));
  view.is_told = hears && !view.self.heard;
  if (view.is_told) view.told = world.monitor.goals[node];
  const SimGoal& goal = view.is_told ? view.told : view.self.goal;
  view.has_what_awaits = view.self.length >= goal.await_length;
  if (view.self.server == Server::primary) {
    view.streaming = streaming_from(world, node);
    for (int n = 0; n < world.size; ++n)
      if ((view.streaming >> n & 1U) != 0 && has_what_was_written(world, n, node))
        view.caught_up = static_cast<std::uint8_t>(view.caught_up | 1U << n);
  }
  view.receives = streams(world, node);
  if (goal.upstream != nobody) {
    view.upstream_serves = linked(world, node, goal.upstream) && world.nodes[goal.upstream].server == Server::primary;
    view.fits_upstream =
        view.upstream_serves && view.self.data == Data::intact && would_stream(world, node, goal.upstream);
  }
  leave_positions_out(view.self);
  if (view.told.await_length != 0) view.told.await_length = 1;
  return view;
}

}  // namespace autoctl::explorer
