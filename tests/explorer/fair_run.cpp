#include "fair_run.h"

#include <algorithm>
#include <bit>

#include "monitor/fsm/roles.h"
#include "monitor/fsm/verdict.h"
#include "node_model.h"

namespace autoctl::explorer {

using monitor::NodeObservation;

namespace {

constexpr TimePoint watching_since{std::chrono::hours{1}};
constexpr TimePoint run_now{std::chrono::hours{2}};
constexpr TimePoint a_moment_ago = run_now - Millis{10};

/// More pieces of work than a keeper has to do at a time; one that never rests shows as a run that never rests.
constexpr int pieces_max = 30;

/// The last report of the lost node came long before it was lost.
constexpr TimePoint last_sign_of_the_lost = run_now - std::chrono::minutes{1};

}  // namespace

FairRun::FairRun(Decisions& decisions, const Rules& model, FairRules rules)
    : decisions_(&decisions), settings_(model.settings), rules_(rules) {
  for (int n = 0; n < max_nodes; ++n)
    for (int m = 0; m < n; ++m)
      if (model.attributes[m] == model.attributes[n] && !is_lost(n) && !is_lost(m) &&
          rules_.coordinator == Coordinator::none)
        alike_[n] = alike_[m];
}

World FairRun::begin(World world) const {
  world.cut = 0;
  for (int n = 0; n < world.size; ++n)
    if (rules_.loss == Loss::every_link && n != rules_.lost_node)
      world.cut = static_cast<std::uint8_t>(world.cut | link_between(n, rules_.lost_node));
  world.faults = world.judgements = 0;
  world.sent = {};  // overtaken by newer ones
  world.statements = rules_.statements;
  for (SimNode& node : world.nodes) node.broken = false;
  // Without the monitor, or its keeper, a primary with a strict lease ends as well.
  const bool lost_its_lease =
      world.bounded_loss && rules_.loss != Loss::nothing && world.nodes[rules_.lost_node].server == Server::primary;
  if (rules_.loss == Loss::whole_node || lost_its_lease) server_crashes(world, rules_.lost_node);
  return world;
}

bool FairRun::nodes_act(World& world) const {
  bool changed = false;
  const auto all_wal_arrives = [&] {
    for (int n = 0; n < world.size; ++n)
      while (wal_arrives(world, n)) changed = true;
  };
  for (int n = 0; n < world.size; ++n) {
    Violation ignored;  // the explorer has seen this step already
    if (!is_lost(n) && keeper_hears(world, n, ignored)) changed = true;
    for (int piece = 0; piece < pieces_max && works(n) && keeper_works(world, n, ignored, !is_lost(n)); ++piece)
      changed = true;
    all_wal_arrives();
  }
  for (std::uint8_t token = 0; token < token_count; ++token)
    if (client_is_acknowledged(world, token)) changed = true;
  for (int n = 0; n < world.size; ++n)
    if (!is_lost(n) && keeper_reports(world, n)) changed = true;
  canonicalise(world, alike_);
  return changed;
}

/// What the monitor's prober and the other keeper find out about a node that reports no more.
NodeObservation FairRun::observe_lost(bool reported, bool answers, bool heard, bool link) const {
  NodeObservation seen;
  if (reported) seen.last_report = last_sign_of_the_lost;
  const bool reachable = rules_.loss == Loss::whole_node || rules_.loss == Loss::keeper_only;
  const PortState at_host = answers ? PortState::open : PortState::refused;
  seen.postgres_port = {reachable ? at_host : PortState::silent, a_moment_ago};
  seen.keeper_port = {reachable ? PortState::refused : PortState::silent, a_moment_ago};
  seen.witnesses = {{NodeId{9}, "witness", heard, link ? at_host : PortState::silent, a_moment_ago}};
  return seen;
}

monitor::Verdict FairRun::judge(const World& world, int node) const {
  const SimFacts& facts = world.monitor.facts[node];
  const bool expected = expects_postgres(world.monitor.goals[node].state);
  const bool answers = world.nodes[node].server != Server::stopped;
  const bool heard = streams(world, node) || streaming_from(world, node) != 0;
  const bool link = world.cut == 0;
  const unsigned key = (is_lost(node) ? 1U : 0U) | (facts.reported ? 2U : 0U) | (facts.cannot_run ? 4U : 0U) |
                       (expected ? 8U : 0U) | (answers ? 16U : 0U) | (heard ? 32U : 0U) | (link ? 64U : 0U);
  if (judged_[key]) return *judged_[key];
  NodeObservation seen;
  seen.last_report = a_moment_ago;
  if (is_lost(node)) seen = observe_lost(facts.reported, answers, heard, link);
  seen.watching_since = watching_since;
  seen.cannot_run = facts.cannot_run;
  judged_[key] = monitor::assess(seen, expected, settings_, run_now).verdict;
  return *judged_[key];
}

Belief FairRun::observe(const World& world, bool time_passes) const {
  Belief belief;
  belief.stalls_elapsed = belief.others_elapsed = time_passes;
  belief.statements = world.statements;
  for (int n = 0; n < world.size; ++n) belief.verdicts[n] = judge(world, n);
  return belief;
}

bool FairRun::monitor_acts(World& world, bool time_passes, std::string* log) const {
  for (int n = 0; n < world.size; ++n) {
    const SimFacts& facts = world.monitor.facts[n];
    const bool stopped = facts.current && facts.state == NodeState::dropped;
    if ((stopped || is_lost(n)) && monitor_forgets(world, n)) return true;
  }
  const auto& effect = decisions_->under(world.monitor, observe(world, time_passes));
  if (!effect || !is_possible(world, *effect)) return false;
  apply(world, *effect);
  if (log != nullptr) *log += "  rule " + std::string(rule_name(effect->rule_id)) + "\n" + describe(world);
  return true;
}

bool FairRun::coordinator_acts(World& world) const {
  using enum Statements;
  if (rules_.coordinator == Coordinator::none || rules_.coordinator == Coordinator::stays_away) return false;
  const Statements before = world.statements;
  const auto& [target, primary] = decisions_->route(world.monitor, observe(world, false));
  if (target && rules_.coordinator == Coordinator::follows)
    world.statements = *target == 0 ? wait_for_0 : wait_for_1;
  else if (primary)
    world.statements = *primary == 0 ? go_to_0 : go_to_1;
  else if (!target && before == wait_for_0)
    world.statements = go_to_1;
  else if (!target && before == wait_for_1)
    world.statements = go_to_0;
  return world.statements != before;
}

bool FairRun::round(World& world, std::string* log) const {
  bool changed = nodes_act(world);
  if (changed && log != nullptr) *log += "  nodes act\n" + describe(world);
  while (coordinator_acts(world) || monitor_acts(world, false, log)) {
    changed = true;
    // A chain of decisions without a word from the nodes is short; a longer one shows as a loop of the run.
    if (nodes_act(world)) break;
  }
  return changed || monitor_acts(world, true, log);
}

namespace {

/// Every commit that this quorum acknowledged is on one of `nodes`.
bool covers(const SimQuorum& quorum, std::uint8_t nodes) {
  return !quorum.asynchronous() && std::popcount<std::uint8_t>(quorum.voters & ~nodes) < quorum.acks;
}

bool past_return(NodeState goal) {
  return is_leader_state(goal) || goal == NodeState::stop_replication;
}

/// Nobody has been told to promote: the goals, and where a candidate was dropped the quorum, tell.
bool can_be_called_back(const World& world, int old_primary) {
  const SimMonitor& monitor = world.monitor;
  for (int n = 0; n < world.size; ++n)
    if (past_return(monitor.goals[n].state)) return false;
  const SimQuorum& quorum = monitor.assigned;
  return !monitor.confirmed.asynchronous() && !quorum.asynchronous() && !quorum.contains(old_primary);
}

}  // namespace

bool others_must_serve(const World& world, int lost_node, const Rules& rules) {
  const SimMonitor& monitor = world.monitor;
  // Told to promote and lost before it was seen to do so: nobody else is, unless an operator drops it.
  const bool undecided = lost_node != nobody && monitor.goals[lost_node].state == NodeState::stop_replication;
  std::uint8_t voters = 0;
  bool promotable = false;
  for (int n = 0; n < world.size; ++n) {
    if (n == lost_node || world.nodes[n].data != Data::intact) continue;
    const NodeState goal = monitor.goals[n].state;
    if (past_return(goal)) return true;
    if ((goal == NodeState::draining || goal == NodeState::demote_timeout) && can_be_called_back(world, n)) return true;
    if (!counts_in_elections(goal)) continue;
    voters = static_cast<std::uint8_t>(voters | 1U << n);
    const bool votes = monitor.confirmed.contains(n) || monitor.assigned.contains(n);
    promotable = promotable || (votes && rules.attributes[n].candidate_priority > 0);
  }
  return !undecided && promotable && covers(monitor.confirmed, voters) && covers(monitor.assigned, voters);
}

bool must_recover(const World& begin, FairRules fair, const Rules& rules) {
  for (int n = 0; n < begin.size; ++n) {
    if (begin.monitor.goals[n].state != NodeState::dropped) continue;
    const bool without_it = fair.loss == Loss::nothing || (fair.loss == Loss::whole_node && fair.lost_node == n);
    return without_it && others_must_serve(begin, n, rules);
  }
  if (fair.loss == Loss::nothing) return true;
  // A primary that nobody commands but that answers is not replaced; it waits for ever for a standby that cannot
  // stream.
  const bool answers = fair.loss == Loss::keeper_only && begin.nodes[fair.lost_node].server == Server::primary;
  for (int n = 0; n < begin.size; ++n)
    if (answers && n != fair.lost_node && begin.nodes[n].lost_its_place) return false;
  return others_must_serve(begin, fair.lost_node, rules);
}

namespace {

/// Empty if one node, and not `without`, is the primary and has every acknowledged commit.
std::optional<std::string> why_not_served(const World& world, int without) {
  for (int n = 0; n < world.size; ++n) {
    if (n == without || !is_leader_state(world.monitor.goals[n].state)) continue;
    if (world.nodes[n].server != Server::primary) return "the primary's Postgres does not accept writes";
    if (!has_every_acknowledged_commit(world, n)) return "the primary lacks an acknowledged commit";
    if (world.monitor.operation != Operation::none) return "an operation does not end";
    if (world.monitor.leaves != nobody || world.monitor.returns != nobody)
      return "a request for maintenance does not end";
    return std::nullopt;
  }
  return "no surviving node's goal is to be the primary";
}

/// How many acknowledgements the primary should ask of so many standbys.
int wanted_acks(const Rules& rules, int voters) {
  return std::min(std::max(1, rules.settings.number_sync_standbys), voters);
}

std::optional<std::string> why_not_whole(const World& world, const Rules& rules) {
  if (const auto why = why_not_served(world, nobody)) return why;
  int leader = 0;
  std::uint8_t wanted = 0;
  int members = 0;
  for (int n = 0; n < world.size; ++n) {
    const NodeState goal = world.monitor.goals[n].state;
    if (goal == NodeState::dropped) {
      if (world.nodes[n].server != Server::stopped) return "the dropped node runs";
      continue;
    }
    ++members;
    if (is_leader_state(goal))
      leader = n;
    else if (rules.attributes[n].replication_quorum && goal != NodeState::maintenance)
      wanted = static_cast<std::uint8_t>(wanted | 1U << n);
    if (!world.nodes[n].heard || !world.nodes[n].done) return "a keeper has not reached its goal";
  }
  const NodeState goal = world.monitor.goals[leader].state;
  if (members == 1)
    return goal == NodeState::single ? std::nullopt : std::optional("the node that is left is not single");
  if (goal != (wanted == 0 ? NodeState::wait_primary : NodeState::primary)) return "there is no synchronous primary";
  for (int n = 0; n < world.size; ++n) {
    if (n == leader || world.monitor.goals[n].state == NodeState::dropped ||
        world.monitor.goals[n].state == NodeState::maintenance)
      continue;
    if (world.monitor.goals[n].state != NodeState::secondary) return "a standby is no secondary";
    if (!streams_from(world, n, leader)) return "a secondary does not stream";
  }
  const SimQuorum quorum{static_cast<std::uint8_t>(wanted_acks(rules, std::popcount(wanted))), wanted};
  if (wanted != 0 && (world.monitor.confirmed != quorum || world.monitor.assigned != quorum))
    return "the quorum is not confirmed, or not what it should be";
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_not_recovered(const World& world, FairRules fair, const Rules& rules) {
  if (fair.coordinator != Coordinator::stays_away &&
      (world.statements == Statements::wait_for_0 || world.statements == Statements::wait_for_1))
    return "the statements for the group wait on";
  if (fair.loss == Loss::nothing) return why_not_whole(world, rules);
  const auto why = why_not_served(world, fair.lost_node);
  // A node that only lost its keeper or the monitor serves on, as long as its standby hears it.
  const bool lost_node_serves = world.nodes[fair.lost_node].server == Server::primary &&
                                can_acknowledge(world, fair.lost_node) && world.monitor.operation == Operation::none;
  return lost_node_serves ? std::nullopt : why;
}

std::string describe(FairRules rules) {
  static constexpr std::array parts = {"", "", "the keeper of ", "the link to the monitor of ", "every link of "};
  static constexpr std::array coordinators = {"", ", with a coordinator", ", with a coordinator that never holds",
                                              ", without a coordinator"};
  const std::string coordinator = coordinators[static_cast<std::size_t>(rules.coordinator)];
  if (rules.loss == Loss::nothing) return "after the faults" + coordinator;
  return std::string("after the loss of ") + parts[static_cast<std::size_t>(rules.loss)] + "node " +
         std::to_string(rules.lost_node) + coordinator;
}

}  // namespace autoctl::explorer
