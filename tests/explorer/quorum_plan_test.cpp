// Standbys leave the quorum in whatever order and way, and the primary may have got as far as it likes with the names
// it was told: nodes that could elect at that moment have every commit that it can have acknowledged.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>
#include <string>

#include "monitor/fsm/election.h"
#include "monitor/fsm/roles.h"
#include "tests/unit/fsm_group.h"

namespace autoctl::monitor::test {
namespace {

const std::vector<NodeId> standbys = {NodeId{2}, NodeId{3}, NodeId{4}};

enum class Departure { dies, leaves_quorum, is_dropped };

struct Situation {
  Group group;
  SyncQuorum in_force;  // on the primary, whether or not the monitor knows

  NodeView& primary() { return group[node_a]; }
  const Goal& goal() const { return group.snapshot.find(node_a)->goal; }
};

std::string text_of(const SyncQuorum& quorum) {
  std::string text = std::to_string(quorum.acks) + "of";
  for (NodeId id : quorum.voters) text += std::to_string(id.value);
  return text + " ";
}

std::string key_of(const Situation& moment) {
  const GroupSnapshot& group = moment.group.snapshot;
  std::string key = text_of(group.quorum_confirmed) + text_of(group.quorum_assigned) + text_of(moment.in_force);
  for (const NodeView& node : group.nodes)
    key += std::string(to_string(node.goal.state)) + text_of(node.goal.sync) + (settled(node) ? "s" : "-") +
           (dead(node) ? "d" : "-") + (node.replication_quorum ? "q " : "- ");
  for (NodeId id : group.find(node_a)->facts.streaming) key += std::to_string(id.value);
  return key;
}

bool acknowledges_only_with(const SyncQuorum& quorum, const std::vector<NodeId>& nodes) {
  const auto missing = std::ranges::count_if(quorum.voters, [&](NodeId id) { return !contains(nodes, id); });
  return !quorum.asynchronous() && missing < quorum.acks;
}

class QuorumPlan : public testing::TestWithParam<int> {
 protected:
  void explore(const Situation& moment) {
    if (!seen_.insert(key_of(moment)).second) return;
    check(moment);
    if (HasFailure()) return;
    for (NodeId id : standbys)
      for (Departure how : {Departure::dies, Departure::leaves_quorum, Departure::is_dropped}) depart(moment, id, how);
    decide_once(moment);
    apply_names(moment);
    prove(moment);
  }

  static void check(const Situation& moment) {
    for (unsigned bits = 1; bits < 1U << standbys.size(); ++bits) {
      std::vector<NodeId> nodes;
      for (std::size_t i = 0; i < standbys.size(); ++i)
        if (bits >> i & 1U) nodes.push_back(standbys[i]);
      const bool members = std::ranges::all_of(
          nodes, [&](NodeId id) { return moment.group.snapshot.find(id)->goal.state == NodeState::secondary; });
      if (!members || !covers_every_commit(moment.group.snapshot, nodes)) continue;
      EXPECT_TRUE(acknowledges_only_with(moment.in_force, nodes)) << key_of(moment);
    }
  }

  void depart(Situation moment, NodeId id, Departure how) {
    NodeView& node = moment.group[id];
    if (how == Departure::dies) moment.group.judge(id, Verdict::dead);
    if (how == Departure::leaves_quorum) node.replication_quorum = false;
    if (how == Departure::is_dropped) moment.group.assign(id, {.state = NodeState::dropped});
    explore(moment);
  }

  void decide_once(Situation moment) {
    const auto decision = moment.group.decision();
    if (!decision) return;
    for (const auto& [id, goal] : decision->goals) moment.group.assign(id, goal);
    if (decision->quorum_assigned) moment.group.snapshot.quorum_assigned = *decision->quorum_assigned;
    if (decision->quorum_confirmed) moment.group.snapshot.quorum_confirmed = *decision->quorum_confirmed;
    explore(moment);
  }

  void apply_names(Situation moment) {
    moment.in_force = moment.goal().sync;
    explore(moment);
  }

  /// Those who live and were not dropped have flushed everything: the keeper says so if they are enough.
  void prove(Situation moment) {
    if (moment.in_force != moment.goal().sync) return;
    std::vector<NodeId> streaming;
    for (NodeId id : standbys)
      if (!dead(moment.group[id]) && moment.group[id].goal.state != NodeState::dropped) streaming.push_back(id);
    const auto acks = std::ranges::count_if(streaming, [&](NodeId id) { return moment.in_force.contains(id); });
    moment.primary().facts.streaming = streaming;
    if (acks >= moment.in_force.acks) {
      moment.group.settle(node_a);
      moment.primary().facts.sync_in_force = moment.in_force;
    }
    explore(moment);
  }

  std::set<std::string> seen_;
};

TEST_P(QuorumPlan, IsSafeFromEveryPrefixForEverySubsetThatLeaves) {
  for (int acks = 1; acks <= 3; ++acks) {
    Situation begin{at_rest(standbys, acks), {acks, standbys}};
    begin.group.settings.number_sync_standbys = GetParam();
    explore(begin);
  }
  EXPECT_GT(seen_.size(), 500U) << "nothing was explored";
  std::printf("%zu moments\n", seen_.size());
}

INSTANTIATE_TEST_SUITE_P(NumberSyncStandbys, QuorumPlan, testing::Values(0, 1, 2, 3));

}  // namespace
}  // namespace autoctl::monitor::test
