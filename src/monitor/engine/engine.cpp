#include "monitor/engine/engine.h"

#include <algorithm>

#include "monitor/engine/evidence.h"
#include "monitor/engine/returning.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"

namespace autoctl::monitor {

namespace {

constexpr int decisions_in_a_row_max = 32;
constexpr std::size_t pending_events_max = 10'000;
constexpr int remembered_events = 1'000;
/// A group that is not where it should be is looked at again this soon; one at rest, that much later.
constexpr Millis restless_interval{100};
constexpr Millis rest_interval{1'000};

bool at_rest(const Node& node) {
  return node.reported && node.facts.state == node.row.goal.state && node.facts.term >= node.row.goal.term &&
         node.health.verdict == Verdict::healthy && !node.stall.is_on();
}

/// Moves everything that is measured as "for so long" by what nobody can be blamed for.
void excuse(Node& node, TimePoint::duration gap) {
  node.seen.watching_since += gap;
  for (auto* since : {&node.seen.last_report, &node.seen.disconnected_at, &node.seen.postgres_down_since,
                      &node.stall.by_own_word, &node.stall.by_primarys_word})
    if (*since) **since += gap;
}

std::uint64_t first_version(const Environment& env) {
  const auto ms = std::chrono::duration_cast<Millis>(env.wall().time_since_epoch()).count();
  return static_cast<std::uint64_t>(ms) << 20;
}

}  // namespace

Engine::Engine(Store& store, Prober& prober, Access access, Environment environment, Decide decide)
    : store_(store),
      prober_(prober),
      access_(std::move(access)),
      env_(std::move(environment)),
      decide_(std::move(decide)),
      last_round_(env_.now()),
      version_(first_version(env_)) {}

void Engine::restore(const Image& image) {
  const TimePoint now = env_.now();
  model_ = restore_model(image, std::move(model_), now, env_.wall());
  if (in_doubt_event_ != 0 && image.last_event >= in_doubt_event_)
    new_events_.erase(new_events_.begin(), new_events_.begin() + static_cast<std::ptrdiff_t>(in_doubt_count_));
  in_doubt_event_ = 0;
  in_doubt_count_ = 0;
  auto latest = store_.events({.latest = true, .count = remembered_events});
  log_.restore(image.last_event, latest ? *std::move(latest) : std::vector<protocol::EventDocument>());
  store_available_ = true;

  changed_nodes_.clear();
  changed_groups_.clear();
  for (auto& [key, group] : model_.groups) {
    for (auto& [id, node] : group.nodes) {
      prober_.prepare(node.row.host);
      if (!node.reported) continue;
      node.row.reported = node.facts.state;
      node.row.reported_term = node.facts.term;
      changed_nodes_.insert(id);
    }
  }
  if (store_lost_at_) {
    const auto away = std::chrono::duration_cast<Millis>(now - *store_lost_at_).count();
    protocol::EventDocument event{.time = event_time(env_.wall()), .kind = "monitor"};
    event.description = "the monitor's Postgres is back after " + std::to_string(away) + " ms (" + store_lost_because_ +
                        "); nothing was decided meanwhile";
    env_.inform(event.description);
    new_events_.push_back(std::move(event));
    store_lost_at_.reset();
  }
  settle_all();
  flush();
  // Operations that ended in a transaction whose outcome was in doubt.
  for (const auto& [id, operation] : model_.operations)
    if (operation.status != "running") finish_operation(operation);
}

void Engine::store_lost(const std::string& why) {
  if (!store_available_) return;
  store_available_ = false;
  store_lost_because_ = why.substr(0, why.find('\n'));
  store_lost_at_ = env_.now();
  env_.warn("The monitor's Postgres is away (" + store_lost_because_ + "): answering from memory, deciding nothing");
}

protocol::EventDocument Engine::event_of(const Group& group, const Node* node, std::string kind,
                                         std::string text) const {
  protocol::EventDocument event;
  event.time = event_time(env_.wall());
  event.formation = group.row.formation;
  event.group = group.row.group;
  event.term = group.row.term;
  event.kind = std::move(kind);
  event.description = std::move(text);
  if (node != nullptr) {
    event.node = node->row.id;
    event.node_name = node->row.name;
    event.host = node->row.host;
    event.port = node->row.port;
    event.reported = node->row.reported;
    event.assigned = node->row.goal.state;
  }
  return event;
}

/// Puts in what reports have changed since the last commit.
void Engine::add_unwritten(Change& change) {
  const auto among = [](const auto& all, auto same) { return std::ranges::any_of(all, same); };
  for (const NodeId id : changed_nodes_) {
    const Node* node = model_.find(id);
    if (node != nullptr && !among(change.nodes, [id](const NodeRow& row) { return row.id == id; }) &&
        !among(change.removed, [id](NodeId removed) { return removed == id; }))
      change.nodes.push_back(node->row);
  }
  for (const GroupKey& key : changed_groups_)
    if (!among(change.groups, [&](const GroupRow& row) { return GroupKey{row.formation, row.group} == key; }))
      change.groups.push_back(model_.groups.at(key).row);
  change.events.insert(change.events.begin(), new_events_.begin(), new_events_.end());
}

bool Engine::commit(Change change) {
  if (!store_available_) return false;
  add_unwritten(change);
  if (change.empty()) return true;
  log_.number(change.events);
  if (const auto done = store_.commit(change); !done) {
    in_doubt_event_ = change.events.empty() ? 0 : change.events.back().id;
    in_doubt_count_ = new_events_.size();
    store_lost(done.error().message);
    return false;
  }
  changed_nodes_.clear();
  changed_groups_.clear();
  new_events_.clear();
  log_.append(change.events);
  return true;
}

void Engine::flush() {
  if (new_events_.size() > pending_events_max)
    new_events_.erase(new_events_.begin(), new_events_.end() - static_cast<std::ptrdiff_t>(pending_events_max));
  if (!new_events_.empty() || !changed_nodes_.empty() || !changed_groups_.empty()) commit({});
}

bool Engine::apply(Group& group, const Decision& decision) {
  Change change = change_of(group, decision, env_.wall());
  if (!commit(change)) return false;
  const TimePoint now = env_.now();
  group.row = change.groups.front();
  for (const NodeRow& row : change.nodes) {
    Node& node = group.nodes.at(row.id);
    node.row = row;
    node.goal_since = now;
    env_.inform(about(row.formation, row.group) + row.name + " is assigned " + std::string(to_string(row.goal.state)) +
                " (" + decision.reason + ")");
  }
  if (decision.goals.empty()) env_.inform(about(group.row.formation, group.row.group) + decision.reason);
  for (const OperationRow& operation : change.operations) {
    model_.operations[operation.id] = operation;
    if (operation.kind != group.operation->kind) group.operation_since = now;  // its second half begins
    group.operation = operation;
    if (operation.status == "running") continue;
    group.operation.reset();
    finish_operation(operation);
  }
  return true;
}

void Engine::settle(Group& group) {
  const Settings& settings = model_.settings_of(group);
  judge(group, settings, env_.now());
  if (store_available_) forget_dropped(group);
  for (int i = 0; store_available_ && !is_incomplete(model_, group) && i < decisions_in_a_row_max; ++i) {
    const auto decision = decide_(snapshot(model_, group), settings, env_.now());
    if (!decision || !apply(group, *decision)) break;
    judge(group, settings, env_.now());
  }
  const GroupSnapshot view = snapshot(model_, group);
  tell_if_blocked(group, view);
  observe(group, view, settings);
  look_after_suspects(group);
  refresh_assignments(group);
  tell_formation(group);
  group.next_check = next_check(group);
}

/// Once for each set of nodes that an election waits for.
void Engine::tell_if_blocked(const Group& group, const GroupSnapshot& view) {
  const GroupKey key{group.row.formation, group.row.group};
  if (is_incomplete(model_, group)) return;
  auto blocked = blocked_election(view);
  if (!blocked) {
    blocked_.erase(key);
    return;
  }
  const auto [known, is_new] = blocked_.try_emplace(key);
  if (!is_new && known->second == blocked->missing) return;
  known->second = std::move(blocked->missing);
  new_events_.push_back(event_of(group, nullptr, "monitor", "no standby can be elected: " + blocked->why));
}

/// In a paused formation what would be decided now is told, once.
void Engine::observe(Group& group, const GroupSnapshot& view, const Settings& settings) {
  if (is_incomplete(model_, group)) return;
  const auto would = withheld(view, settings, env_.now());
  const std::string rule = would ? std::string(would->rule) : "";
  if (group.withheld == rule) return;
  group.withheld = rule;
  if (!would) return;
  const bool fails_over = std::ranges::any_of(would->goals, [](const auto& assigned) {
    return is_candidate_state(assigned.second.state) || assigned.second.state == NodeState::report_lsn;
  });
  auto event =
      event_of(group, nullptr, "monitor",
               std::string("paused: would ") + (fails_over ? "fail over" : "act") + " now because " + would->reason);
  event.rule = rule;
  env_.warn(about(group.row.formation, group.row.group) + event.description + " (" + rule + ")");
  new_events_.push_back(std::move(event));
}

void Engine::settle_all() {
  for (auto& [key, group] : model_.groups) settle(group);
}

/// A dropped node leaves when it says that it has stopped, or is dead and its lease is over.
void Engine::forget_dropped(Group& group) {
  std::vector<NodeId> gone;
  for (const auto& [id, node] : group.nodes) {
    if (node.row.goal.state != NodeState::dropped) continue;
    const bool stopped = node.reported && node.facts.state == NodeState::dropped;
    const bool lost = node.health.verdict == Verdict::dead && env_.now() >= node.lease_until;
    if (stopped || lost) gone.push_back(id);
  }
  for (const NodeId id : gone)
    if (!remove(group, id)) return;
}

/// `change` is what is to be committed with it.
bool Engine::remove(Group& group, NodeId id, Change change) {
  Node& node = group.nodes.at(id);
  change.removed.push_back(id);
  change.events.push_back(event_of(group, &node, "operator", node.row.name + " is no longer a node of this formation"));
  if (!commit(std::move(change))) return false;
  release(group, node);
  prober_.unwatch(id);
  watched_.erase(id);
  group.nodes.erase(id);
  return true;
}

void Engine::look_after_suspects(Group& group) {
  const Settings& settings = model_.settings_of(group);
  const TimePoint now = env_.now();
  for (const auto& [id, node] : group.nodes) {
    if (should_report(node) && wants_evidence(node.seen, settings, now)) {
      prober_.watch(id, {node.row.host, node.row.port, node.row.api_port});
      watched_.insert(id);
    } else if (watched_.erase(id) != 0) {
      prober_.unwatch(id);
    }
  }
  ask_witnesses(group, settings, now);
}

void Engine::update_trust() {
  std::size_t nodes = 0;
  std::size_t out = 0;
  const TimePoint now = env_.now();
  for (const auto& [key, group] : model_.groups) {
    const Settings& settings = model_.settings_of(group);
    for (const auto& [id, node] : group.nodes) {
      if (!should_report(node)) continue;
      ++nodes;
      if (out_of_sight(node, settings, now)) ++out;
    }
  }
  const bool trusts = nodes < 2 || 2 * out <= nodes;
  if (trusts == model_.trusts_itself) return;
  model_.trusts_itself = trusts;
  protocol::EventDocument event{.time = event_time(env_.wall()), .kind = "monitor"};
  event.description = trusts ? "the monitor sees most nodes again and decides again"
                             : "the monitor lost sight of " + std::to_string(out) + " of " + std::to_string(nodes) +
                                   " nodes at once: it suspects itself and decides nothing";
  env_.warn(event.description);
  new_events_.push_back(std::move(event));
  settle_all();
}

TimePoint Engine::next_check(const Group& group) const {
  const Settings& settings = model_.settings_of(group);
  const TimePoint now = env_.now();
  bool rests = !group.operation;
  TimePoint next = now + rest_interval;
  const auto consider = [&](TimePoint t) {
    if (t > now) next = std::min(next, t);
  };
  for (const auto& [id, node] : group.nodes) {
    rests = rests && at_rest(node);
    if (const auto deadline = next_deadline(node.seen, settings, now)) consider(*deadline);
    consider(node.lease_until);
    for (const auto& since : {node.stall.by_own_word, node.stall.by_primarys_word})
      if (since) consider(*since + settings.standby_stall_timeout);
    if (node.held) consider(node.held->until);
    if (const auto question = next_question(group, node, settings, now); question && !node.questioned)
      consider(*question);
  }
  return rests ? next : std::min(next, now + restless_interval);
}

void Engine::disconnected(std::uint64_t connection) {
  for (auto& [key, group] : model_.groups) {
    for (auto& [id, node] : group.nodes) {
      if (node.connection != connection || node.seen.disconnected_at) continue;
      node.seen.disconnected_at = env_.now();
      node.held.reset();  // nobody is there to hear the answer, and no lease must be granted to nobody
      update_trust();
      settle(group);
      return flush();
    }
  }
}

void Engine::probed(NodeId id, ProbedPort port, PortState state) {
  Group* group = model_.group_of(id);
  if (group == nullptr) return;
  NodeObservation& seen = group->nodes.at(id).seen;
  ProbeResult& result = port == ProbedPort::postgres ? seen.postgres_port : seen.keeper_port;
  result.port = state;
  result.at = env_.now();
  update_trust();
  settle(*group);
  flush();
}

void Engine::wake() {
  const TimePoint now = env_.now();
  const auto gap = now - std::exchange(last_round_, now);
  if (gap < rest_interval + restless_interval) return;
  env_.warn("The monitor itself was held up for " + std::to_string(std::chrono::duration_cast<Millis>(gap).count()) +
            " ms");
  for (auto& [key, group] : model_.groups)
    for (auto& [id, node] : group.nodes) excuse(node, gap);
}

void Engine::tick() {
  const TimePoint now = env_.now();
  log_.expire(now);
  for (auto waiter = operation_waiters_.begin(); waiter != operation_waiters_.end();) {
    if (waiter->second.until > now) {
      ++waiter;
      continue;
    }
    waiter->second.reply(operation_document(model_.operations.at(waiter->first)));
    waiter = operation_waiters_.erase(waiter);
  }
  update_trust();
  complete_formations();
  for (auto& [key, group] : model_.groups) {
    if (group.next_check > now) continue;
    settle(group);
    for (auto& [id, node] : group.nodes)
      if (node.held && node.held->until <= now) release(group, node);
  }
  flush();
}

TimePoint Engine::next_tick() const {
  TimePoint next = env_.now() + rest_interval;
  for (const auto& [key, group] : model_.groups) next = std::min(next, group.next_check);
  if (const auto deadline = log_.next_deadline()) next = std::min(next, *deadline);
  for (const auto& [id, waiter] : operation_waiters_) next = std::min(next, waiter.until);
  return next;
}

}  // namespace autoctl::monitor
