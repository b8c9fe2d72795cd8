#include "pretended_store.h"

#include "monitor/fsm/roles.h"

namespace autoctl::simulator {

Result<monitor::Image> PretendedStore::load() {
  if (kernel_.now < away_until) return autoctl::fail(Errc::unavailable, "the store is away");
  connected_ = true;
  monitor::Image image;
  image.monitor_id = "simulated";
  for (const auto& [name, row] : formations_) image.formations.push_back(row);
  for (const auto& [name, row] : groups_) image.groups.push_back(row);
  for (const auto& [id, row] : nodes_) image.nodes.push_back(row);
  for (const auto& [id, row] : operations_) image.operations.push_back(row);
  image.last_node = last_node_;
  image.last_operation = operations_.empty() ? 0 : operations_.rbegin()->first;
  image.last_event = last_event_;
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
  for (const auto& row : change.formations) formations_[row.name] = row;
  for (const auto& row : change.groups) groups_[group_of(row)] = row;
  for (const NodeId id : change.removed) nodes_.erase(id);
  for (const auto& row : change.nodes) {
    if (row.id > last_node_) servers_.name(std::stoi(row.host.substr(1)), row.id);
    nodes_[row.id] = row;
    goals_[row.id][row.goal.term] = row.goal;
    last_node_ = std::max(last_node_, row.id);
  }
  for (const auto& row : change.operations) operations_[row.id] = row;
  while (operations_.size() > 100) operations_.erase(operations_.begin());
  if (!change.events.empty()) last_event_ = change.events.back().id;
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
    const auto before = groups_.find(group_of(row));
    if (before != groups_.end() && row.term < before->second.term)
      throw Violation{group_of(row), "a group's term falls"};
  }
  for (const auto& row : change.nodes) judge_goal(row);
}

void PretendedStore::judge_goal(const monitor::NodeRow& row) {
  const auto before = nodes_.find(row.id);
  if (before == nodes_.end() || before->second.goal == row.goal) return;
  const int group = group_of(row);
  if (row.goal.term <= before->second.goal.term) throw Violation{group, "a node's new goal is of no later term"};
  if (row.goal.state == NodeState::draining && hand_over_begins) hand_over_begins(group);
  if (!may_accept_writes(row.goal.state)) return;
  const int node = servers_.node_of(row.id);
  if (!servers_.has_every_acknowledged_commit(node))
    throw Violation{group, row.name + " is to be the primary, and lacks an acknowledged commit"};
  for (const auto& [id, other] : nodes_) {
    if (id != row.id && group_of(other) == group && may_accept_writes(other.goal.state) &&
        servers_.can_acknowledge(servers_.node_of(id)) && servers_.can_acknowledge(node))
      throw Violation{group, "two nodes are to be the primary"};
  }
}

bool PretendedStore::was_committed(NodeId id, const Goal& goal) const {
  const auto known = goals_.find(id);
  if (known == goals_.end()) return false;
  const auto of_term = known->second.find(goal.term);
  return of_term != known->second.end() && of_term->second == goal;
}

}  // namespace autoctl::simulator
