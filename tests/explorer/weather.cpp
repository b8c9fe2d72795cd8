#include "weather.h"

#include <algorithm>

#include "monitor/fsm/roles.h"
#include "node_model.h"

namespace autoctl::explorer {

using monitor::Verdict;

namespace {

/// Of a node that has reached its goal, faults aside.
SimFacts facts_of_success(const World& world, int node) {
  SimFacts facts = facts_now(world, node);
  facts.cannot_run = false;
  facts.receiving = facts.in_recovery && world.nodes[node].upstream != nobody;
  const bool primary = facts.running && !facts.in_recovery;
  facts.streaming = primary ? static_cast<std::uint8_t>(((1U << world.size) - 1U) & ~(1U << node)) : 0;
  if (facts.state != NodeState::primary) facts.sync = {};
  if (!position_matters(facts.state)) facts.timeline = 0;
  return facts;
}

bool has_reached_its_goal(const World& world, int node) {
  return !world.monitor.gone[node] && world.nodes[node].done && world.nodes[node].heard;
}

}  // namespace

bool keeper_reports_success(World& world, int node) {
  if (!has_reached_its_goal(world, node)) return false;
  const SimFacts facts = facts_of_success(world, node);
  if (facts == world.monitor.facts[node]) return false;
  world.monitor.facts[node] = facts;
  return true;
}

bool copy_begins(World& world, int node) {
  if (world.nodes[node].data != Data::intact) return false;
  World other = world;
  other.nodes[node].lost_its_place = true;
  Violation ignored;
  constexpr int pieces = 4;  // it stops following another, follows, is refused
  for (int piece = 0; piece < pieces && keeper_works(other, node, ignored); ++piece) {
    if (other.nodes[node].data != Data::torn) continue;
    other.nodes[node].lost_its_place = false;
    world = other;
    return true;
  }
  return false;
}

bool comes_up_again(World& world, int node) {
  World other = world;
  Violation ignored;  // as before: the explorer sees each of these pieces by itself
  if (!server_crashes(other, node)) return false;
  constexpr int pieces = 5;
  for (int piece = 0; piece < pieces && other.nodes[node].server == Server::stopped; ++piece)
    if (!keeper_works(other, node, ignored)) return false;
  world = other;
  return true;
}

bool operator_starts(World& world, int node) {
  return world.nodes[node].server == Server::stopped && operator_starts_or_stops(world, node);
}

namespace {

/// A commit's session ends with a Postgres that stops; in another order of actions it only is not acknowledged any
/// more. It does end when the node serves no longer as the primary that wrote it.
bool may_be_acknowledged(const World& world, std::uint8_t token) {
  for (int n = 0; n < world.size; ++n)
    if (world.commits[token] == pending_on(n))
      return world.nodes[n].data == Data::intact && world.nodes[n].opens_as_primary && world.nodes[n].has(token);
  return false;
}

/// One that everybody has may as well not have been acknowledged.
void forget_sessions(World& world, const World& before) {
  for (std::uint8_t token = 0; token < token_count; ++token) {
    Commit& commit = world.commits[token];
    if (commit == Commit::abandoned && before.commits[token] >= Commit::pending_on_0) commit = before.commits[token];
    if (commit < Commit::pending_on_0) continue;
    bool all_have_it = true;
    for (int n = 0; n < world.size; ++n)
      all_have_it = all_have_it && world.nodes[n].data == Data::intact && world.nodes[n].has(token);
    if (all_have_it || !may_be_acknowledged(world, token)) commit = Commit::abandoned;
  }
}

/// A keeper that has reached its goal only waits for the next, and sees to it that its Postgres stays as it is. A
/// standby's synchronous_standby_names are written before it opens.
void forget_what_is_done(SimNode& node) {
  if (!node.opens_as_primary && node.goal.state != NodeState::stop_replication) node.sync = {};
  if (node.done) node.goal = {.state = node.reached, .upstream = node.goal.upstream, .sync = node.sync};
}

}  // namespace

void forget_what_faults_change(World& world, const World& before) {
  forget_sessions(world, before);
  for (int n = 0; n < world.size; ++n) {
    forget_what_is_done(world.nodes[n]);
    SimFacts& facts = world.monitor.facts[n];
    if (world.monitor.gone[n])
      facts = {};
    else if (!facts.current || !facts.reported)
      facts = {.reported = true, .current = false};
  }
}

namespace {

/// Each of `worlds` once as it is and once for each way in which `change` makes another of it.
template <class Change>
void add_variants(std::vector<World>& worlds, int ways, Change change) {
  const std::size_t count = worlds.size();
  for (std::size_t i = 0; i < count; ++i)
    for (int way = 0; way < ways; ++way) {
      World other = worlds[i];
      if (change(other, way)) worlds.push_back(other);
    }
}

/// It may have stopped by a crash.
bool runs_after_all(SimNode& node) {
  if (node.server != Server::stopped || node.data != Data::intact) return false;
  node.server = node.opens_as_primary ? Server::primary : Server::standby;
  return true;
}

/// What was known of it before the monitor restarted, or as it would be if nothing had crashed.
SimFacts known_after_all(const World& world, int node) {
  const SimFacts& told = world.monitor.facts[node];
  SimFacts facts = facts_of_success(world, node);
  if (!told.current || told.state != NodeState::prepare_promotion) return facts;
  facts.length = told.length;  // it may have received more since
  if (told.timeline != 0) facts.timeline = told.timeline;
  return facts;
}

/// A fault has come between what is one step without it: the keeper has not begun it, its goal before was to follow the
/// node that it follows or nobody; or it has finished.
enum class Between : std::uint8_t { following, before, finished };
bool is_between_steps(World& world, int node, Between between) {
  SimNode& self = world.nodes[node];
  if (self.done) return false;
  if (between != Between::finished) {
    self.heard = false;
    self.done = true;
    self.goal = {.state = self.reached, .upstream = between == Between::following ? self.upstream : nobody};
    return true;
  }
  Violation ignored;
  constexpr int pieces_max = 30;
  for (int piece = 0; piece < pieces_max && !self.done && keeper_works(world, node, ignored); ++piece) {
  }
  return true;
}

}  // namespace

std::vector<World> without_faults(const World& world) {
  std::vector<World> worlds = {world};
  World& first = worlds.front();
  first.cut = first.faults = 0;
  first.judgements = 255;
  for (SimNode& node : first.nodes) node.broken = node.lost_its_place = false;
  for (int n = 0; n < world.size; ++n)
    add_variants(worlds, 1, [&](World& other, int) { return runs_after_all(other.nodes[n]); });
  for (int n = 0; n < world.size; ++n)
    add_variants(worlds, 3,
                 [&](World& other, int way) { return is_between_steps(other, n, static_cast<Between>(way)); });
  for (std::uint8_t token = 0; token < token_count; ++token)
    add_variants(worlds, world.size, [&](World& other, int way) {
      if (other.commits[token] != Commit::abandoned) return false;
      other.commits[token] = pending_on(way);
      return true;
    });
  for (int n = 0; n < world.size; ++n) {
    for (World& any : worlds)
      if (any.monitor.facts[n].current && has_reached_its_goal(any, n)) any.monitor.facts[n] = known_after_all(any, n);
    add_variants(worlds, 1, [&](World& other, int) {
      if (world.monitor.facts[n].reported || !has_reached_its_goal(other, n)) return false;
      other.monitor.facts[n] = known_after_all(other, n);
      return true;
    });
  }
  for (World& any : worlds) forget_what_faults_change(any, any);
  return worlds;
}

namespace {

using Looks = std::vector<Look>;

constexpr Sight up{};
constexpr Sight down{.running = false};
constexpr Sight crashed{.running = false, .position_known = false};
constexpr Sight unheard{.reported = false};
constexpr Sight promoted_by_hand{.role = Role::primary};
constexpr Sight stopped_after_that{.running = false, .forked = true};
constexpr Sight unprepared{.is_prepared_for = false};

Looks looks(Looks healthy) {
  const Looks out_of_sight = {
      {Verdict::suspected, up},       {Verdict::unreachable, up},        {Verdict::dead, up},
      {Verdict::suspected, unheard},  {Verdict::unreachable, unheard},   {Verdict::dead, unheard},
      {Verdict::healthy, unprepared}, {Verdict::unreachable, unprepared}};
  healthy.insert(healthy.end(), out_of_sight.begin(), out_of_sight.end());
  return healthy;
}

const Looks& looks_of(const SimMonitor& sim, int node) {
  static const Looks of_nobody = {{Verdict::healthy, up}};
  static const Looks of_leader =
      looks({{Verdict::healthy, up}, {Verdict::healthy, down}, {Verdict::healthy, {.disk_is_full = true}}});
  static const Looks of_standby =
      looks({{Verdict::healthy, up},
             {Verdict::healthy, down},
             {Verdict::healthy, promoted_by_hand},
             {Verdict::healthy, stopped_after_that},
             {Verdict::healthy, {.is_streamed_to = false}},
             {Verdict::healthy, {.receives = false}},
             {Verdict::healthy, {.receives = false, .is_streamed_to = false}},
             {Verdict::healthy, {.receives = false, .is_streamed_to = false, .stalled = true}},
             {Verdict::suspected, {.receives = false, .is_streamed_to = false, .stalled = true}},
             {Verdict::unreachable, {.is_streamed_to = false}},
             {Verdict::dead, {.is_streamed_to = false}}});
  static const Looks of_outgoing = looks(
      {{Verdict::healthy, up}, {Verdict::healthy, crashed}, {Verdict::unreachable, crashed}, {Verdict::dead, crashed}});
  static const Looks of_candidate =
      looks({{Verdict::healthy, up}, {Verdict::healthy, down}, {Verdict::healthy, stopped_after_that}});
  static const Looks of_bystander = looks({{Verdict::healthy, up}});
  if (sim.gone[node]) return of_nobody;
  const NodeState goal = sim.goals[node].state;
  if (is_leader_state(goal)) return of_leader;
  if (is_outgoing_state(goal)) return of_outgoing;
  if (goal == NodeState::report_lsn || is_candidate_state(goal)) return of_candidate;
  return follows_primary(goal) ? of_standby : of_bystander;
}

/// Of a node that has not reached its goal nothing is known: it may be anything that its goal is about.
Sight with_role(Sight sight, const SimMonitor& sim, int node) {
  const NodeState goal = sim.goals[node].state;
  const bool as_it_was = sim.facts[node].current || sight.role != Role::as_reported;
  if (sim.gone[node] || as_it_was || !sight.running || !sight.reported) return sight;
  sight.role = is_leader_state(goal) ? Role::primary : is_outgoing_state(goal) ? Role::as_reported : Role::standby;
  return sight;
}

}  // namespace

bool time_matters(const SimMonitor& sim) {
  bool leads = false;
  for (int n = 0; n < max_nodes; ++n)
    leads = leads || (!sim.gone[n] && is_leader_state(sim.goals[n].state) && !sim.goals[n].checkpoint);
  return !leads || sim.operation != Operation::none || sim.leaves != nobody || sim.returns != nobody;
}

std::vector<Look> looks_in_any_weather(const SimMonitor& sim, int node) {
  Looks all = looks_of(sim, node);
  for (Look& look : all) look.sight = with_role(look.sight, sim, node);
  return all;
}

}  // namespace autoctl::explorer
