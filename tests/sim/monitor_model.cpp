#include "monitor_model.h"

#include <algorithm>

#include "monitor/fsm/roles.h"
#include "monitor/fsm/traffic.h"

namespace autoctl::sim {

using monitor::Verdict;

namespace {

constexpr Term now_term{1};
constexpr std::chrono::hours long_time{1};
/// The model's "now": decisions look at differences only.
constexpr TimePoint model_now{std::chrono::hours{24}};

std::optional<int> node_of(NodeId id) {
  if (id == node_id(0)) return 0;
  if (id == node_id(1)) return 1;
  return std::nullopt;
}

SyncQuorum quorum_of(Voter who) {
  if (who == Voter::nobody) return {};
  return {1, {node_id(who == Voter::node_0 ? 0 : 1)}};
}

std::optional<Voter> voter_of(const SyncQuorum& quorum) {
  if (quorum == SyncQuorum{}) return Voter::nobody;
  if (quorum.acks != 1 || quorum.voters.size() != 1) return std::nullopt;
  const auto node = node_of(quorum.voters.front());
  return node ? std::optional(voter(*node)) : std::nullopt;
}

Goal goal_of(const SimGoal& sim, int node) {
  Goal goal;
  goal.state = sim.state;
  goal.term = now_term;
  if (sim.upstream) goal.upstream = node_id(other(node));
  if (sim.sync) goal.sync = quorum_of(voter(other(node)));
  goal.fence = sim.fence;
  goal.checkpoint = sim.checkpoint;
  return goal;
}

NodeFacts facts_of(const SimFacts& sim, int node) {
  const NodeId peer = node_id(other(node));
  NodeFacts facts;
  facts.state = sim.state;
  facts.term = Term{sim.current ? now_term.value : 0};
  facts.postgres_running = sim.running;
  facts.in_recovery = sim.in_recovery;
  facts.cannot_run = sim.cannot_run;
  facts.timeline = Timeline{sim.timeline};
  const bool primary = sim.running && !sim.in_recovery;
  if (primary) facts.prepared_peers = {peer};
  if (primary && sim.sync) facts.sync_in_force = quorum_of(voter(other(node)));
  if (primary && sim.connected) facts.streaming = {peer};
  facts.receiving = sim.in_recovery && sim.connected;
  return facts;
}

monitor::Traffic traffic_of(Statements statements) {
  monitor::Traffic traffic;
  if (statements == Statements::away) return traffic;
  traffic.coordinator_ready = true;
  const bool to_0 = statements == Statements::go_to_0 || statements == Statements::wait_for_1;
  traffic.routed_to = node_id(to_0 ? 0 : 1);
  if (statements == Statements::wait_for_0) traffic.held_for = node_id(0);
  if (statements == Statements::wait_for_1) traffic.held_for = node_id(1);
  return traffic;
}

monitor::Operation operation_of(Operation sim, bool elapsed) {
  monitor::Operation operation;
  operation.id = 1;
  if (sim == Operation::to_node_0) operation.target = node_id(0);
  if (sim == Operation::to_node_1) operation.target = node_id(1);
  operation.requested_at = elapsed ? model_now - long_time : model_now;
  return operation;
}

std::string take_goals(Effect& effect, const monitor::Decision& decision) {
  if (decision.term != Term{now_term.value + 1}) return "the decision does not begin the next term";
  for (const auto& [id, goal] : decision.goals) {
    const auto node = node_of(id);
    if (!node || effect.assigned[*node] || effect.monitor.gone[*node]) return "a goal for nobody, or two for one node";
    const auto sync = voter_of(goal.sync);
    if (goal.term != decision.term) return "a goal of another term than its decision's";
    if (!sync || *sync == voter(*node)) return "a goal with a quorum that cannot be";
    if (goal.upstream && goal.upstream != node_id(other(*node))) return "a goal with an upstream that cannot be";
    effect.monitor.goals[*node] = {goal.state, bool{goal.upstream}, *sync != Voter::nobody, goal.fence,
                                   goal.checkpoint};
    effect.assigned[*node] = true;
  }
  return {};
}

std::string take_quorums(Effect& effect, const monitor::Decision& decision) {
  const auto take = [](const std::optional<SyncQuorum>& quorum, Voter& into) {
    if (!quorum) return true;
    const auto who = voter_of(*quorum);
    if (who) into = *who;
    return who.has_value();
  };
  if (take(decision.quorum_assigned, effect.monitor.assigned) &&
      take(decision.quorum_confirmed, effect.monitor.confirmed))
    return {};
  return "a quorum that two nodes cannot form";
}

}  // namespace

NodeId node_id(int node) {
  return NodeId{node + 1};
}

monitor::GroupSnapshot snapshot_of(const SimMonitor& sim, const Belief& belief) {
  monitor::GroupSnapshot group;
  group.formation = "default";
  group.term = now_term;
  group.quorum_confirmed = quorum_of(sim.confirmed);
  group.quorum_assigned = quorum_of(sim.assigned);
  group.monitor_trusts_itself = belief.trusts_itself;
  if (belief.statements != Statements::no_coordinator) group.traffic = traffic_of(belief.statements);
  if (sim.operation != Operation::none) group.operation = operation_of(sim.operation, belief.others_elapsed);
  for (int n = 0; n < 2; ++n) {
    if (sim.gone[n]) continue;
    monitor::NodeView view;
    view.id = node_id(n);
    view.name = n == 0 ? "node_0" : "node_1";
    view.goal = goal_of(sim.goals[n], n);
    view.goal_since = belief.others_elapsed ? model_now - long_time : model_now;
    view.reported = sim.facts[n].reported;
    if (view.reported) view.facts = facts_of(sim.facts[n], n);
    view.facts.cannot_write = belief.disk_is_full && view.facts.postgres_running && !view.facts.in_recovery;
    view.health = {belief.verdicts[n], "as the model has it"};
    view.lease_until = belief.others_elapsed ? model_now - long_time : model_now + long_time;
    if (view.reported && !view.facts.receiving)
      view.stalled_since = belief.stalls_elapsed ? model_now - long_time : model_now;
    group.nodes.push_back(std::move(view));
  }
  return group;
}

Route route_of(const SimMonitor& sim, const Belief& belief, const monitor::Settings& settings) {
  const monitor::GroupSnapshot group = snapshot_of(sim, belief);
  const monitor::NodeView* leader = monitor::leader_of(group);
  const bool serves = leader != nullptr && monitor::serves_as_primary(*leader);
  return {node_of(monitor::hold_target(group, settings, model_now)), serves ? node_of(leader->id) : std::nullopt};
}

std::optional<Effect> decide_once(const SimMonitor& sim, const Belief& belief, const monitor::Settings& settings,
                                  const Decide& decide) {
  const auto decision = decide(snapshot_of(sim, belief), settings, model_now);
  if (!decision) return std::nullopt;
  Effect effect{.monitor = sim, .rule_id = decision->rule_id};
  effect.problem = take_goals(effect, *decision);
  if (effect.problem.empty()) effect.problem = take_quorums(effect, *decision);
  if (decision->operation_target) {
    const auto node = node_of(*decision->operation_target);
    effect.monitor.operation = node == 0 ? Operation::to_node_0 : Operation::to_node_1;
  }
  if (decision->operation) effect.monitor.operation = Operation::none;
  return effect;
}

namespace {

/// What is known of a node was about its old goal.
void has_new_goal(World& world, int node) {
  world.nodes[node].heard = false;
  for (SimFacts* facts : {&world.monitor.facts[node], &world.sent[node]})
    if (facts->reported) facts->current = false;
}

}  // namespace

bool operator_drops(World& world, int node) {
  if (world.monitor.goals[0].state == NodeState::dropped || world.monitor.goals[1].state == NodeState::dropped)
    return false;
  world.monitor.goals[node] = {.state = NodeState::dropped};
  has_new_goal(world, node);
  return true;
}

bool monitor_forgets(World& world, int node) {
  if (world.monitor.goals[node].state != NodeState::dropped || world.monitor.gone[node]) return false;
  world.monitor.gone[node] = true;
  world.monitor.facts[node] = world.sent[node] = {};
  return true;
}

void apply(World& world, const Effect& effect) {
  world.monitor = effect.monitor;
  for (int n = 0; n < 2; ++n)
    if (effect.assigned[n]) has_new_goal(world, n);
}

std::string_view rule_name(int rule_id) {
  for (const monitor::RuleInfo& rule : monitor::rules())
    if (rule.id == rule_id) return rule.name;
  return "unknown";
}

namespace {

bool same(const Effect& a, const Effect& b) {
  return a.rule_id == b.rule_id && a.assigned == b.assigned && a.problem == b.problem &&
         std::memcmp(&a.monitor, &b.monitor, sizeof a.monitor) == 0;
}

constexpr unsigned beliefs = 256;

Belief belief_of(std::uint8_t bits) {
  Belief belief;
  for (unsigned n = 0; n < 2; ++n) belief.verdicts[n] = static_cast<Verdict>(bits >> (2 * n) & 3U);
  belief.trusts_itself = (bits & 16U) == 0;
  belief.stalls_elapsed = (bits & 32U) != 0;
  belief.others_elapsed = (bits & 64U) != 0;
  belief.disk_is_full = (bits & 128U) != 0;
  return belief;
}

std::array<std::uint8_t, 2> bits_of(const Belief& belief) {
  unsigned bits = 0;
  for (unsigned n = 0; n < 2; ++n) bits |= static_cast<unsigned>(belief.verdicts[n]) << (2 * n);
  bits |= (belief.trusts_itself ? 0U : 16U) | (belief.stalls_elapsed ? 32U : 0U) | (belief.others_elapsed ? 64U : 0U) |
          (belief.disk_is_full ? 128U : 0U);
  return {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(belief.statements)};
}

/// assess() calls nobody healthy who has not reported.
bool possible(const SimMonitor& sim, const Belief& belief) {
  for (int n = 0; n < 2; ++n)
    if (belief.verdicts[n] == Verdict::healthy && !sim.facts[n].reported) return false;
  return true;
}

}  // namespace

const std::optional<Effect>& Decisions::under(const SimMonitor& sim, const Belief& belief) {
  const auto [entry, is_new] = one_.try_emplace({sim, bits_of(belief)});
  if (is_new) entry->second = decide_once(sim, belief, settings_, decide_);
  return entry->second;
}

const Route& Decisions::route(const SimMonitor& sim, const Belief& belief) {
  const auto [entry, is_new] = routes_.try_emplace({sim, bits_of(belief)});
  if (is_new) entry->second = route_of(sim, belief, settings_);
  return entry->second;
}

const std::vector<Effect>& Decisions::under_any_belief(const SimMonitor& sim) {
  const auto [entry, is_new] = any_.try_emplace(sim);
  std::vector<Effect>& effects = entry->second;
  if (!is_new) return effects;
  const auto consider = [&](const Belief& belief) {
    const auto& effect = under(sim, belief);
    if (effect && std::ranges::none_of(effects, [&](const Effect& e) { return same(e, *effect); }))
      effects.push_back(*effect);
  };
  using enum Statements;
  for (unsigned bits = 0; bits < beliefs; ++bits) {
    Belief belief = belief_of(static_cast<std::uint8_t>(bits));
    if (!possible(sim, belief)) continue;
    if (!worker_) consider(belief);
    for (Statements statements : {away, go_to_0, go_to_1, wait_for_0, wait_for_1}) {
      if (!worker_) break;
      belief.statements = statements;
      consider(belief);
    }
  }
  return effects;
}

}  // namespace autoctl::sim
