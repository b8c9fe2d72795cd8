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

/// Names of nodes as the rules see them; both orders of ids are tried, as rules prefer the lowest among equals.
struct Names {
  bool descend = false;
  NodeId id(int node) const { return NodeId{descend ? max_nodes - node : node + 1}; }
  std::optional<int> node(NodeId id) const {
    const auto n = static_cast<int>(descend ? max_nodes - id.value : id.value - 1);
    return n >= 0 && n < max_nodes ? std::optional(n) : std::nullopt;
  }
  SyncQuorum quorum(SimQuorum sim) const {
    SyncQuorum quorum;
    quorum.acks = sim.acks;
    quorum.voters = ids(sim.voters);
    return quorum;
  }
  std::vector<NodeId> ids(std::uint8_t bits) const {
    std::vector<NodeId> all;
    for (int n = 0; n < max_nodes; ++n)
      if (bits >> n & 1U) all.push_back(id(n));
    std::ranges::sort(all);
    return all;
  }
  std::optional<SimQuorum> quorum(const SyncQuorum& quorum) const {
    SimQuorum sim{static_cast<std::uint8_t>(quorum.acks), 0};
    for (NodeId voter : quorum.voters) {
      const auto who = node(voter);
      if (!who) return std::nullopt;
      sim.voters = static_cast<std::uint8_t>(sim.voters | 1U << *who);
    }
    const bool possible = quorum.acks >= 0 && quorum.acks <= static_cast<int>(quorum.voters.size());
    return possible && (quorum.acks == 0) == quorum.voters.empty() ? std::optional(sim) : std::nullopt;
  }
};

Goal goal_of(const SimGoal& sim, const Names& names) {
  Goal goal;
  goal.state = sim.state;
  goal.term = now_term;
  if (sim.upstream != nobody) goal.upstream = names.id(sim.upstream);
  goal.sync = names.quorum(sim.sync);
  goal.fence = sim.fence;
  goal.checkpoint = sim.checkpoint;
  goal.await_lsn = Lsn{sim.await_length};
  return goal;
}

NodeFacts facts_of(const SimFacts& sim, int node, int others, const Names& names) {
  NodeFacts facts;
  facts.state = sim.state;
  facts.term = Term{sim.current ? now_term.value : 0};
  facts.postgres_running = sim.running;
  facts.in_recovery = sim.in_recovery;
  facts.cannot_run = sim.cannot_run;
  facts.timeline = Timeline{sim.timeline};
  facts.lsn = Lsn{sim.length};
  const bool primary = sim.running && !sim.in_recovery;
  if (primary) facts.prepared_peers = names.ids(static_cast<std::uint8_t>(others & ~(1U << node)));
  facts.sync_in_force = names.quorum(sim.sync);
  facts.streaming = names.ids(sim.streaming);
  facts.receiving = sim.receiving;
  return facts;
}

monitor::Traffic traffic_of(Statements statements, const Names& names) {
  monitor::Traffic traffic;
  if (statements == Statements::away) return traffic;
  traffic.coordinator_ready = true;
  const bool to_0 = statements == Statements::go_to_0 || statements == Statements::wait_for_1;
  traffic.routed_to = names.id(to_0 ? 0 : 1);
  if (statements == Statements::wait_for_0) traffic.held_for = names.id(0);
  if (statements == Statements::wait_for_1) traffic.held_for = names.id(1);
  return traffic;
}

monitor::Operation operation_of(Operation sim, bool elapsed, const Names& names) {
  monitor::Operation operation;
  operation.id = 1;
  for (int n = 0; n < max_nodes; ++n)
    if (sim == operation_to(n)) operation.target = names.id(n);
  operation.requested_at = elapsed ? model_now - long_time : model_now;
  return operation;
}

std::string take_goals(Effect& effect, const monitor::Decision& decision, const Names& names) {
  if (decision.term != Term{now_term.value + 1}) return "the decision does not begin the next term";
  for (const auto& [id, goal] : decision.goals) {
    const auto node = names.node(id);
    if (!node || effect.assigned[*node] || effect.monitor.gone[*node]) return "a goal for nobody, or two for one node";
    const auto sync = names.quorum(goal.sync);
    if (goal.term != decision.term) return "a goal of another term than its decision's";
    if (!sync || sync->contains(*node)) return "a goal with a quorum that cannot be";
    const auto upstream = goal.upstream ? names.node(goal.upstream) : std::nullopt;
    if (goal.upstream && (!upstream || upstream == node)) return "a goal with an upstream that cannot be";
    SimGoal& assigned = effect.monitor.goals[*node];
    assigned = {.state = goal.state, .sync = *sync, .fence = goal.fence, .checkpoint = goal.checkpoint};
    if (upstream) assigned.upstream = static_cast<std::uint8_t>(*upstream);
    assigned.await_length = static_cast<std::uint8_t>(goal.await_lsn.value);
    effect.assigned[*node] = true;
  }
  return {};
}

std::string take_quorums(Effect& effect, const monitor::Decision& decision, const Names& names) {
  const auto take = [&](const std::optional<SyncQuorum>& quorum, SimQuorum& into) {
    if (!quorum) return true;
    const auto sim = names.quorum(*quorum);
    if (sim) into = *sim;
    return sim.has_value();
  };
  if (take(decision.quorum_assigned, effect.monitor.assigned) &&
      take(decision.quorum_confirmed, effect.monitor.confirmed))
    return {};
  return "a quorum that these nodes cannot form";
}

}  // namespace

monitor::GroupSnapshot snapshot_of(const SimMonitor& sim, const Belief& belief, const Rules& rules) {
  const Names names{belief.ids_descend};
  monitor::GroupSnapshot group;
  group.formation = "default";
  group.term = now_term;
  group.quorum_confirmed = names.quorum(sim.confirmed);
  group.quorum_assigned = names.quorum(sim.assigned);
  group.monitor_trusts_itself = belief.trusts_itself;
  if (belief.statements != Statements::no_coordinator) group.traffic = traffic_of(belief.statements, names);
  if (sim.operation != Operation::none) group.operation = operation_of(sim.operation, belief.others_elapsed, names);
  for (const auto& [node, kind] : {std::pair(sim.leaves, monitor::MaintenanceRequest::Kind::begin),
                                   std::pair(sim.returns, monitor::MaintenanceRequest::Kind::end)})
    if (node != nobody)
      group.maintenance =
          monitor::MaintenanceRequest{.kind = kind,
                                      .node = names.id(node),
                                      .requested_at = belief.others_elapsed ? model_now - long_time : model_now};
  int members = 0;
  for (int n = 0; n < max_nodes; ++n)
    if (!sim.gone[n]) members |= 1 << n;
  for (int n = 0; n < max_nodes; ++n) {
    if (sim.gone[n]) continue;
    monitor::NodeView view;
    view.id = names.id(n);
    view.name = "node_" + std::to_string(n);
    view.goal = goal_of(sim.goals[n], names);
    view.goal_since = belief.others_elapsed ? model_now - long_time : model_now;
    view.reported = sim.facts[n].reported;
    if (view.reported) view.facts = facts_of(sim.facts[n], n, members, names);
    view.facts.cannot_write = belief.disk_is_full && view.facts.postgres_running && !view.facts.in_recovery;
    view.health = {belief.verdicts[n], "as the model has it"};
    view.candidate_priority = rules.attributes[n].candidate_priority;
    view.replication_quorum = rules.attributes[n].replication_quorum;
    view.lease_until = belief.others_elapsed ? model_now - long_time : model_now + long_time;
    if (view.reported && !view.facts.receiving && belief.stalls_elapsed) view.stalled_for = long_time;
    group.nodes.push_back(std::move(view));
  }
  if (belief.ids_descend) std::ranges::reverse(group.nodes);
  return group;
}

Route route_of(const SimMonitor& sim, const Belief& belief, const Rules& rules) {
  const Names names{belief.ids_descend};
  const monitor::GroupSnapshot group = snapshot_of(sim, belief, rules);
  const monitor::NodeView* leader = monitor::leader_of(group);
  const bool serves = leader != nullptr && monitor::serves_as_primary(*leader);
  const NodeId held_for = monitor::hold_target(group, rules.settings, model_now);
  return {held_for ? names.node(held_for) : std::nullopt, serves ? names.node(leader->id) : std::nullopt};
}

std::optional<Effect> decide_once(const SimMonitor& sim, const Belief& belief, const Rules& rules) {
  const Names names{belief.ids_descend};
  monitor::Settings settings = rules.settings;
  settings.paused = belief.paused;
  const auto decision = rules.decide(snapshot_of(sim, belief, rules), settings, model_now);
  if (!decision) return std::nullopt;
  Effect effect{.monitor = sim, .rule_id = decision->rule_id};
  effect.problem = take_goals(effect, *decision, names);
  if (effect.problem.empty()) effect.problem = take_quorums(effect, *decision, names);
  if (decision->operation_target) {
    const auto node = names.node(*decision->operation_target);
    effect.monitor.operation = operation_to(*node);
  }
  if (decision->operation) {
    const std::uint8_t next = decision->operation->succeeded ? sim.then_leaves : nobody;
    effect.monitor.operation = Operation::none;
    effect.monitor.leaves = next;
    effect.monitor.then_leaves = effect.monitor.returns = nobody;
  }
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

bool operator_wants_maintenance(World& world, int node) {
  SimMonitor& monitor = world.monitor;
  if (monitor.operation != Operation::none || monitor.leaves != nobody || monitor.returns != nobody) return false;
  const NodeState goal = monitor.goals[node].state;
  if (goal == NodeState::init || goal == NodeState::wait_standby || goal == NodeState::dropped ||
      monitor::is_maintenance_state(goal))
    return false;
  if (!is_leader_state(goal)) {
    monitor.leaves = static_cast<std::uint8_t>(node);
  } else {
    monitor.operation = Operation::requested;
    monitor.then_leaves = static_cast<std::uint8_t>(node);
  }
  return true;
}

bool operator_ends_maintenance(World& world, int node) {
  SimMonitor& monitor = world.monitor;
  if (monitor.operation != Operation::none || monitor.leaves != nobody || monitor.returns != nobody ||
      monitor.goals[node].state != NodeState::maintenance)
    return false;
  monitor.returns = static_cast<std::uint8_t>(node);
  return true;
}

bool operator_drops(World& world, int node) {
  for (int n = 0; n < world.size; ++n)
    if (world.monitor.goals[n].state == NodeState::dropped) return false;
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
  for (int n = 0; n < world.size; ++n)
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

constexpr unsigned verdict_bits = 2 * max_nodes;

Belief belief_of(unsigned bits) {
  Belief belief;
  for (unsigned n = 0; n < max_nodes; ++n) belief.verdicts[n] = static_cast<Verdict>(bits >> (2 * n) & 3U);
  belief.trusts_itself = (bits >> verdict_bits & 1U) == 0;
  belief.stalls_elapsed = (bits >> verdict_bits & 2U) != 0;
  belief.others_elapsed = (bits >> verdict_bits & 4U) != 0;
  belief.disk_is_full = (bits >> verdict_bits & 8U) != 0;
  belief.ids_descend = (bits >> verdict_bits & 16U) != 0;
  belief.paused = (bits >> verdict_bits & 32U) != 0;
  return belief;
}

std::array<std::uint8_t, 3> key_of(const Belief& belief) {
  unsigned bits = 0;
  for (unsigned n = 0; n < max_nodes; ++n) bits |= static_cast<unsigned>(belief.verdicts[n]) << (2 * n);
  const unsigned others = (belief.trusts_itself ? 0U : 1U) | (belief.stalls_elapsed ? 2U : 0U) |
                          (belief.others_elapsed ? 4U : 0U) | (belief.disk_is_full ? 8U : 0U) |
                          (belief.ids_descend ? 16U : 0U) | (belief.paused ? 32U : 0U);
  return {static_cast<std::uint8_t>(bits), static_cast<std::uint8_t>(others),
          static_cast<std::uint8_t>(belief.statements)};
}

/// assess() calls nobody healthy who has not reported. For three nodes a few beliefs that amount to another are left
/// out: a suspect is as an unreachable node to a monitor that cannot elect without it; a monitor that does not trust
/// itself does nothing about a dead primary, as about an unreachable one; of a full disk two nodes have told all.
bool worth_trying(const SimMonitor& sim, const Belief& belief, int nodes) {
  for (int n = 0; n < max_nodes; ++n) {
    if (sim.gone[n] && belief.verdicts[n] != Verdict::healthy) return false;
    if (!sim.gone[n] && belief.verdicts[n] == Verdict::healthy && !sim.facts[n].reported) return false;
    if (nodes > 2 && belief.verdicts[n] == Verdict::suspected) return false;
  }
  if (nodes > 2 && belief.paused) return false;
  if (nodes > 2) return belief.trusts_itself && !belief.disk_is_full && belief.stalls_elapsed == belief.others_elapsed;
  return !belief.ids_descend;
}

}  // namespace

const std::optional<Effect>& Decisions::under(const SimMonitor& sim, const Belief& belief) {
  const auto [entry, is_new] = one_.try_emplace({sim, key_of(belief)});
  if (is_new) entry->second = decide_once(sim, belief, rules_);
  return entry->second;
}

const Route& Decisions::route(const SimMonitor& sim, const Belief& belief) {
  const auto [entry, is_new] = routes_.try_emplace({sim, key_of(belief)});
  if (is_new) entry->second = route_of(sim, belief, rules_);
  return entry->second;
}

const std::vector<Effect>& Decisions::under_any_belief(const SimMonitor& sim) {
  const auto [entry, is_new] = any_.try_emplace(sim);
  std::vector<Effect>& effects = entry->second;
  if (!is_new) return effects;
  const auto consider = [&](const Belief& belief) {
    const auto effect = decide_once(sim, belief, rules_);
    if (effect && std::ranges::none_of(effects, [&](const Effect& e) { return same(e, *effect); }))
      effects.push_back(*effect);
  };
  using enum Statements;
  for (unsigned bits = 0; bits < 64U << verdict_bits; ++bits) {
    Belief belief = belief_of(bits);
    if (!worth_trying(sim, belief, nodes_)) continue;
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
