#include "fair_run.h"

#include "monitor/fsm/roles.h"
#include "monitor/fsm/verdict.h"
#include "node_model.h"

namespace autoctl::sim {

using monitor::NodeObservation;

namespace {

constexpr TimePoint watching_since{std::chrono::hours{1}};
constexpr TimePoint run_now{std::chrono::hours{2}};
constexpr TimePoint a_moment_ago = run_now - Millis{10};

bool expects_postgres(NodeState goal) {
  return !monitor::is_outgoing_state(goal) && goal != NodeState::dropped;
}

/// The last report of the lost node came long before it was lost.
constexpr TimePoint last_sign_of_the_lost = run_now - std::chrono::minutes{1};

}  // namespace

FairRun::FairRun(Decisions& decisions, monitor::Settings settings, FairRules rules)
    : decisions_(&decisions), settings_(settings), rules_(rules) {}

World FairRun::begin(World world) const {
  world.link = rules_.loss != Loss::every_link;
  world.faults = 0;
  world.sent = {};  // overtaken by newer ones
  world.statements = rules_.statements;
  for (SimNode& node : world.nodes) node.broken = false;
  if (rules_.loss == Loss::whole_node) server_crashes(world, rules_.lost_node);
  return world;
}

bool FairRun::nodes_act(World& world) const {
  bool changed = false;
  for (int n = 0; n < 2; ++n) {
    if (!is_lost(n) && keeper_hears(world, n)) changed = true;
    Violation ignored;  // the explorer has seen this step already
    while (works(n) && keeper_works(world, n, ignored)) changed = true;
    while (wal_arrives(world, n)) changed = true;
    while (wal_arrives(world, other(n))) changed = true;
  }
  for (std::uint8_t token = 0; token < token_count; ++token)
    if (client_is_acknowledged(world, token)) changed = true;
  for (int n = 0; n < 2; ++n)
    if (!is_lost(n) && keeper_reports(world, n)) changed = true;
  canonicalise(world);
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
  const bool heard = streams(world, node) || streams(world, other(node));
  const unsigned key = (is_lost(node) ? 1U : 0U) | (facts.reported ? 2U : 0U) | (facts.cannot_run ? 4U : 0U) |
                       (expected ? 8U : 0U) | (answers ? 16U : 0U) | (heard ? 32U : 0U) | (world.link ? 64U : 0U);
  if (judged_[key]) return *judged_[key];
  NodeObservation seen;
  seen.last_report = a_moment_ago;
  if (is_lost(node)) seen = observe_lost(facts.reported, answers, heard, world.link);
  seen.watching_since = watching_since;
  seen.cannot_run = facts.cannot_run;
  judged_[key] = monitor::assess(seen, expected, settings_, run_now).verdict;
  return *judged_[key];
}

Belief FairRun::observe(const World& world, bool time_passes) const {
  Belief belief;
  belief.stalls_elapsed = belief.others_elapsed = time_passes;
  belief.statements = world.statements;
  for (int n = 0; n < 2; ++n) belief.verdicts[n] = judge(world, n);
  return belief;
}

bool FairRun::monitor_acts(World& world, bool time_passes, std::string* log) const {
  for (int n = 0; n < 2; ++n) {
    const SimFacts& facts = world.monitor.facts[n];
    const bool stopped = facts.current && facts.state == NodeState::dropped;
    if ((stopped || is_lost(n)) && monitor_forgets(world, n)) return true;
  }
  const auto& effect = decisions_->under(world.monitor, observe(world, time_passes));
  if (!effect) return false;
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

/// What the old primary's quorum tells about a candidate that was dropped: was it never told to promote?
bool quorum_of_the_old_primary_stands(const SimMonitor& monitor, int old_primary) {
  return monitor.confirmed == voter(other(old_primary)) && monitor.assigned == voter(other(old_primary));
}

}  // namespace

bool takes_part(NodeState goal) {
  return goal == NodeState::secondary || goal == NodeState::report_lsn || goal == NodeState::prepare_promotion;
}

bool other_must_serve(const World& world, int lost_node) {
  const int survivor = other(lost_node);
  const NodeState goal = world.monitor.goals[survivor].state;
  const NodeState lost_goal = world.monitor.goals[lost_node].state;
  if (world.nodes[survivor].data != Data::intact) return false;
  if (is_leader_state(goal) || goal == NodeState::stop_replication) return true;
  if (takes_part(goal) && world.monitor.confirmed == voter(survivor) && world.monitor.assigned == voter(survivor))
    return true;
  const bool nobody_promotes = lost_goal == NodeState::dropped
                                   ? quorum_of_the_old_primary_stands(world.monitor, survivor)
                                   : lost_goal != NodeState::stop_replication && !is_leader_state(lost_goal);
  return nobody_promotes && (goal == NodeState::draining || goal == NodeState::demote_timeout);
}

bool must_recover(const World& begin, FairRules rules) {
  for (int n = 0; n < 2; ++n) {
    if (begin.monitor.goals[n].state != NodeState::dropped) continue;
    const bool without_it = rules.loss == Loss::nothing || (rules.loss == Loss::whole_node && rules.lost_node == n);
    return without_it && other_must_serve(begin, n);
  }
  if (rules.loss == Loss::nothing) return true;
  // A primary that nobody commands but that answers is not replaced; it waits for ever for a standby that cannot
  // stream.
  const bool answers = rules.loss == Loss::keeper_only && begin.nodes[rules.lost_node].server == Server::primary;
  if (answers && begin.nodes[other(rules.lost_node)].lost_its_place) return false;
  return other_must_serve(begin, rules.lost_node);
}

namespace {

std::optional<std::string> why_not_served_by(const World& world, int node) {
  const SimNode& self = world.nodes[node];
  if (!is_leader_state(world.monitor.goals[node].state)) return "the surviving node's goal is not to be the primary";
  if (self.server != Server::primary) return "the surviving node's Postgres does not accept writes";
  if (!has_every_acknowledged_commit(world, node)) return "the surviving primary lacks an acknowledged commit";
  if (world.monitor.operation != Operation::none) return "an operation does not end";
  return std::nullopt;
}

std::optional<std::string> why_not_whole(const World& world) {
  for (int n = 0; n < 2; ++n) {
    if (world.monitor.goals[n].state != NodeState::dropped) continue;
    if (world.nodes[n].server != Server::stopped) return "the dropped node runs";
    if (world.monitor.goals[other(n)].state != NodeState::single) return "the node that is left is not single";
    return why_not_served_by(world, other(n));
  }
  for (int leader = 0; leader < 2; ++leader) {
    const int standby = other(leader);
    if (world.monitor.goals[leader].state != NodeState::primary) continue;
    if (world.monitor.goals[standby].state != NodeState::secondary) return "there is no secondary";
    if (world.monitor.confirmed != voter(standby) || world.monitor.assigned != voter(standby))
      return "the quorum is not confirmed";
    for (const SimNode& node : world.nodes)
      if (!node.heard || !node.done) return "a keeper has not reached its goal";
    if (!streams(world, standby)) return "the secondary does not stream";
    if (world.monitor.operation != Operation::none) return "an operation does not end";
    if (!has_every_acknowledged_commit(world, leader)) return "the primary lacks an acknowledged commit";
    return std::nullopt;
  }
  return "there is no synchronous primary";
}

}  // namespace

std::optional<std::string> why_not_recovered(const World& world, FairRules rules) {
  if (rules.coordinator != Coordinator::stays_away &&
      (world.statements == Statements::wait_for_0 || world.statements == Statements::wait_for_1))
    return "the statements for the group wait on";
  if (rules.loss == Loss::nothing) return why_not_whole(world);
  const auto why = why_not_served_by(world, other(rules.lost_node));
  // A node that only lost its keeper or the monitor serves on, as long as its standby hears it.
  const bool lost_node_serves = world.nodes[rules.lost_node].server == Server::primary &&
                                can_acknowledge(world, rules.lost_node) && world.monitor.operation == Operation::none;
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

}  // namespace autoctl::sim
