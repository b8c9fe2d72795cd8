#include "monitor_model.h"

#include <algorithm>

#include "monitor/fsm/roles.h"
#include "monitor/fsm/traffic.h"

namespace autoctl::explorer {

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

/// A running Postgres with all that goes with it.
void play(NodeFacts& facts, Role role, const std::vector<NodeId>& others) {
  if (role == Role::as_reported) return;
  facts.postgres_running = true;
  facts.in_recovery = facts.receiving = role == Role::standby;
  if (role == Role::primary) facts.prepared_peers = facts.streaming = others;
}

/// The primary says that it has heard what it is to be: that it needs a lease it has heard with it.
bool keeps_strict_lease(const SimMonitor& sim) {
  for (int n = 0; n < max_nodes; ++n)
    if (sim.goals[n].state == NodeState::wait_primary && !sim.gone[n])
      return sim.facts[n].reported && sim.facts[n].current && sim.facts[n].state == NodeState::wait_primary;
  return false;
}

/// A node as this belief has it.
void look(monitor::NodeView& view, const Sight& sight, const std::vector<NodeId>& others) {
  NodeFacts& facts = view.facts;
  view.reported = view.reported && sight.reported;
  if (!view.reported) facts = {};
  play(facts, sight.role, others);
  if (!sight.running) {
    facts.postgres_running = facts.in_recovery = facts.receiving = false;
    facts.streaming = facts.prepared_peers = {};
    facts.timeline = {};
  }
  if (!sight.position_known) facts.lsn = {};
  if (!sight.receives) facts.receiving = false;
  if (sight.forked) facts.forked = true;
  if (sight.stalled) view.stalled_for = long_time;
  if (sight.disk_is_full) facts.cannot_write = facts.postgres_running && !facts.in_recovery;
}

std::string take_goals(SimDecision& effect, const monitor::Decision& decision, const Names& names) {
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

std::string take_quorums(SimDecision& effect, const monitor::Decision& decision, const Names& names) {
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

NodeId id_of(int node, bool ids_descend) {
  return Names{ids_descend}.id(node);
}

void look_at_peers(monitor::GroupSnapshot& group, const Belief& belief) {
  const Names names{belief.ids_descend};
  for (monitor::NodeView& node : group.nodes) {
    std::erase_if(node.facts.streaming, [&](NodeId id) { return !belief.sights[*names.node(id)].is_streamed_to; });
    std::erase_if(node.facts.prepared_peers,
                  [&](NodeId id) { return !belief.sights[*names.node(id)].is_prepared_for; });
  }
}

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
    if (rules.settings.failover_max_lost_time.count() != 0) {
      if (keeps_strict_lease(sim)) view.may_lack = monitor::Lack{};
      if (view.reported) ++view.facts.lsn.value;  // 0 would be no position
    }
    look(view, belief.sights[n], names.ids(static_cast<std::uint8_t>(members & ~(1 << n))));
    group.nodes.push_back(std::move(view));
  }
  look_at_peers(group, belief);
  if (belief.ids_descend) std::ranges::reverse(group.nodes);
  return group;
}

SimRoute route_of(const SimMonitor& sim, const Belief& belief, const Rules& rules) {
  const Names names{belief.ids_descend};
  const monitor::GroupSnapshot group = snapshot_of(sim, belief, rules);
  const monitor::NodeView* leader = monitor::leader_of(group);
  const bool serves = leader != nullptr && monitor::serves_as_primary(*leader);
  const NodeId held_for = monitor::hold_target(group, rules.settings, model_now);
  return {held_for ? names.node(held_for) : std::nullopt, serves ? names.node(leader->id) : std::nullopt};
}

std::optional<SimDecision> decide_once(const SimMonitor& sim, const Belief& belief, const Rules& rules) {
  return decide_on(snapshot_of(sim, belief, rules), sim, belief, rules);
}

std::optional<SimDecision> decide_on(const monitor::GroupSnapshot& group, const SimMonitor& sim, const Belief& belief,
                                     const Rules& rules) {
  const Names names{belief.ids_descend};
  monitor::Settings settings = rules.settings;
  settings.paused = belief.paused;
  const auto decision = rules.decide(group, settings, model_now);
  if (!decision) return std::nullopt;
  SimDecision effect{.monitor = sim, .rule_id = decision->rule_id, .when_leases_are_over = belief.others_elapsed};
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
      is_maintenance_state(goal))
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

namespace {

/// It is told to promote, and no quorum keeps a former primary from acknowledging.
bool follows_by_lease(const World& world, const SimDecision& effect, int node) {
  return world.bounded_loss && effect.assigned[node] &&
         effect.monitor.goals[node].state == NodeState::stop_replication && world.monitor.goals[node].fence &&
         world.monitor.assigned.asynchronous();
}

}  // namespace

bool is_possible(const World& world, const SimDecision& effect) {
  if (!effect.when_leases_are_over) return true;
  for (int node = 0; node < world.size; ++node)
    for (int n = 0; n < world.size; ++n) {
      const NodeState before = world.monitor.goals[n].state;
      const bool led = before == NodeState::demote_timeout || before == NodeState::dropped;
      if (n != node && led && follows_by_lease(world, effect, node) && world.nodes[n].server == Server::primary)
        return false;
    }
  return true;
}

void apply(World& world, const SimDecision& effect) {
  for (int n = 0; n < world.size; ++n)
    for (std::uint8_t token = 0; token < token_count; ++token)
      if (follows_by_lease(world, effect, n) && world.commits[token] == Commit::acknowledged &&
          !world.nodes[n].has(token))
        world.commits[token] = Commit::abandoned;  // that is what the operator has allowed
  world.monitor = effect.monitor;
  for (int n = 0; n < world.size; ++n)
    if (effect.assigned[n]) has_new_goal(world, n);
}

std::string_view rule_name(int rule_id) {
  for (const monitor::RuleInfo& rule : monitor::rules())
    if (rule.id == rule_id) return rule.name;
  return "unknown";
}

}  // namespace autoctl::explorer
