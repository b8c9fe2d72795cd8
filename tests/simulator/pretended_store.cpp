#include "pretended_store.h"

#include <algorithm>

#include "monitor/fsm/roles.h"

namespace autoctl::simulator {

Result<monitor::Image> PretendedStore::load() {
  if (kernel_.now < away_until) return autoctl::fail(Errc::unavailable, "the store is away");
  connected_ = true;
  monitor::Image image;
  image.monitor_id = "simulated";
  for (const auto& [name, row] : kept_.formations) image.formations.push_back(row);
  for (const auto& [name, row] : kept_.groups) image.groups.push_back(row);
  for (const auto& [id, row] : kept_.nodes) image.nodes.push_back(row);
  for (const auto& [id, row] : kept_.operations) image.operations.push_back(row);
  image.last_node = kept_.last_node;
  image.last_operation = kept_.operations.empty() ? 0 : kept_.operations.rbegin()->first;
  image.last_event = kept_.last_event;
  return image;
}

Result<> PretendedStore::lose(const char* why) {
  connected_ = false;
  return autoctl::fail(Errc::unavailable, why);
}

Result<> PretendedStore::commit(const monitor::Change& change) {
  if (!connected_) return autoctl::fail(Errc::unavailable, "load() comes first");
  const bool decides = !change.groups.empty();
  const Fault fault = decides ? std::exchange(next_fault, Fault::none) : Fault::none;
  if (fault == Fault::crash_before) throw MonitorCrash{};
  if (kernel_.now < away_until || fault == Fault::fails_before) return lose("the connection broke before the commit");
  note(change);
  judge(change);
  take(change);
  if (fault == Fault::crash_after) throw MonitorCrash{};
  if (fault == Fault::fails_after) return lose("the connection broke during the commit");
  return {};
}

void PretendedStore::take(const monitor::Change& change) {
  for (const auto& row : change.formations) kept_.formations[row.name] = row;
  for (const auto& row : change.groups) kept_.groups[group_of(row)] = row;
  for (const NodeId id : change.removed) kept_.nodes.erase(id);
  for (const auto& row : change.nodes) {
    if (row.id > kept_.last_node) servers_.name(std::stoi(row.host.substr(1)), row.id);
    kept_.nodes[row.id] = row;
    auto& goals = goals_[row.id][row.goal.term];
    if (std::ranges::find(goals, row.goal) == goals.end()) goals.push_back(row.goal);
    kept_.last_node = std::max(kept_.last_node, row.id);
  }
  for (const auto& row : change.operations) kept_.operations[row.id] = row;
  while (kept_.operations.size() > 100) kept_.operations.erase(kept_.operations.begin());
  if (!change.events.empty()) kept_.last_event = change.events.back().id;
}

void PretendedStore::note(const monitor::Change& change) {
  for (const auto& event : change.events) {
    if (event.formation.empty() || event.kind == "report") continue;
    const int group = group_of(event);
    std::string words = event.rule.empty() ? event.description : event.rule + ": " + event.description;
    if (event.kind == "goal") {
      ++kernel_.tally.decisions;
      words = "term " + std::to_string(event.term.value) + ", " + words;
    }
    if (event.node) words += " -> " + event.node_name + " " + std::string(to_string(event.assigned));
    kernel_.trace.note(kernel_.now, group, -1, "commits", std::move(words));
  }
}

void PretendedStore::judge(const monitor::Change& change) {
  for (const auto& row : change.groups) {
    const auto before = kept_.groups.find(group_of(row));
    if (before != kept_.groups.end() && row.term < before->second.term)
      throw Violation{group_of(row), "a group's term falls"};
  }
  for (const auto& row : change.nodes) judge_goal(row);
  for (const auto& event : change.events) judge_failover(event);
}

void PretendedStore::judge_goal(const monitor::NodeRow& row) {
  const auto before = kept_.nodes.find(row.id);
  if (before == kept_.nodes.end() || before->second.goal == row.goal) return;
  if (before->second.awaited) return;  // no decision, but what is known of what the node was told before
  const int group = group_of(row);
  if (row.goal.term <= before->second.goal.term) throw Violation{group, "a node's new goal is of no later term"};
  if (row.goal.state == NodeState::draining && hand_over_begins) hand_over_begins(group);
  if (!may_accept_writes(row.goal.state)) return;
  const int node = servers_.node_of(row.id);
  const monitor::Settings& allowed = settings(group);
  if (allowed.failover_max_lost_time.count() != 0 && kept_.groups.at(group).quorum_assigned.asynchronous())
    servers_.forgive_loss(node, ms(allowed.failover_max_lost_time.count()), allowed.failover_max_lost_bytes);
  if (!servers_.has_every_acknowledged_commit(node))
    throw Violation{group, row.name + " is to be the primary, and lacks an acknowledged commit"};
  for (const auto& [id, other] : kept_.nodes) {
    if (id != row.id && group_of(other) == group && may_accept_writes(other.goal.state) &&
        servers_.can_acknowledge(servers_.node_of(id)) && servers_.can_acknowledge(node))
      throw Violation{group, "two nodes are to be the primary"};
  }
}

/// Where failovers are manual, an operator's operation is under way.
void PretendedStore::judge_failover(const protocol::EventDocument& event) const {
  if (event.rule != "primary_is_dead" && event.rule != "primary_cannot_write") return;
  const int group = group_of(event);
  if (!settings(group).manual_failover.contains(event.group) || event.kind != "goal") return;
  const bool asked = std::ranges::any_of(kept_.operations, [&](const auto& entry) {
    return entry.second.status == monitor::OperationStatus::running && group_of(entry.second) == group;
  });
  if (!asked) throw Violation{group, "a failover begins by itself where failovers are manual"};
}

bool PretendedStore::was_committed(NodeId id, const Goal& goal) const {
  const auto known = goals_.find(id);
  if (known == goals_.end()) return false;
  const auto of_term = known->second.find(goal.term);
  return of_term != known->second.end() && std::ranges::find(of_term->second, goal) != of_term->second.end();
}

}  // namespace autoctl::simulator
