#include "explorer.h"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>

#include "monitor/fsm/roles.h"
#include "weather.h"

namespace autoctl::explorer {

namespace {

/// More than any group needs: one that takes longer is taken for one that never rests.
constexpr int rounds_to_rest = 80;

/// All ways for two nodes; the others' worlds are many more, and the keeper's and the links' ends differ little in
/// them.
std::vector<FairRules> ways_to_recover(int nodes) {
  std::vector<FairRules> ways = {{Loss::nothing, 0}};
  for (Loss loss : {Loss::whole_node, Loss::keeper_only, Loss::link_to_monitor, Loss::every_link})
    for (int node = 0; node < nodes; ++node)
      if (nodes <= 2 || loss == Loss::whole_node) ways.push_back({loss, node});
  return ways;
}

/// The same for a worker group, with every kind of coordinator; statements may wait when the faults end.
std::vector<FairRules> ways_of_workers_to_recover(int nodes) {
  using enum Statements;
  std::vector<FairRules> ways;
  for (const FairRules& way : ways_to_recover(nodes)) {
    if (way.loss == Loss::link_to_monitor || way.loss == Loss::every_link) continue;
    for (Statements statements : {wait_for_0, wait_for_1})
      ways.push_back({way.loss, way.lost_node, Coordinator::follows, statements});
    ways.push_back({way.loss, way.lost_node, Coordinator::never_holds, go_to_0});
    ways.push_back({way.loss, way.lost_node, Coordinator::stays_away, away});
  }
  return ways;
}

/// It has forgotten what it was told, and what is on its way is lost.
bool monitor_restarts(World& world) {
  if (std::ranges::none_of(world.monitor.facts, &SimFacts::reported)) return false;
  world.monitor.facts = world.sent = {};
  return true;
}

/// The node's link to the monitor; false if it is so already.
bool set_cut(World& world, int node, bool cut) {
  if (((world.cut >> node & 1U) != 0) == cut) return false;
  world.cut = static_cast<std::uint8_t>(world.cut ^ 1U << node);
  return true;
}

bool leads_or_will(NodeState goal) {
  return is_leader_state(goal) || is_candidate_state(goal);
}

/// Every commit that this quorum acknowledged is on one of `nodes`.
bool covers(const SimQuorum& quorum, std::uint8_t nodes) {
  return !quorum.asynchronous() && std::popcount<std::uint8_t>(quorum.voters & ~nodes) < quorum.acks;
}

/// By goals and quorums `nodes` can elect: then what was acknowledged must be on one of them.
bool can_elect(const World& world, std::uint8_t nodes) {
  for (int n = 0; n < world.size; ++n)
    if ((nodes >> n & 1U) != 0 && !counts_in_elections(world.monitor.goals[n].state)) return false;
  return covers(world.monitor.confirmed, nodes) && covers(world.monitor.assigned, nodes);
}

std::string broken_election(const World& world, std::uint8_t nodes) {
  for (std::uint8_t token = 0; token < token_count; ++token) {
    if (world.commits[token] != Commit::acknowledged) continue;
    bool somebody_has = false;
    for (int n = 0; n < world.size; ++n)
      if ((nodes >> n & 1U) != 0 && world.nodes[n].data == Data::intact && world.nodes[n].has(token))
        somebody_has = true;
    if (!somebody_has) return "nodes that can elect lack an acknowledged commit";
  }
  for (int n = 0; n < world.size; ++n) {
    const SimNode& self = world.nodes[n];
    if ((nodes >> n & 1U) == 0 && self.data == Data::intact && self.opens_as_primary && !covers(self.sync, nodes) &&
        is_leader_state(world.monitor.goals[n].state))
      return "nodes can elect which the primary can do without";
  }
  return {};
}

/// Every safety rule (docs/safety-rules.md) about one moment; empty when all hold.
std::string broken_rule(const World& world) {
  int acknowledging = 0;
  int leading = 0;
  const bool promised = std::ranges::find(world.commits, Commit::acknowledged) != world.commits.end();
  for (int n = 0; n < world.size; ++n) {
    if (can_acknowledge(world, n)) ++acknowledging;
    if (leads_or_will(world.monitor.goals[n].state)) ++leading;
    const SimNode& self = world.nodes[n];
    if (self.reached == NodeState::maintenance && self.data == Data::intact && self.opens_as_primary)
      return "who starts a node in maintenance gets a primary";
    if (!may_accept_writes(world.monitor.goals[n].state)) continue;
    if (world.nodes[n].data == Data::torn) return "the data of the node that leads is torn";
    if (promised && !has_every_acknowledged_commit(world, n)) return "the node that leads lacks an acknowledged commit";
  }
  if (acknowledging > 1) return "two nodes can acknowledge commits";
  if (leading > 1) return "two leaders or candidates";
  for (std::uint8_t nodes = 1; nodes < 1U << world.size; ++nodes)
    if (can_elect(world, nodes))
      if (const std::string broken = broken_election(world, nodes); !broken.empty()) return broken;
  return {};
}

}  // namespace

Explorer::Explorer(ExplorerPlan plan)
    : plan_(std::move(plan)), decisions_(plan_.rules, plan_.nodes, plan_.worker, plan_.any_weather) {
  for (const FairRules& rules : plan_.worker ? ways_of_workers_to_recover(plan_.nodes) : ways_to_recover(plan_.nodes))
    recoveries_.push_back({FairRun(decisions_, plan_.rules, rules), rules, {}});
  for (std::uint8_t n = 0; n < max_nodes; ++n) {
    alike_[n] = n;
    for (int m = 0; m < n; ++m)
      if (!plan_.worker && plan_.rules.attributes[m] == plan_.rules.attributes[n]) alike_[n] = alike_[m];
  }
}

World Explorer::first_world() const {
  World world;
  world.size = static_cast<std::uint8_t>(plan_.nodes);
  world.bounded_loss = plan_.rules.settings.failover_max_lost_time.count() != 0;
  world.faults = plan_.faults;
  world.judgements = plan_.judgements;
  for (std::uint8_t token = 0; token < plan_.commits; ++token) world.commits[token] = Commit::unused;
  for (int n = plan_.nodes; n < max_nodes; ++n) world.monitor.gone[n] = true;
  if (plan_.at_rest) {
    // What joining leads to, as the plans that begin with it have shown.
    const FairRun nothing_happens(const_cast<Decisions&>(decisions_), plan_.rules, {Loss::nothing, 0});
    for (int round = 0; round < rounds_to_rest && nothing_happens.round(world); ++round) {
    }
    world.faults = plan_.faults;
    world.judgements = plan_.judgements;
  }
  if (plan_.any_weather) {
    world.faults = 0;
    forget_what_faults_change(world, world);
  }
  if (plan_.asked) world.monitor.operation = Operation::requested;
  canonicalise(world, alike_);
  return world;
}

ExplorerReport Explorer::run() {
  const World first = first_world();
  seen_.insert(first);
  frontier_.push_back(first);
  origins_.push_back({0, {}});
  for (; !frontier_.empty() && !report_.counterexample; ++here_) {
    if (plan_.visit) plan_.visit(frontier_.front());
    check();
    if (!report_.counterexample) expand();
    if (std::getenv("AUTOCTL_SIM_PROGRESS") != nullptr && here_ % 200'000 == 0)
      std::fprintf(stderr, "%u of %zu worlds, %zu of the monitor\n", here_, origins_.size(),
                   decisions_.monitor_states());
    if (origins_.size() > plan_.max_states) fail("more states than expected");
    frontier_.pop_front();
  }
  report_.states = origins_.size();
  report_.monitor_states = decisions_.monitor_states();
  return std::move(report_);
}

void Explorer::expand() {
  for (int n = 0; n < plan_.nodes; ++n) expand_node(n);
  expand_group();
  plan_.any_weather ? expand_weather() : expand_faults();
}

std::optional<World> Explorer::taken(const World& world, Action action, Violation& violation) {
  World next = world;
  if (!take(next, action, violation)) return std::nullopt;
  const bool fault = is_fault(action.kind);
  if (fault && world.faults == 0) return std::nullopt;
  if (fault && plan_.faults != ExplorerPlan::unlimited) --next.faults;
  if (plan_.any_weather) forget_what_faults_change(next, world);
  canonicalise(next, alike_);
  return next;
}

// A judgement is what only a person, or a rule that guesses, can bring about: the plan says how many there are.
bool Explorer::judge(World& world) const {
  if (world.judgements == 0) return false;
  if (plan_.judgements != ExplorerPlan::unlimited) --world.judgements;
  return true;
}

bool Explorer::is_fault(Action::Kind kind) {
  using enum Action::Kind;
  return kind == server_crash || kind == recycle || kind == break_node || kind == monitor_restart || kind == cut;
}

bool Explorer::operator_wants_switchover(World& world) const {
  auto& monitor = world.monitor;
  if (monitor.operation != Operation::none || monitor.leaves != nobody || monitor.returns != nobody) return false;
  monitor.operation = Operation::requested;
  return judge(world);
}

bool Explorer::monitor_decides(World& world, std::size_t which) {
  const auto& effects = decisions_.under_any_belief(world.monitor);
  if (which >= effects.size() || !is_possible(world, effects[which])) return false;
  const bool judges = monitor::find_rule(effects[which].rule_id)->traits.judges;
  apply(world, effects[which]);
  return plan_.judgements == ExplorerPlan::unlimited || !judges || judge(world);
}

// False when the action is not possible in this world.
bool Explorer::take(World& world, Action action, Violation& violation) {
  using Kind = Action::Kind;
  const int n = action.node;
  const bool any_weather = plan_.any_weather;
  switch (action.kind) {
    case Kind::none: return false;
    case Kind::hear:
      if (!keeper_hears(world, n, violation)) return false;
      keeper_works(world, n, violation);
      return true;
    case Kind::work: return keeper_works(world, n, violation);
    case Kind::report: return any_weather ? keeper_reports_success(world, n) : keeper_reports(world, n);
    case Kind::send: return keeper_sends_report(world, n);
    case Kind::arrive: return report_arrives(world, n);
    case Kind::self_fence: return keeper_fences_itself(world, n);
    case Kind::wal: return wal_arrives(world, n);
    case Kind::commit: return client_commits(world, n);
    case Kind::acknowledge: return client_is_acknowledged(world, action.node);
    case Kind::request: return operator_wants_switchover(world);
    case Kind::enable_maintenance: return operator_wants_maintenance(world, n) && judge(world);
    case Kind::disable_maintenance: return operator_ends_maintenance(world, n);
    case Kind::operators_hand: return any_weather ? operator_starts(world, n) : operator_starts_or_stops(world, n);
    case Kind::copy_begins: return copy_begins(world, n);
    case Kind::come_up: return comes_up_again(world, n);
    // Dropping the only node that has everything is an operator's own risk.
    case Kind::drop: return others_must_serve(world, n, plan_.rules) && operator_drops(world, n);
    case Kind::forget: return monitor_forgets(world, n);
    case Kind::decide: return monitor_decides(world, action.node);
    case Kind::server_crash: return server_crashes(world, n);
    case Kind::recycle: return wal_is_recycled(world, n);
    case Kind::break_node: return !std::exchange(world.nodes[n].broken, true);
    case Kind::repair_node: return std::exchange(world.nodes[n].broken, false);
    case Kind::monitor_restart: return monitor_restarts(world);
    case Kind::cut:
    case Kind::heal: return set_cut(world, n, action.kind == Kind::cut);
  }
  return false;
}

void Explorer::attempt(Action action) {
  Violation violation;
  const auto next = taken(frontier_.front(), action, violation);
  if (violation) fail(violation.what + " (node " + std::to_string(action.node) + ")");
  if (!next) return;
  ++report_.transitions;
  if (!seen_.insert(*next)) return;
  frontier_.push_back(*next);
  origins_.push_back({here_, action});
}

void Explorer::expand_node(int node) {
  using Kind = Action::Kind;
  const auto n = static_cast<std::uint8_t>(node);
  for (Kind kind : {Kind::hear, Kind::work, Kind::wal, Kind::commit, Kind::forget}) attempt({kind, n});
  if (plan_.delays) {
    attempt({Kind::send, n});
    attempt({Kind::arrive, n});
  } else {
    attempt({Kind::report, n});
  }
  if (plan_.drops) attempt({Kind::drop, n});
  for (Kind kind : {Kind::enable_maintenance, Kind::disable_maintenance, Kind::operators_hand})
    if (plan_.maintenance && (plan_.nodes < 3 || plan_.any_weather || kind != Kind::operators_hand)) attempt({kind, n});
}

void Explorer::expand_group() {
  using Kind = Action::Kind;
  for (std::uint8_t token = 0; token < token_count; ++token) attempt({Kind::acknowledge, token});
  if (plan_.operations) attempt({Kind::request});
  std::uint8_t number = 0;
  for (const SimDecision& effect : decisions_.under_any_belief(frontier_.front().monitor)) {
    if (!effect.problem.empty()) fail(std::string(rule_name(effect.rule_id)) + ": " + effect.problem);
    report_.rules_fired.insert(rule_name(effect.rule_id));
    attempt({Kind::decide, number++});
  }
}

void Explorer::expand_faults() {
  using Kind = Action::Kind;
  for (std::uint8_t n = 0; n < plan_.nodes; ++n) {
    for (Kind kind : {Kind::self_fence, Kind::repair_node, Kind::server_crash, Kind::break_node}) attempt({kind, n});
    if (plan_.recycling) attempt({Kind::recycle, n});
  }
  attempt({Kind::monitor_restart});
  const std::uint8_t links = plan_.nodes == 3 ? 3 : plan_.nodes - 1;
  for (std::uint8_t link = 0; link < links; ++link) {
    attempt({Kind::cut, link});
    attempt({Kind::heal, link});
  }
}

void Explorer::expand_weather() {
  using Kind = Action::Kind;
  for (std::uint8_t n = 0; n < plan_.nodes; ++n)
    for (const Kind kind : {Kind::copy_begins, Kind::come_up}) attempt({kind, n});
}

void Explorer::check() {
  const World& world = frontier_.front();
  if (const std::string broken = broken_rule(world); !broken.empty()) return fail(broken);
  for (int n = 0; n < plan_.nodes; ++n) {
    const NodeState reached = world.nodes[n].reached;
    const NodeState goal = world.monitor.goals[n].state;
    if (goal == NodeState::init) continue;
    report_.pairs.emplace(reached, goal);
    if (keeper::find_transition(reached, goal) == nullptr)
      return fail("no transition from " + std::string(to_string(reached)) + " to " + std::string(to_string(goal)));
  }
  if (plan_.check_liveness) check_recovery();
}

void Explorer::check_recovery() {
  for (std::size_t variant = 0; variant < recoveries_.size(); ++variant) {
    const FairRules& rules = recoveries_[variant].rules;
    const World begin = recoveries_[variant].run.begin(frontier_.front());
    if (!must_recover(begin, rules, plan_.rules)) continue;
    auto problem = check_fair_run(begin, variant);
    if (problem) return fail(explorer::describe(rules) + ": " + *problem);
  }
}

std::optional<std::string> Explorer::check_fair_run(const World& begin, std::size_t variant) {
  Recovery& recovery = recoveries_[variant];
  const FairRules& rules = recovery.rules;
  std::vector<World> path;
  World world = begin;
  std::optional<std::string> problem;
  for (int round = 0; !recovery.good.contains(world); ++round) {
    path.push_back(world);
    if (round == rounds_to_rest) {
      problem = "no rest after " + std::to_string(rounds_to_rest) + " rounds";
      break;
    }
    if (recovery.run.round(world)) continue;
    problem = why_not_recovered(world, rules, plan_.rules);
    break;
  }
  if (!problem) {
    for (const World& passed : path) recovery.good.insert(passed);
    return std::nullopt;
  }
  std::string log = *problem + "\n  from\n" + explorer::describe(begin);
  World again = begin;
  for (std::size_t round = 0; round < std::min<std::size_t>(path.size(), 12); ++round) recovery.run.round(again, &log);
  return log;
}

void Explorer::fail(const std::string& what) {
  if (!report_.counterexample) report_.counterexample = what + "\n" + trace();
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
                                       "link heals",
                                       "OPERATOR WANTS MAINTENANCE",
                                       "operator ends maintenance",
                                       "operator starts or stops Postgres",
                                       "copy begins",
                                       "Postgres crashes and comes up again"};
  return std::string(names[static_cast<std::size_t>(action.kind)]) + " (" + std::to_string(action.node) + ")";
}

/// Nodes that are alike may change places from one step to the next: the numbers are those of the world before.
std::string Explorer::trace() {
  std::vector<Action> path;
  for (std::uint32_t at = here_; at != 0; at = origins_[at].parent) path.push_back(origins_[at].action);
  std::ranges::reverse(path);
  constexpr std::size_t shown_in_full = 14;
  std::string text = "  shortest way there, " + std::to_string(path.size()) + " steps:\n";
  World world = first_world();
  for (std::size_t step = 0; step < path.size(); ++step) {
    text += "  " + describe(path[step]);
    if (path[step].kind == Action::Kind::decide)
      text += ": " + std::string(rule_name(decisions_.under_any_belief(world.monitor)[path[step].node].rule_id));
    text += "\n";
    Violation ignored;
    world = *taken(world, path[step], ignored);
    if (path.size() - step <= shown_in_full) text += explorer::describe(world);
  }
  return text;
}

}  // namespace autoctl::explorer
