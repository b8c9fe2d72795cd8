// Which node has which role in a group, read from the goals: the vocabulary of the rules.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "monitor/fsm/group_snapshot.h"

namespace autoctl::monitor {

/// It has reached its goal, by its own report.
inline bool settled(const NodeView& node) {
  return node.reported && node.facts.state == node.goal.state && node.facts.term >= node.goal.term;
}
inline bool healthy(const NodeView& node) {
  return node.health.verdict == Verdict::healthy;
}
inline bool dead(const NodeView& node) {
  return node.health.verdict == Verdict::dead;
}
/// Dead, or silent for long: the monitor can ask nothing of it, whether or not its Postgres still runs.
inline bool lost(const NodeView& node) {
  return dead(node) || node.health.verdict == Verdict::unreachable;
}

/// It cannot be promoted: it is gone, or it was promoted outside autoctl and its keeper has stopped it.
inline bool is_lost_as_candidate(const NodeView& node) {
  return lost(node) || node.facts.forked;
}

/// An operator asked for its maintenance.
inline bool is_wanted_for_maintenance(const GroupSnapshot& group, NodeId id) {
  return group.maintenance && group.maintenance->kind == MaintenanceRequest::Kind::begin &&
         group.maintenance->node == id;
}

/// Its goal is to be the primary, and it accepts writes by its own report, whatever state it comes from: with a quorum
/// to wait for, a primary that was promoted or called back cannot reach `primary` before a standby has joined it.
inline bool serves_as_primary(const NodeView& node) {
  return node.reported && is_leader_state(node.goal.state) && node.facts.postgres_running && !node.facts.in_recovery;
}

/// It was told to stop and has stopped, but by a crash: what it wrote and acknowledged last is unknown.
inline bool stopped_by_a_crash(const NodeView& node) {
  return settled(node) && !node.facts.postgres_running && !node.facts.lsn;
}

template <class Predicate>
const NodeView* find_node(const GroupSnapshot& group, Predicate predicate) {
  const auto it = std::ranges::find_if(group.nodes, predicate);
  return it == group.nodes.end() ? nullptr : &*it;
}

/// The node whose goal is to be the primary.
inline const NodeView* leader_of(const GroupSnapshot& group) {
  return find_node(group, [](const NodeView& n) { return is_leader_state(n.goal.state); });
}
inline const NodeView* candidate_of(const GroupSnapshot& group) {
  return find_node(group, [](const NodeView& n) { return is_candidate_state(n.goal.state); });
}
/// The old primary while it drains: it may still acknowledge commits.
inline const NodeView* draining_of(const GroupSnapshot& group) {
  return find_node(group, [](const NodeView& n) { return n.goal.state == NodeState::draining; });
}

/// An operator has said whose history is to be the group's.
inline bool accepts_timeline(const GroupSnapshot& group) {
  return group.operation && group.operation->kind == Operation::Kind::accepted_timeline;
}
/// An operator accepts that acknowledged commits may be lost.
inline bool is_forced(const GroupSnapshot& group) {
  return accepts_timeline(group) || (group.operation && group.operation->kind == Operation::Kind::forced_failover);
}
/// Only the operator's word made it the candidate: the quorum that is present does not prove that it has every
/// acknowledged commit.
inline bool is_forced_candidate(const GroupSnapshot& group, const NodeView& node) {
  return is_forced(group) && group.operation->target == node.id;
}

inline bool contains(const std::vector<NodeId>& ids, NodeId id) {
  return std::ranges::find(ids, id) != ids.end();
}

}  // namespace autoctl::monitor
