// Groups to try rules on: a snapshot in which all is well, for a test to break.
#pragma once

#include <algorithm>
#include <string_view>

#include "monitor/fsm/decide.h"

namespace autoctl::monitor::test {

inline constexpr NodeId node_a{1}, node_b{2}, node_c{3};
inline constexpr Term group_term{7};

struct Group {
  GroupSnapshot snapshot;
  Settings settings;
  TimePoint now{std::chrono::hours{1}};

  NodeView& operator[](NodeId id) { return *std::ranges::find(snapshot.nodes, id, &NodeView::id); }
  std::optional<Decision> decision() const { return decide(snapshot, settings, now); }
  std::string_view fired() const {
    const auto result = decision();
    return result ? result->rule : "nothing";
  }
  void request_switchover(NodeId target = {}, Millis ago = Millis{0}) {
    snapshot.operation = Operation{.id = 1, .target = target, .requested_at = now - ago};
  }
  /// A node that has done nothing but register.
  NodeView& add(NodeId id) {
    NodeView node;
    node.id = id;
    node.name = std::string("node_") + static_cast<char>('a' + id.value - 1);
    node.goal.term = group_term;
    node.goal_since = now;
    node.health = {Verdict::healthy, "reports"};
    node.lease_until = now;
    snapshot.nodes.push_back(std::move(node));
    return snapshot.nodes.back();
  }
  /// Its keeper reports that it has reached its goal.
  void settle(NodeId id) {
    NodeView& node = (*this)[id];
    node.reported = true;
    node.facts.state = node.goal.state;
    node.facts.term = node.goal.term;
  }
  /// It gets a goal that it has not heard of.
  void assign(NodeId id, Goal goal) {
    goal.term = group_term;
    (*this)[id].goal = std::move(goal);
    (*this)[id].facts.term = Term{group_term.value - 1};
  }
  void assign_and_settle(NodeId id, Goal goal) {
    assign(id, std::move(goal));
    settle(id);
  }
  void judge(NodeId id, Verdict verdict) { (*this)[id].health = {verdict, "the test says so"}; }
  /// Postgres runs and accepts writes; the given standbys stream from it.
  void serves(NodeId id, std::vector<NodeId> streaming) {
    NodeFacts& facts = (*this)[id].facts;
    facts.postgres_running = true;
    facts.in_recovery = false;
    facts.timeline = Timeline{1};
    facts.lsn = Lsn{1000};
    facts.sync_in_force = (*this)[id].goal.sync;
    facts.prepared_peers = streaming;
    facts.streaming = std::move(streaming);
  }
  void streams(NodeId id, NodeId upstream, Lsn lsn = Lsn{1000}) {
    NodeFacts& facts = (*this)[id].facts;
    facts.postgres_running = true;
    facts.in_recovery = true;
    facts.receiving = true;
    facts.upstream = upstream;
    facts.timeline = Timeline{1};
    facts.lsn = lsn;
  }
  /// It runs as a standby, and its WAL receiver is gone for good.
  void is_fenced(NodeId id, Lsn lsn = Lsn{1000}) {
    streams(id, {}, lsn);
    (*this)[id].facts.receiving = false;
  }
  void is_stopped(NodeId id) {
    NodeFacts& facts = (*this)[id].facts;
    facts.postgres_running = facts.receiving = facts.in_recovery = false;
    facts.streaming = facts.prepared_peers = {};
  }
};

inline const Goal* goal_in(const std::optional<Decision>& decision, NodeId id) {
  if (!decision) return nullptr;
  const auto it = std::ranges::find(decision->goals, id, [](const auto& assigned) { return assigned.first; });
  return it == decision->goals.end() ? nullptr : &it->second;
}
inline NodeState state_in(const std::optional<Decision>& decision, NodeId id) {
  const Goal* goal = goal_in(decision, id);
  return goal == nullptr ? NodeState::init : goal->state;
}

/// A primary and its standbys at rest: everybody streams, the quorum is confirmed, nothing is left to decide.
inline Group at_rest(std::vector<NodeId> standbys, int acks = 1) {
  Group group;
  group.snapshot.term = group_term;
  const SyncQuorum quorum{acks, standbys};
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = quorum;
  group.add(node_a);
  group.assign_and_settle(node_a, {.state = NodeState::primary, .sync = quorum});
  for (NodeId id : standbys) {
    group.add(id);
    group.assign_and_settle(id, {.state = NodeState::secondary, .upstream = node_a});
    group.streams(id, node_a);
  }
  group.serves(node_a, standbys);
  return group;
}
inline Group pair_at_rest() {
  return at_rest({node_b});
}
inline Group three_at_rest() {
  return at_rest({node_b, node_c});
}

/// The primary's settings no longer wait for anybody.
inline void make_asynchronous(Group& group) {
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {};
  group.assign_and_settle(node_a, {.state = NodeState::wait_primary});
  group[node_a].facts.sync_in_force = {};
}

/// The primary is dead and its only standby has been told to fence itself.
inline Group failing_over() {
  Group group = pair_at_rest();
  group.judge(node_a, Verdict::dead);
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  group.is_fenced(node_b);
  return group;
}

/// node_a hands over to node_b, and node_b is ready.
inline Group switching_over() {
  Group group = pair_at_rest();
  group.request_switchover(node_b);
  group.assign(node_a, {.state = NodeState::draining, .sync = group[node_a].goal.sync});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .upstream = node_a});
  return group;
}

/// The primary of three is dead, and both standbys have told how far they got.
inline Group electing() {
  Group group = three_at_rest();
  group.judge(node_a, Verdict::dead);
  group.assign(node_a, {.state = NodeState::demote_timeout});
  for (NodeId id : {node_b, node_c}) {
    group.assign_and_settle(id, {.state = NodeState::report_lsn});
    group.is_fenced(id);
  }
  return group;
}

}  // namespace autoctl::monitor::test
