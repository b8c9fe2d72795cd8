// A group whose nodes come from a lost monitor, each with the goal that it last obeyed.
#include <gtest/gtest.h>

#include "monitor/fsm/reconstruct.h"
#include "tests/unit/fsm_group.h"

namespace autoctl::monitor::test {
namespace {

constexpr SyncQuorum none{};

/// The new monitor knows no quorum.
Group forgotten(Group group) {
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {};
  return group;
}

TEST(Reconstruct, PrimaryAndStandbysGoOnAsTheyWere) {
  const Group before = three_at_rest();
  const auto decision = reconstruct(forgotten(before).snapshot, false);
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->goals.empty()) << decision->reason;
  EXPECT_EQ(decision->quorum_confirmed, before.snapshot.quorum_confirmed);
  EXPECT_EQ(decision->quorum_assigned, before.snapshot.quorum_assigned);
  EXPECT_GT(decision->term, before.snapshot.term);
}

TEST(Reconstruct, QuorumThatWasNotProvedIsNotConfirmed) {
  Group group = forgotten(pair_at_rest());
  group[node_a].facts.state = NodeState::wait_primary;
  const auto decision = reconstruct(group.snapshot, false);
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->quorum_confirmed, none);
  EXPECT_EQ(decision->quorum_assigned, (SyncQuorum{1, {node_b}}));
}

/// The old primary was told to go on alone and heard it; its standby did not.
TEST(Reconstruct, AsynchronousPrimaryMakesNobodyElectable) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  const auto decision = reconstruct(group.snapshot, false);
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->goals.empty());
  EXPECT_EQ(decision->quorum_confirmed, none);
  EXPECT_EQ(decision->quorum_assigned, none);
}

/// A candidate that was not told to promote has promoted nothing.
TEST(Reconstruct, FencedCandidateGivesWayToThePrimaryThatHeardNothing) {
  Group group = forgotten(failing_over());
  group[node_a].goal = {.state = NodeState::primary, .term = Term{group_term.value - 1}, .sync = {1, {node_b}}};
  group.settle(node_a);
  const auto decision = reconstruct(group.snapshot, false);
  EXPECT_EQ(goal_in(decision, node_a), nullptr);
  EXPECT_EQ(state_in(decision, node_b), NodeState::catchingup);
  EXPECT_EQ(goal_in(decision, node_b)->upstream, node_a);
}

TEST(Reconstruct, WhoWasToldToPromoteIsThePrimary) {
  Group group = forgotten(failing_over());
  group[node_a].goal = {.state = NodeState::primary, .term = Term{group_term.value - 1}, .sync = {1, {node_b}}};
  group.settle(node_a);
  group.assign(node_b, {.state = NodeState::stop_replication, .sync = {1, {node_a}}});
  const auto decision = reconstruct(group.snapshot, false);
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  EXPECT_EQ(goal_in(decision, node_b), nullptr);
  EXPECT_EQ(decision->quorum_assigned, (SyncQuorum{1, {node_a}}));
  EXPECT_EQ(decision->quorum_confirmed, none);
}

/// It has everything that was ever acknowledged: until somebody is told to promote, nobody else acknowledges.
TEST(Reconstruct, LastPrimaryGoesOnWhereNobodyWasToldToPromote) {
  const Group group = forgotten(failing_over());
  const auto decision = reconstruct(group.snapshot, false);
  EXPECT_EQ(state_in(decision, node_a), NodeState::wait_primary);
  EXPECT_EQ(state_in(decision, node_b), NodeState::catchingup);
  EXPECT_EQ(decision->quorum_assigned, none);
}

TEST(Reconstruct, OfTwoFormerPrimariesTheOneOfTheLaterTimelineGoesOn) {
  Group group = forgotten(three_at_rest());
  for (const NodeId id : {node_a, node_b}) group.assign_and_settle(id, {.state = NodeState::demoted});
  group[node_b].facts.timeline = Timeline{2};
  const auto decision = reconstruct(group.snapshot, false);
  EXPECT_EQ(state_in(decision, node_b), NodeState::wait_primary);
  EXPECT_EQ(goal_in(decision, node_a), nullptr);
}

/// It was told to serve before another one was, which hands over now.
TEST(Reconstruct, OneThatWasAwayForAWholeFailoverIsNotThePrimary) {
  Group group = forgotten(three_at_rest());
  group.assign_and_settle(node_b, {.state = NodeState::draining});
  group.assign_and_settle(node_c, {.state = NodeState::prepare_promotion});
  for (const NodeId id : {node_b, node_c}) group[id].facts.timeline = Timeline{2};
  const auto decision = reconstruct(group.snapshot, false);
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  EXPECT_EQ(state_in(decision, node_b), NodeState::wait_primary);
  EXPECT_EQ(state_in(decision, node_c), NodeState::catchingup);
}

TEST(Reconstruct, CheckpointForAForgottenHandOverIsCalledOff) {
  Group group = forgotten(pair_at_rest());
  group[node_a].goal.checkpoint = true;
  const Goal* goal = nullptr;
  const auto decision = reconstruct(group.snapshot, false);
  ASSERT_NE(goal = goal_in(decision, node_a), nullptr);
  EXPECT_FALSE(goal->checkpoint);
  EXPECT_EQ(goal->sync, group[node_a].goal.sync);
}

/// What the missing primary acknowledged may be on none of them.
TEST(Reconstruct, StandbysAloneDecideNothing) {
  Group group = forgotten(pair_at_rest());
  std::erase_if(group.snapshot.nodes, [](const NodeView& node) { return node.id == node_a; });
  EXPECT_FALSE(reconstruct(group.snapshot, false));
}

/// Whoever may have acknowledged tells how far it got; nobody knows how many of them the primary waited for.
TEST(Reconstruct, StandbysElectWhereTheLastPrimaryIsGivenUp) {
  Group group = forgotten(three_at_rest());
  std::erase_if(group.snapshot.nodes, [](const NodeView& n) { return n.id == node_a; });
  group.add(NodeId{4});
  group.assign_and_settle(NodeId{4}, {.state = NodeState::catchingup, .upstream = node_a});
  ASSERT_FALSE(reconstruct(group.snapshot, false));
  const auto decision = reconstruct(group.snapshot, true);
  ASSERT_TRUE(decision);
  EXPECT_EQ(state_in(decision, node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(decision, node_c), NodeState::report_lsn);
  EXPECT_EQ(goal_in(decision, NodeId{4}), nullptr) << "nobody waited for it";
  EXPECT_EQ(decision->quorum_confirmed, (SyncQuorum{1, {node_b, node_c}})) << "both have to tell";
  EXPECT_EQ(decision->quorum_assigned, decision->quorum_confirmed);
  group[node_b].replication_quorum = false;
  EXPECT_EQ(goal_in(reconstruct(group.snapshot, true), node_b), nullptr) << "nobody waited for it";
  EXPECT_EQ(state_in(reconstruct(group.snapshot, true), node_c), NodeState::report_lsn);
  group[node_c].replication_quorum = false;
  EXPECT_EQ(state_in(reconstruct(group.snapshot, true), node_b), NodeState::report_lsn) << "better than nobody";
}

TEST(Reconstruct, AnElectionThatHadBegunIsBegunAnew) {
  Group group = forgotten(failing_over());
  std::erase_if(group.snapshot.nodes, [](const NodeView& n) { return n.id == node_a; });
  EXPECT_EQ(state_in(reconstruct(group.snapshot, true), node_b), NodeState::report_lsn);
}

TEST(Reconstruct, GivenUpOnlyWhereNobodyLed) {
  const auto decision = reconstruct(forgotten(three_at_rest()).snapshot, true);
  ASSERT_TRUE(decision);
  EXPECT_TRUE(decision->goals.empty()) << "the primary has come after all";
}

}  // namespace
}  // namespace autoctl::monitor::test
