// A failover that an operator forces, though commits may be lost.
#include <gtest/gtest.h>

#include "fsm_group.h"

namespace autoctl::monitor {
namespace {

using namespace test;

/// An operator asks for a failover that may lose commits.
void force(Group& group) {
  group.request_switchover();
  group.snapshot.operation->kind = Operation::Kind::forced_failover;
}

TEST(Rule, failover_forced) {
  Group group = three_at_rest();
  group.judge(node_a, Verdict::dead);
  group.judge(node_c, Verdict::dead);
  group[node_a].lease_until = group.now + Millis{100};
  ASSERT_EQ(group.fired(), "nothing") << "node_c may have the last commits";
  force(group);
  ASSERT_EQ(group.fired(), "failover_forced");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  EXPECT_EQ(state_in(decision, node_b), NodeState::prepare_promotion);
  EXPECT_TRUE(goal_in(decision, node_b)->fence);
  EXPECT_EQ(decision->operation_target, node_b);
  EXPECT_NE(decision->reason.find("node_c (dead) is missing"), std::string::npos) << decision->reason;

  group.snapshot.operation->target = node_b;
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  group.is_fenced(node_b);
  EXPECT_EQ(group.fired(), "nothing") << "the old primary may still believe in its lease";
  group.now += Millis{100};
  group.settings.number_sync_standbys = 1;
  ASSERT_EQ(group.fired(), "candidate_is_fenced");
  EXPECT_EQ(goal_in(group.decision(), node_b)->sync, SyncQuorum{}) << "it waits for nobody: nobody else is here";
}

/// Of 1 of three too few are here. With one that is, a primary that nobody hears could go on.
TEST(Rule, failover_forced_fences_everybody_who_could_acknowledge) {
  Group group = at_rest({node_b, node_c, NodeId{4}});
  group.judge(node_a, Verdict::unreachable);
  group.judge(NodeId{4}, Verdict::dead);
  group[node_b].facts.lsn = Lsn{1001};
  force(group);
  ASSERT_EQ(group.fired(), "failover_forced");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::report_lsn);
  EXPECT_EQ(goal_in(group.decision(), NodeId{4}), nullptr);

  group.snapshot.operation->target = node_b;
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  group.is_fenced(node_b);
  group.assign(node_c, {.state = NodeState::report_lsn});
  EXPECT_EQ(group.fired(), "nothing") << "node_c still acknowledges";
  group.settle(node_c);
  EXPECT_EQ(group.fired(), "candidate_is_fenced");
  group.assign(node_c, {.state = NodeState::report_lsn});
  group.now += group.settings.postgres_restart_timeout;
  EXPECT_EQ(group.fired(), "candidate_is_fenced") << "not for ever";
}

/// It was dropped, and has not been heard since.
TEST(Rule, failover_forced_waits_for_the_lease_of_a_dropped_primary) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.judge(node_a, Verdict::unreachable);
  group.assign(node_a, {.state = NodeState::dropped});
  group[node_a].lease_until = group.now + Millis{100};
  force(group);
  ASSERT_EQ(group.fired(), "failover_forced");
  group.snapshot.operation->target = node_b;
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  group.is_fenced(node_b);
  EXPECT_EQ(group.fired(), "nothing");
  group.now += Millis{100};
  EXPECT_EQ(group.fired(), "candidate_is_fenced");
}

TEST(Rule, failover_forced_is_of_no_use_while_the_primary_is_there_or_nobody_else_is) {
  Group group = pair_at_rest();
  force(group);
  ASSERT_EQ(group.fired(), "failover_forced");
  EXPECT_FALSE(group.decision()->operation->succeeded);
  EXPECT_TRUE(group.decision()->goals.empty());
  make_asynchronous(group);
  group.judge(node_a, Verdict::unreachable);
  group.assign_and_settle(node_b, {.state = NodeState::catchingup, .upstream = node_a});
  group[node_a].facts.streaming = {};
  group[node_b].facts.receiving = false;
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion) << "it has what it has";
  group[node_b].candidate_priority = 0;
  EXPECT_EQ(group.fired(), "nothing");
  group.now += group.settings.silence_timeout;
  ASSERT_EQ(group.fired(), "failover_forced");
  EXPECT_FALSE(group.decision()->operation->succeeded);
}

TEST(Rule, failover_forced_loses_nothing_where_enough_of_the_quorum_is_here) {
  Group group = three_at_rest();
  group.judge(node_a, Verdict::unreachable);
  ASSERT_EQ(group.fired(), "nothing") << "it may be alive";
  force(group);
  ASSERT_EQ(group.fired(), "primary_is_dead") << "the operator's word is enough, as the quorum is fenced";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn);
  group = electing();
  force(group);
  ASSERT_EQ(group.fired(), "standbys_elect");
  EXPECT_FALSE(group.decision()->operation_target) << "its quorum vouches for it";
  group.assign_and_settle(node_b, {.state = NodeState::stop_replication, .sync = {1, {node_c}}});
  group.serves(node_b, {});
  ASSERT_EQ(group.fired(), "candidate_promoted");
  EXPECT_EQ(group.decision()->operation_target, node_b) << "that is what was asked for";
}

TEST(Rule, failover_forced_is_called_off_when_the_old_primary_is_back_in_time) {
  Group group = electing();
  force(group);
  group.snapshot.operation->target = node_b;
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  group.judge(node_c, Verdict::dead);
  group[node_a].lease_until = group.now + Millis{100};
  EXPECT_EQ(group.fired(), "nothing");
  group.judge(node_a, Verdict::healthy);
  ASSERT_EQ(group.fired(), "election_called_off");
  EXPECT_TRUE(is_leader_state(state_in(group.decision(), node_a)));
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
  EXPECT_FALSE(group.decision()->operation->succeeded);
}

TEST(Rule, failover_forced_gives_up_a_candidate_that_was_told_to_promote) {
  Group group = electing();
  group.assign_and_settle(node_a, {.state = NodeState::demoted});
  group.assign(node_b, {.state = NodeState::stop_replication});
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {};
  group.judge(node_b, Verdict::dead);
  ASSERT_EQ(group.fired(), "nothing") << "it may have been promoted";
  force(group);
  ASSERT_EQ(group.fired(), "failover_forced");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::demoted) << "nobody calls it back";
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
}

}  // namespace
}  // namespace autoctl::monitor
