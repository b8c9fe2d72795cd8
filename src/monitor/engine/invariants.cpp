#include "monitor/engine/invariants.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

namespace autoctl::monitor {

namespace {

using Broken = std::optional<std::string>;

std::string number(Term term) {
  return std::to_string(term.value);
}

std::string name_of(const GroupRow& group) {
  return "group " + std::to_string(group.group) + " of formation '" + group.formation + "'";
}

std::string described(const NodeRow& node) {
  return node.name + " (node " + std::to_string(node.id.value) + ", " + std::string(to_string(node.goal.state)) +
         ", term " + number(node.goal.term) + ")";
}

std::string described(const SyncQuorum& quorum) {
  std::string text = std::to_string(quorum.acks) + " of (";
  for (const NodeId id : quorum.voters) text += (text.back() == '(' ? "" : ", ") + std::to_string(id.value);
  return text + ")";
}

Broken broken_quorum(const SyncQuorum& quorum, const std::string& whose) {
  if (quorum.acks < 0 || std::cmp_greater(quorum.acks, quorum.voters.size()))
    return whose + " waits for more acknowledgements than it has voters: " + described(quorum);
  if (!std::ranges::is_sorted(quorum.voters) || std::ranges::adjacent_find(quorum.voters) != quorum.voters.end())
    return whose + " has voters that are not sorted and unique: " + described(quorum);
  if (!quorum.voters.empty() && quorum.voters.front() < NodeId{1})
    return whose + " has a voter that is no node: " + described(quorum);
  return std::nullopt;
}

/// The group's rows, taken together.
Broken broken_group(const GroupRow& group, const std::vector<const NodeRow*>& nodes, bool incomplete) {
  const std::string place = name_of(group);
  if (auto broken = broken_quorum(group.quorum_confirmed, place + ": its confirmed quorum")) return broken;
  if (auto broken = broken_quorum(group.quorum_assigned, place + ": its assigned quorum")) return broken;
  const NodeRow* leader = nullptr;
  for (const NodeRow* node : nodes) {
    if (auto broken = broken_quorum(node->goal.sync, place + ": the goal of " + described(*node))) return broken;
    if (node->goal.term > group.term)
      return place + " is in term " + number(group.term) + ", and a goal is later: " + described(*node);
    if (incomplete || node->awaited || !is_leader_state(node->goal.state)) continue;
    if (leader != nullptr) return place + " has two primaries: " + described(*leader) + " and " + described(*node);
    leader = node;
  }
  return std::nullopt;
}

Broken broken_growth(const Node& before, const NodeRow& after) {
  if (before.row.awaited || before.row.goal == after.goal) return std::nullopt;
  if (after.goal.term > before.row.goal.term) return std::nullopt;
  return "a new goal is of no later term: from " + described(before.row) + " to " + described(after);
}

std::set<GroupKey> touched(const Model& model, const Change& change) {
  std::set<GroupKey> keys;
  for (const GroupRow& row : change.groups) keys.emplace(row.formation, row.group);
  for (const NodeRow& row : change.nodes) keys.emplace(row.formation, row.group);
  for (const FormationRow& row : change.formations)
    for (const auto& [key, group] : model.groups_of(row.name)) keys.insert(key);
  for (const std::string& name : change.removed_formations)
    std::erase_if(keys, [&](const GroupKey& key) { return key.first == name; });
  return keys;
}

template <class Rows, class Same>
auto find_last(const Rows& rows, Same same) -> decltype(rows.data()) {
  const auto found = std::find_if(rows.rbegin(), rows.rend(), same);
  return found == rows.rend() ? nullptr : &*found;
}

/// The nodes of a group, as they would be.
std::vector<const NodeRow*> nodes_after(const Group* group, const Change& change, const GroupKey& key) {
  std::vector<const NodeRow*> nodes;
  const auto is_in_change = [&](NodeId id) {
    return std::ranges::any_of(change.nodes, [id](const NodeRow& row) { return row.id == id; }) ||
           std::ranges::find(change.removed, id) != change.removed.end();
  };
  if (group != nullptr)
    for (const auto& [id, node] : group->nodes)
      if (!is_in_change(id)) nodes.push_back(&node.row);
  for (const NodeRow& row : change.nodes) {
    const bool overwritten = find_last(change.nodes, [&](const NodeRow& other) { return other.id == row.id; }) != &row;
    if (!overwritten && row.group == key.second && row.formation == key.first) nodes.push_back(&row);
  }
  return nodes;
}

Broken broken_change(const Model& model, const Change& change, const GroupKey& key) {
  const auto found = model.groups.find(key);
  const Group* group = found == model.groups.end() ? nullptr : &found->second;
  const GroupRow* row = find_last(change.groups, [&](const GroupRow& candidate) {
    return candidate.group == key.second && candidate.formation == key.first;
  });
  if (row == nullptr && group != nullptr) row = &group->row;
  if (row == nullptr) return "nodes of a group that is not there: " + key.first + "/" + std::to_string(key.second);
  if (group != nullptr && row->term < group->row.term)
    return name_of(*row) + " goes back from term " + number(group->row.term) + " to " + number(row->term);
  const auto nodes = nodes_after(group, change, key);
  if (group != nullptr)
    for (const NodeRow* node : nodes)
      if (const auto before = group->nodes.find(node->id); before != group->nodes.end())
        if (auto broken = broken_growth(before->second, *node)) return name_of(*row) + ": " + *broken;
  const FormationRow* formation =
      find_last(change.formations, [&](const FormationRow& candidate) { return candidate.name == key.first; });
  const bool incomplete =
      formation != nullptr ? formation->incomplete : model.incomplete_formations().contains(key.first);
  return broken_group(*row, nodes, incomplete);
}

}  // namespace

std::optional<std::string> broken_invariant(const Model& model) {
  for (const auto& [key, group] : model.groups) {
    std::vector<const NodeRow*> nodes;
    for (const auto& [id, node] : group.nodes) nodes.push_back(&node.row);
    if (auto broken = broken_group(group.row, nodes, model.incomplete_formations().contains(key.first))) return broken;
  }
  return std::nullopt;
}

std::optional<std::string> broken_invariant(const Model& model, const Change& change) {
  for (const GroupKey& key : touched(model, change))
    if (auto broken = broken_change(model, change, key)) return broken;
  return std::nullopt;
}

std::optional<std::string> broken_invariant(const Group& group, const Decision& decision) {
  const std::string place = name_of(group.row) + ", rule " + std::string(decision.rule);
  if (decision.term <= group.row.term)
    return place + ": a decision of term " + number(decision.term) + " in term " + number(group.row.term);
  std::set<NodeId> known;
  const auto add = [&known](const SyncQuorum& quorum) { known.insert(quorum.voters.begin(), quorum.voters.end()); };
  add(group.row.quorum_confirmed);
  add(group.row.quorum_assigned);
  for (const auto& [id, node] : group.nodes) {
    known.insert(id);
    add(node.row.goal.sync);
  }
  const auto broken = [&](const SyncQuorum& quorum, const std::string& whose) -> Broken {
    const bool strange = std::ranges::any_of(quorum.voters, [&](NodeId id) { return !known.contains(id); });
    if (strange) return whose + " names a voter that is no node of the group: " + described(quorum);
    return broken_quorum(quorum, whose);
  };
  for (const auto& [id, goal] : decision.goals) {
    const std::string whose = place + ": the goal of node " + std::to_string(id.value);
    if (!group.nodes.contains(id)) return whose + ": it is no node of the group";
    if (goal.term != decision.term) return whose + " is of term " + number(goal.term);
    if (auto seen = broken(goal.sync, whose)) return seen;
  }
  for (const auto* quorum : {&decision.quorum_confirmed, &decision.quorum_assigned})
    if (*quorum)
      if (auto seen = broken(**quorum, place + ": its quorum")) return seen;
  return std::nullopt;
}

}  // namespace autoctl::monitor
