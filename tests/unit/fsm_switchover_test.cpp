// One test per rule of a hand-over, named after it.
#include <gtest/gtest.h>

#include "fsm_group.h"

namespace autoctl::monitor {
namespace {

using namespace test;

TEST(Rule, switchover_starts) {
  Group group = pair_at_rest();
  group.request_switchover();
  ASSERT_EQ(group.fired(), "switchover_starts");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::draining);
  EXPECT_EQ(goal_in(decision, node_a)->sync, group[node_a].goal.sync) << "what it still commits goes to the standby";
  EXPECT_EQ(state_in(decision, node_b), NodeState::prepare_promotion);
  EXPECT_FALSE(goal_in(decision, node_b)->fence) << "the shutdown's last WAL has to arrive";
  EXPECT_EQ(decision->operation_target, node_b);
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, switchover_starts_with_the_best_candidate_or_the_one_asked_for) {
  Group group = three_at_rest();
  group[node_c].candidate_priority = 60;
  group.request_switchover();
  EXPECT_EQ(group.decision()->operation_target, node_c);
  group.request_switchover(node_b);
  EXPECT_EQ(group.decision()->operation_target, node_b);
  group[node_b].candidate_priority = 0;
  EXPECT_NE(group.fired(), "switchover_starts");
}

TEST(Rule, switchover_refused) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.judge(node_b, Verdict::suspected);
  group.request_switchover({}, Millis{1000});
  EXPECT_EQ(group.fired(), "nothing") << "a group that is just settling gets a moment";
  group.request_switchover({}, Millis{10'000});
  EXPECT_EQ(group.fired(), "switchover_refused");
  group.judge(node_b, Verdict::dead);
  group.request_switchover();
  ASSERT_EQ(group.fired(), "switchover_refused") << "at once: a moment changes nothing";
  ASSERT_TRUE(group.decision()->operation);
  EXPECT_FALSE(group.decision()->operation->succeeded);
  EXPECT_NE(group.decision()->operation->message.find("node_b"), std::string::npos);
}

TEST(Rule, switchover_refused_at_once_where_a_moment_changes_nothing) {
  Group group = three_at_rest();
  group[node_b].candidate_priority = 0;
  group.request_switchover(node_b);
  EXPECT_EQ(group.fired(), "switchover_refused");
  group.assign_and_settle(node_c, {.state = NodeState::maintenance});
  group.request_switchover(node_c);
  EXPECT_EQ(group.fired(), "switchover_refused");
}

/// Of three, commits wait for node_b only.
Group with_an_asynchronous_standby() {
  Group group = three_at_rest();
  const SyncQuorum quorum{1, {node_b}};
  group[node_c].replication_quorum = false;
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = group[node_a].goal.sync =
      group[node_a].facts.sync_in_force = quorum;
  return group;
}

TEST(Rule, switchover_starts_with_a_standby_that_no_commit_waits_for) {
  Group group = with_an_asynchronous_standby();
  ASSERT_EQ(group.fired(), "nothing");
  group.request_switchover();
  EXPECT_EQ(group.decision()->operation_target, node_b) << "among equals, the one that has everything already";
  group.request_switchover(node_c);
  ASSERT_EQ(group.fired(), "switchover_starts");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
  group[node_c].facts.receiving = false;
  EXPECT_NE(group.fired(), "switchover_starts") << "it would not receive what the primary sends when it stops";
}

TEST(Rule, switchover_starts_in_a_group_whose_primary_waits_for_no_standby) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group[node_b].replication_quorum = false;
  ASSERT_EQ(group.fired(), "nothing");
  group.request_switchover();
  ASSERT_EQ(group.fired(), "switchover_starts");
  EXPECT_TRUE(goal_in(group.decision(), node_a)->sync.asynchronous());
}

/// node_a, which waits for no standby, has stopped in a hand-over to node_b.
Group handed_over_asynchronously() {
  Group group = pair_at_rest();
  group.request_switchover(node_b);
  make_asynchronous(group);
  group[node_b].replication_quorum = false;
  group.assign_and_settle(node_a, {.state = NodeState::draining});
  group.is_stopped(node_a);
  group[node_a].facts.lsn = Lsn{1200};
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .upstream = node_a});
  return group;
}

TEST(Rule, old_primary_drained_promotes_no_standby_without_proof_that_it_has_everything) {
  Group group = handed_over_asynchronously();
  ASSERT_EQ(group.fired(), "old_primary_drained");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion) << "it has to show that first";
  EXPECT_EQ(goal_in(group.decision(), node_b)->await_lsn, Lsn{1200});
  group[node_b].facts.lsn = Lsn{1200};
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::stop_replication);

  group.assign_and_settle(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true, .await_lsn = Lsn{1200}});
  group.is_fenced(node_b, Lsn{1200});
  EXPECT_EQ(group.fired(), "candidate_is_fenced");
  group.is_fenced(node_b, Lsn{1100});
  ASSERT_EQ(group.fired(), "election_called_off") << "the proof does not come: called off";
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
}

TEST(Rule, switchover_called_off_when_a_primary_that_waited_for_no_standby_crashed) {
  Group group = handed_over_asynchronously();
  group[node_a].facts.lsn = Lsn{};
  ASSERT_EQ(group.fired(), "switchover_called_off");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
}

TEST(Rule, switchover_overdue_of_a_primary_that_waits_for_no_standby) {
  Group group = handed_over_asynchronously();
  group.assign(node_a, {.state = NodeState::draining});
  group.now += group.settings.drain_timeout;
  ASSERT_EQ(group.fired(), "switchover_overdue");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
}

TEST(Rule, switchover_done) {
  Group group = pair_at_rest();
  group.request_switchover(node_a);
  ASSERT_EQ(group.fired(), "switchover_done");
  EXPECT_TRUE(group.decision()->operation->succeeded);
  EXPECT_TRUE(group.decision()->goals.empty());
  group[node_a].facts.term = Term{1};
  EXPECT_NE(group.fired(), "switchover_done");
}

TEST(Rule, old_primary_drained) {
  Group group = switching_over();
  EXPECT_EQ(group.fired(), "nothing") << "the old primary has not stopped";
  group.settle(node_a);
  EXPECT_EQ(group.fired(), "nothing") << "its Postgres still runs";
  group.is_stopped(node_a);
  group[node_a].facts.lsn = Lsn{1234};
  ASSERT_EQ(group.fired(), "old_primary_drained");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::demoted);
  EXPECT_EQ(state_in(decision, node_b), NodeState::stop_replication);
  EXPECT_EQ(goal_in(decision, node_b)->await_lsn, Lsn{1234});
  EXPECT_EQ(decision->quorum_assigned, SyncQuorum{});
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing") << "nobody is told to promote who may be gone: there is no way back from it";
}

/// node_a of three has stopped in a hand-over to node_b, which has not told that it has everything.
Group handed_over() {
  Group group = three_at_rest();
  group.request_switchover(node_b);
  group.assign_and_settle(node_a, {.state = NodeState::draining, .sync = group[node_a].goal.sync});
  group.is_stopped(node_a);
  group[node_a].facts.lsn = Lsn{1200};
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .upstream = node_a});
  return group;
}

TEST(Rule, old_primary_drained_asks_whether_the_candidate_has_what_others_may_have) {
  Group group = handed_over();
  ASSERT_EQ(group.fired(), "old_primary_drained");
  const auto decision = group.decision();
  ASSERT_EQ(state_in(decision, node_b), NodeState::prepare_promotion);
  EXPECT_EQ(goal_in(decision, node_b)->await_lsn, Lsn{1200});
  EXPECT_TRUE(goal_in(decision, node_b)->fence);
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  group[node_b].facts.lsn = Lsn{1200};
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::stop_replication) << "it has told already";
}

TEST(Rule, old_primary_drained_by_a_crash_may_have_acknowledged_more_than_it_tells) {
  Group group = handed_over();
  group[node_a].facts.lsn = Lsn{};
  ASSERT_EQ(group.fired(), "switchover_called_off");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::primary);
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
  group.judge(node_a, Verdict::dead);
  ASSERT_EQ(group.fired(), "primary_lost_while_draining") << "then all standbys elect";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::report_lsn);
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {2, {node_b, node_c}};
  group.judge(node_a, Verdict::healthy);
  EXPECT_EQ(group.fired(), "old_primary_drained") << "with 2 of 2 node_b has everything that was acknowledged";
}

TEST(Rule, handover_fell_short) {
  Group group = handed_over();
  group.assign_and_settle(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true, .await_lsn = Lsn{1200}});
  group.is_fenced(node_b, Lsn{1100});
  ASSERT_EQ(group.fired(), "handover_fell_short") << "with 1 of 2, node_c may have acknowledged more";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::report_lsn);
  group.is_fenced(node_b, Lsn{1200});
  EXPECT_EQ(group.fired(), "candidate_is_fenced");
  group.is_fenced(node_b, Lsn{1100});
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {2, {node_b, node_c}};
  EXPECT_EQ(group.fired(), "candidate_is_fenced") << "with 2 of 2, what is missing was never acknowledged";
}

TEST(Rule, switchover_called_off_keeps_the_other_standbys) {
  Group group = three_at_rest();
  group.request_switchover(node_b);
  group.assign(node_a, {.state = NodeState::draining, .sync = group[node_a].goal.sync});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .upstream = node_a});
  group.judge(node_b, Verdict::dead);
  ASSERT_EQ(group.fired(), "switchover_called_off");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::primary);
  EXPECT_EQ(goal_in(group.decision(), node_a)->sync, group.snapshot.quorum_assigned);
}

TEST(Rule, switchover_called_off) {
  Group group = switching_over();
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing");
  for (Verdict verdict : {Verdict::dead, Verdict::unreachable}) {
    group.judge(node_b, verdict);
    ASSERT_EQ(group.fired(), "switchover_called_off");
    EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
    EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
    EXPECT_EQ(group.decision()->quorum_assigned, SyncQuorum{});
    EXPECT_FALSE(group.decision()->operation->succeeded);
  }
  group.settle(node_a);
  group.is_stopped(node_a);
  EXPECT_EQ(group.fired(), "switchover_called_off") << "also when it has stopped already";
  group.judge(node_a, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, switchover_called_off_when_the_candidate_does_not_get_ready) {
  Group group = switching_over();
  group.assign(node_b, {.state = NodeState::prepare_promotion, .upstream = node_a});
  group.settle(node_a);
  group.is_stopped(node_a);
  group[node_b].goal_since = group.now - Millis{4999};
  EXPECT_EQ(group.fired(), "nothing");
  group.now += Millis{1};
  EXPECT_EQ(group.fired(), "switchover_called_off");
  group.settle(node_b);
  EXPECT_EQ(group.fired(), "old_primary_drained");
}

TEST(Rule, switchover_called_off_when_the_candidate_was_dropped) {
  Group group = switching_over();
  group.assign(node_b, {.state = NodeState::dropped});
  EXPECT_EQ(group.fired(), "switchover_called_off");
  std::erase_if(group.snapshot.nodes, [](const NodeView& n) { return n.id == node_b; });
  EXPECT_EQ(group.fired(), "switchover_called_off");
}

TEST(Rule, switchover_overdue) {
  Group group = switching_over();
  group.now += group.settings.drain_timeout;
  ASSERT_EQ(group.fired(), "switchover_overdue");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::primary);
  EXPECT_EQ(goal_in(decision, node_a)->sync, (SyncQuorum{1, {node_b}})) << "the quorum never changed";
  EXPECT_EQ(state_in(decision, node_b), NodeState::secondary);
  EXPECT_FALSE(decision->quorum_assigned || decision->quorum_confirmed);
  EXPECT_FALSE(decision->operation->succeeded);
  group.settle(node_a);
  EXPECT_EQ(group.fired(), "nothing") << "it has drained";
}

TEST(Rule, primary_lost_while_draining) {
  Group group = switching_over();
  group.judge(node_a, Verdict::dead);
  ASSERT_EQ(group.fired(), "primary_lost_while_draining");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::demote_timeout);
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
  EXPECT_TRUE(goal_in(group.decision(), node_b)->fence);
  group.snapshot.monitor_trusts_itself = false;
  EXPECT_EQ(group.fired(), "nothing");
  group.snapshot.monitor_trusts_itself = true;
  group.settle(node_a);
  group.is_stopped(node_a);
  EXPECT_EQ(group.fired(), "old_primary_drained") << "it had stopped before it was lost";
}

TEST(Rule, primary_lost_while_draining_lets_all_standbys_elect) {
  Group group = three_at_rest();
  group.assign(node_a, {.state = NodeState::draining, .sync = group[node_a].goal.sync});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .upstream = node_a});
  group.judge(node_a, Verdict::dead);
  ASSERT_EQ(group.fired(), "primary_lost_while_draining") << "with 1 of 2, node_c may have what node_b lacks";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::report_lsn);
}

/// Somebody who adds a rule adds its test.
TEST(Rule, every_rule_has_a_test_of_its_name) {
  const auto* suite = [] {
    const auto& all = *testing::UnitTest::GetInstance();
    for (int i = 0; i < all.total_test_suite_count(); ++i)
      if (all.GetTestSuite(i)->name() == std::string_view("Rule")) return all.GetTestSuite(i);
    return static_cast<const testing::TestSuite*>(nullptr);
  }();
  ASSERT_NE(suite, nullptr);
  for (const RuleInfo& rule : rules()) {
    bool found = false;
    for (int i = 0; i < suite->total_test_count(); ++i) found |= suite->GetTestInfo(i)->name() == rule.name;
    EXPECT_TRUE(found) << rule.name;
    EXPECT_FALSE(rule.sentence.empty());
  }
}

}  // namespace
}  // namespace autoctl::monitor
