#include "explorer.h"

#include <algorithm>

#include "monitor/fsm/roles.h"

namespace autoctl::sim {

namespace {

std::vector<FairRules> ways_to_recover() {
  std::vector<FairRules> ways = {{Loss::nothing, 0}};
  for (Loss loss : {Loss::whole_node, Loss::keeper_only, Loss::link_to_monitor, Loss::every_link})
    for (int node = 0; node < 2; ++node) ways.push_back({loss, node});
  return ways;
}

/// The same for a worker group, with every kind of coordinator; statements may wait when the faults end.
std::vector<FairRules> ways_of_workers_to_recover() {
  using enum Statements;
  std::vector<FairRules> ways;
  for (const FairRules& way : ways_to_recover()) {
    if (way.loss == Loss::link_to_monitor || way.loss == Loss::every_link) continue;
    for (Statements statements : {wait_for_0, wait_for_1})
      ways.push_back({way.loss, way.lost_node, Coordinator::follows, statements});
    ways.push_back({way.loss, way.lost_node, Coordinator::never_holds, go_to_0});
    ways.push_back({way.loss, way.lost_node, Coordinator::stays_away, away});
  }
  return ways;
}

bool leads_or_will(NodeState goal) {
  return is_leader_state(goal) || monitor::is_candidate_state(goal);
}

/// Past the point of no return: this node is, or is about to be, the primary.
bool is_committed_leader(NodeState goal) {
  return is_leader_state(goal) || goal == NodeState::stop_replication;
}

/// As far as goals and quorums go; facts may be old.
bool is_electable(const SimMonitor& monitor, int node) {
  return takes_part(monitor.goals[node].state) && monitor.confirmed == voter(node) && monitor.assigned == voter(node);
}

/// Every rule of the design about one moment; empty when all hold.
std::string broken_rule(const World& world) {
  if (can_acknowledge(world, 0) && can_acknowledge(world, 1)) return "two nodes can acknowledge commits";
  if (leads_or_will(world.monitor.goals[0].state) && leads_or_will(world.monitor.goals[1].state))
    return "two leaders or candidates";
  const bool promised = std::ranges::find(world.commits, Commit::acknowledged) != world.commits.end();
  for (int n = 0; n < 2; ++n) {
    const SimNode& self = world.nodes[n];
    const SimNode& peer = world.nodes[other(n)];
    if (is_committed_leader(world.monitor.goals[n].state)) {
      if (self.data == Data::torn) return "the data of the node that leads is torn";
      if (promised && !has_every_acknowledged_commit(world, n))
        return "the node that leads lacks an acknowledged commit";
    }
    if (!is_electable(world.monitor, n)) continue;
    if (!has_every_acknowledged_commit(world, n)) return "an electable node lacks an acknowledged commit";
    if (peer.data == Data::intact && peer.opens_as_primary && !peer.sync)
      return "a node is electable which the primary does not wait for";
  }
  return {};
}

}  // namespace

Explorer::Explorer(Plan plan) : plan_(std::move(plan)), decisions_(plan_.decide, plan_.settings, plan_.worker) {
  for (const FairRules& rules : plan_.worker ? ways_of_workers_to_recover() : ways_to_recover())
    recoveries_.push_back({FairRun(decisions_, plan_.settings, rules), rules, {}});
}

Report Explorer::run() {
  World first;
  first.faults = plan_.faults;
  for (std::uint8_t token = 0; token < plan_.commits; ++token) first.commits[token] = Commit::unused;
  worlds_.insert(first);
  origins_.push_back({0, {}});
  for (std::uint32_t index = 0; index < worlds_.size() && !report_.counterexample; ++index) {
    check(index);
    if (!report_.counterexample) expand(index);
    if (worlds_.size() > plan_.max_states) fail(index, "more states than expected");
  }
  report_.states = worlds_.size();
  report_.monitor_states = decisions_.monitor_states();
  return std::move(report_);
}

void Explorer::expand(std::uint32_t index) {
  for (int n = 0; n < 2; ++n) {
    node_actions(index, n);
    if (worlds_[index].faults > 0) node_faults(index, n);
  }
  group_actions(index);
}

void Explorer::node_actions(std::uint32_t index, int node) {
  using Kind = Action::Kind;
  const auto n = static_cast<std::uint8_t>(node);
  const auto attempt = [&](Kind kind, auto act) {
    World next = worlds_[index];
    if (act(next, node)) reach(index, {kind, n}, next);
  };
  Violation violation;
  attempt(Kind::hear, keeper_hears);
  attempt(Kind::work, [&](World& world, int self) { return keeper_works(world, self, violation); });
  if (violation) fail(index, violation.what + " (node " + std::to_string(node) + ")");
  if (plan_.delays) {
    attempt(Kind::send, keeper_sends_report);
    attempt(Kind::arrive, report_arrives);
  } else {
    attempt(Kind::report, keeper_reports);
  }
  attempt(Kind::self_fence, keeper_fences_itself);
  attempt(Kind::wal, wal_arrives);
  attempt(Kind::commit, client_commits);
  // Dropping the only node that has everything is an operator's own risk.
  if (plan_.drops && other_must_serve(worlds_[index], node)) attempt(Kind::drop, operator_drops);
  attempt(Kind::forget, monitor_forgets);
  attempt(Kind::repair_node, [](World& world, int self) { return std::exchange(world.nodes[self].broken, false); });
}

void Explorer::node_faults(std::uint32_t index, int node) {
  using Kind = Action::Kind;
  const auto n = static_cast<std::uint8_t>(node);
  const auto attempt = [&](Kind kind, auto act) {
    World next = worlds_[index];
    if (act(next, node)) reach(index, {kind, n}, next, true);
  };
  attempt(Kind::server_crash, server_crashes);
  if (plan_.recycling) attempt(Kind::recycle, wal_is_recycled);
  attempt(Kind::break_node, [](World& world, int self) { return !std::exchange(world.nodes[self].broken, true); });
}

void Explorer::group_actions(std::uint32_t index) {
  using Kind = Action::Kind;
  for (std::uint8_t token = 0; token < token_count; ++token) {
    World next = worlds_[index];
    if (client_is_acknowledged(next, token)) reach(index, {Kind::acknowledge, token}, next);
  }
  const World now = worlds_[index];
  if (plan_.operations && now.monitor.operation == Operation::none) {
    World next = now;
    next.monitor.operation = Operation::requested;
    reach(index, {Kind::request}, next);
  }
  if (!now.link || now.faults > 0) {
    World next = now;
    next.link = !now.link;
    reach(index, {now.link ? Kind::cut : Kind::heal}, next, now.link);
  }
  if (now.faults > 0 && (now.monitor.facts[0].reported || now.monitor.facts[1].reported)) {
    World next = now;
    next.monitor.facts = next.sent = {};
    reach(index, {Kind::monitor_restart}, next, true);
  }
  for (const Effect& effect : decisions_.under_any_belief(now.monitor)) {
    if (!effect.problem.empty()) fail(index, std::string(rule_name(effect.rule_id)) + ": " + effect.problem);
    report_.rules_fired.insert(rule_name(effect.rule_id));
    World next = now;
    apply(next, effect);
    reach(index, {Kind::decide, 0, static_cast<std::uint16_t>(effect.rule_id)}, next);
  }
}

void Explorer::reach(std::uint32_t from, Action action, World world, bool is_fault) {
  ++report_.transitions;
  if (is_fault && plan_.faults != Plan::unlimited) --world.faults;
  canonicalise(world);
  if (worlds_.insert(world).second) origins_.push_back({from, action});
}

void Explorer::check(std::uint32_t index) {
  const World& world = worlds_[index];
  if (const std::string broken = broken_rule(world); !broken.empty()) return fail(index, broken);
  for (int n = 0; n < 2; ++n) {
    const NodeState reached = world.nodes[n].reached;
    const NodeState goal = world.monitor.goals[n].state;
    if (goal == NodeState::init) continue;
    report_.pairs.emplace(reached, goal);
    if (keeper::find_transition(reached, goal) == nullptr)
      return fail(index,
                  "no transition from " + std::string(to_string(reached)) + " to " + std::string(to_string(goal)));
  }
  if (plan_.check_liveness) check_recovery(index);
}

void Explorer::check_recovery(std::uint32_t index) {
  for (std::size_t variant = 0; variant < recoveries_.size(); ++variant) {
    const FairRules& rules = recoveries_[variant].rules;
    const World begin = recoveries_[variant].run.begin(worlds_[index]);
    if (!must_recover(begin, rules)) continue;
    auto problem = check_fair_run(begin, variant);
    if (problem) return fail(index, sim::describe(rules) + ": " + *problem);
  }
}

std::optional<std::string> Explorer::check_fair_run(const World& begin, std::size_t variant) {
  constexpr int bound = 60;
  Recovery& recovery = recoveries_[variant];
  const FairRules& rules = recovery.rules;
  std::vector<World> path;
  World world = begin;
  std::optional<std::string> problem;
  for (int round = 0; !recovery.good.contains(world); ++round) {
    path.push_back(world);
    if (round == bound) {
      problem = "no rest after " + std::to_string(bound) + " rounds";
      break;
    }
    if (recovery.run.round(world)) continue;
    problem = why_not_recovered(world, rules);
    break;
  }
  if (!problem) {
    for (const World& passed : path) recovery.good.insert(passed);
    return std::nullopt;
  }
  std::string log = *problem + "\n  from\n" + sim::describe(begin);
  World again = begin;
  for (std::size_t round = 0; round < std::min<std::size_t>(path.size(), 12); ++round) recovery.run.round(again, &log);
  return log;
}

void Explorer::fail(std::uint32_t index, const std::string& what) {
  if (!report_.counterexample) report_.counterexample = what + "\n" + trace(index);
}

std::string Explorer::describe(const Action& action) {
  static constexpr std::array names = {"start",
                                       "hears",
                                       "works",
                                       "reports",
                                       "sends a report",
                                       "report arrives",
                                       "fences itself",
                                       "receives WAL",
                                       "client commits",
                                       "acknowledged",
                                       "switchover requested",
                                       "OPERATOR DROPS",
                                       "is forgotten",
                                       "monitor decides",
                                       "SERVER CRASH",
                                       "WAL RECYCLED",
                                       "BROKEN",
                                       "repaired",
                                       "MONITOR RESTART",
                                       "LINK CUT",
                                       "link heals"};
  std::string text = names[static_cast<std::size_t>(action.kind)];
  if (action.kind == Action::Kind::decide) return text + ": " + std::string(rule_name(action.rule));
  return text + " (" + std::to_string(action.node) + ")";
}

std::string Explorer::trace(std::uint32_t index) const {
  std::vector<std::uint32_t> path;
  for (std::uint32_t at = index; at != 0; at = origins_[at].parent) path.push_back(at);
  constexpr std::size_t shown_in_full = 14;
  std::string text = "  shortest way there, " + std::to_string(path.size()) + " steps:\n";
  for (auto at = path.rbegin(); at != path.rend(); ++at) {
    text += "  " + describe(origins_[*at].action) + "\n";
    if (path.rend() - at <= static_cast<std::ptrdiff_t>(shown_in_full)) text += sim::describe(worlds_[*at]);
  }
  return text;
}

}  // namespace autoctl::sim
