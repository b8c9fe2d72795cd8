// One test per rule, named after it: it fires when it should and not when it must not. Failover and hand-over are here;
// joining and the quorum are in fsm_joining_test.cpp.
#include <gtest/gtest.h>

#include "fsm_group.h"

namespace autoctl::monitor {
namespace {

using namespace test;

TEST(Rule, nothing_fires_at_rest) {
  EXPECT_EQ(pair_at_rest().fired(), "nothing");
  EXPECT_EQ(three_at_rest().fired(), "nothing");
}

TEST(Rule, primary_is_dead) {
  Group group = pair_at_rest();
  group.judge(node_a, Verdict::dead);
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "primary_is_dead");
  EXPECT_EQ(decision->term, Term{group_term.value + 1});
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  EXPECT_EQ(state_in(decision, node_b), NodeState::prepare_promotion);
  EXPECT_TRUE(goal_in(decision, node_b)->fence);
  EXPECT_FALSE(decision->quorum_assigned) << "until somebody is told to promote, everything can be taken back";
}

TEST(Rule, primary_is_dead_needs_a_conclusive_verdict_and_a_monitor_that_trusts_itself) {
  for (Verdict verdict : {Verdict::suspected, Verdict::unreachable}) {
    Group group = pair_at_rest();
    group.judge(node_a, verdict);
    EXPECT_EQ(group.fired(), "nothing") << to_string(verdict);
  }
  Group group = pair_at_rest();
  group.judge(node_a, Verdict::dead);
  group.snapshot.monitor_trusts_itself = false;
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, primary_is_dead_needs_its_standby_in_both_quorums) {
  Group group = pair_at_rest();
  group.judge(node_a, Verdict::dead);
  group.snapshot.quorum_confirmed = {};  // assigned, but the primary has not proved it
  group[node_a].facts.term = Term{1};
  EXPECT_EQ(group.fired(), "nothing");
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned;
  group.snapshot.quorum_assigned = {};  // proved, but the primary may acknowledge alone by now
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, primary_is_dead_asks_all_standbys_how_far_they_got) {
  Group group = three_at_rest();
  group.judge(node_a, Verdict::dead);
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "primary_is_dead");
  EXPECT_EQ(state_in(decision, node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(decision, node_c), NodeState::report_lsn);
  group.judge(node_c, Verdict::dead);
  EXPECT_EQ(group.fired(), "nothing") << "the missing one may be the only one with the last commit (1 of 2)";
}

TEST(Rule, primary_is_dead_goes_without_a_standby_that_every_commit_does_without) {
  Group group = at_rest({node_b, node_c}, 2);
  group.judge(node_a, Verdict::dead);
  group.judge(node_c, Verdict::dead);
  ASSERT_EQ(group.fired(), "primary_is_dead") << "with 2 of 2 each has everything";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
}

TEST(Rule, primary_cannot_write) {
  Group group = pair_at_rest();
  EXPECT_EQ(group.fired(), "nothing");
  group[node_a].facts.cannot_write = true;
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "primary_cannot_write");
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  EXPECT_EQ(state_in(decision, node_b), NodeState::prepare_promotion);
  EXPECT_TRUE(goal_in(decision, node_b)->fence) << "the old primary lives: its quorum has to be fenced";
  group[node_b].facts.cannot_write = true;
  EXPECT_EQ(group.fired(), "nothing") << "the standby's disk is full, too";
}

TEST(Rule, primary_was_dropped) {
  Group group = pair_at_rest();
  group.assign(node_a, {.state = NodeState::dropped});
  EXPECT_EQ(group.fired(), "nothing") << "it is alive and has not stopped yet";
  group.settle(node_a);
  group.is_stopped(node_a);
  EXPECT_EQ(group.fired(), "primary_was_dropped");
  std::erase_if(group.snapshot.nodes, [](const NodeView& n) { return n.id == node_a; });
  EXPECT_EQ(group.fired(), "primary_was_dropped") << "also when it is forgotten already";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
}

TEST(Rule, primary_was_dropped_while_it_handed_over) {
  Group group = switching_over();
  group.assign_and_settle(node_a, {.state = NodeState::dropped});
  group.is_stopped(node_a);
  ASSERT_EQ(group.fired(), "primary_was_dropped");
  EXPECT_TRUE(goal_in(group.decision(), node_b)->fence);
  EXPECT_NE(failing_over().fired(), "primary_was_dropped");
}

Group electing() {
  Group group = three_at_rest();
  group.judge(node_a, Verdict::dead);
  group.assign(node_a, {.state = NodeState::demote_timeout});
  for (NodeId id : {node_b, node_c}) {
    group.assign_and_settle(id, {.state = NodeState::report_lsn});
    group.is_fenced(id);
  }
  return group;
}

TEST(Rule, standbys_elect) {
  Group group = electing();
  group.is_fenced(node_c, Lsn{2000});
  ASSERT_EQ(group.fired(), "standbys_elect");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion) << "it has the most";
  EXPECT_TRUE(goal_in(group.decision(), node_c)->fence);
  EXPECT_EQ(goal_in(group.decision(), node_b), nullptr);
}

TEST(Rule, standbys_elect_by_priority_then_timeline_then_lsn) {
  Group group = electing();
  group.is_fenced(node_b, Lsn{900});
  group[node_a].facts.timeline = group[node_b].facts.timeline = Timeline{2};
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion) << "a newer timeline beats a larger LSN";
  group = electing();
  group[node_c].candidate_priority = 60;
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion) << "equals: the priority decides";
  group[node_c].candidate_priority = 50;
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion) << "all equal: the lowest id";
}

TEST(Rule, standbys_elect_waits_for_whoever_may_have_more) {
  Group group = electing();
  group[node_c].facts.term = Term{1};
  EXPECT_EQ(group.fired(), "nothing") << "node_c is alive and about to tell";
  group.judge(node_c, Verdict::dead);
  EXPECT_EQ(group.fired(), "nothing") << "with 1 of 2, node_b alone may lack a commit";
}

TEST(Rule, standbys_elect_lets_the_winner_fetch_what_it_lacks) {
  Group group = electing();
  group[node_b].candidate_priority = 60;
  group.is_fenced(node_c, Lsn{2000});
  ASSERT_EQ(group.fired(), "standbys_elect");
  const auto decision = group.decision();
  ASSERT_EQ(state_in(decision, node_b), NodeState::fast_forward);
  EXPECT_EQ(goal_in(decision, node_b)->upstream, node_c) << "never itself";
  EXPECT_EQ(goal_in(decision, node_b)->await_lsn, Lsn{2000});
  EXPECT_EQ(goal_in(decision, node_c), nullptr) << "it stays fenced";
}

TEST(Rule, standbys_elect_without_one_that_never_tells_if_it_may_lack_nothing) {
  Group group = electing();
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {2, {node_b, node_c}};
  group[node_c].facts.term = Term{1};
  EXPECT_EQ(group.fired(), "nothing") << "give it time";
  group[node_c].goal_since = group.now - std::chrono::hours(1);
  EXPECT_EQ(group.fired(), "standbys_elect") << "with 2 of 2, node_b has everything";
}

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

TEST(Rule, voter_returns) {
  Group group = electing();
  group.assign_and_settle(node_c, {.state = NodeState::secondary, .upstream = node_a});
  group.judge(node_c, Verdict::unreachable);
  EXPECT_EQ(group.fired(), "nothing");
  group.judge(node_c, Verdict::healthy);
  ASSERT_EQ(group.fired(), "voter_returns");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::report_lsn);
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {1, {node_b}};
  EXPECT_EQ(group.fired(), "standbys_elect") << "what node_c has does not matter";
}

/// node_b, of higher priority, fetches from node_c what it lacks.
Group fast_forwarding() {
  Group group = electing();
  group[node_b].candidate_priority = 60;
  group.is_fenced(node_c, Lsn{2000});
  group.assign(node_b, {.state = NodeState::fast_forward, .upstream = node_c, .await_lsn = Lsn{2000}});
  return group;
}

TEST(Rule, fast_forward_failed) {
  Group group = fast_forwarding();
  EXPECT_EQ(group.fired(), "nothing");
  group.judge(node_c, Verdict::dead);
  ASSERT_EQ(group.fired(), "fast_forward_failed");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn);
  group.judge(node_c, Verdict::healthy);
  group[node_b].goal_since = group.now - std::chrono::hours(1);
  ASSERT_EQ(group.fired(), "fast_forward_failed") << "the WAL may be gone";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion) << "it has everything";
  group[node_c].candidate_priority = 0;
  EXPECT_EQ(goal_in(group.decision(), node_c), nullptr) << "then node_b tries again";
  group.judge(node_a, Verdict::healthy);
  group.settle(node_a);
  ASSERT_EQ(group.fired(), "election_called_off") << "node_b may try for ever: who has everything goes on";
  EXPECT_TRUE(is_leader_state(state_in(group.decision(), node_a)));
}

TEST(Rule, candidate_is_fenced_after_it_has_fetched_what_it_lacked) {
  Group group = fast_forwarding();
  group.settle(node_b);
  group.is_fenced(node_b, Lsn{2000});
  ASSERT_EQ(group.fired(), "candidate_is_fenced");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::stop_replication);
}

TEST(Rule, candidate_lost_while_it_fetches) {
  Group group = fast_forwarding();
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {2, {node_b, node_c}};
  group.judge(node_b, Verdict::dead);
  ASSERT_EQ(group.fired(), "candidate_lost");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
}

TEST(Rule, standbys_elect_ignores_who_is_in_no_quorum) {
  Group group = electing();
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {1, {node_b}};
  group.is_fenced(node_c, Lsn{2000});
  ASSERT_EQ(group.fired(), "standbys_elect");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
}

TEST(Rule, election_called_off) {
  Group group = failing_over();
  group.judge(node_b, Verdict::dead);
  EXPECT_EQ(group.fired(), "nothing") << "both are gone";
  group.judge(node_a, Verdict::healthy);
  ASSERT_EQ(group.fired(), "election_called_off");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::wait_primary);
  EXPECT_EQ(state_in(decision, node_b), NodeState::catchingup);
  EXPECT_EQ(decision->quorum_assigned, SyncQuorum{}) << "nobody is electable until it has proved itself again";
  EXPECT_EQ(decision->quorum_confirmed, SyncQuorum{});
  group.judge(node_b, Verdict::unreachable);
  EXPECT_EQ(group.fired(), "election_called_off") << "its Postgres may run, but nobody can command it";
  group[node_a].facts.cannot_run = true;
  EXPECT_EQ(group.fired(), "nothing") << "a primary that cannot run is no way out";
}

TEST(Rule, election_called_off_never_after_the_candidate_was_told_to_promote) {
  Group group = failing_over();
  group.assign(node_b, {.state = NodeState::stop_replication});
  group.snapshot.quorum_assigned = group.snapshot.quorum_confirmed = {};
  group.judge(node_a, Verdict::healthy);
  group.judge(node_b, Verdict::dead);
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, election_called_off_when_too_few_voters_are_left) {
  Group group = electing();
  group.judge(node_a, Verdict::healthy);
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing") << "it may be back at once";
  group.judge(node_b, Verdict::dead);
  ASSERT_EQ(group.fired(), "election_called_off");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::catchingup);
}

TEST(Rule, candidate_lost) {
  Group group = electing();
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {2, {node_b, node_c}};
  group.assign(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  EXPECT_EQ(group.fired(), "nothing");
  group.judge(node_b, Verdict::dead);
  ASSERT_EQ(group.fired(), "candidate_lost") << "with 2 of 2 node_c has everything, too";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn) << "one candidate at a time";
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {1, {node_b, node_c}};
  EXPECT_EQ(group.fired(), "nothing") << "node_c alone may lack a commit";
}

TEST(Rule, candidate_is_fenced) {
  Group group = failing_over();
  ASSERT_EQ(group.fired(), "candidate_is_fenced");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_b), NodeState::stop_replication);
  EXPECT_TRUE(goal_in(decision, node_b)->sync.asynchronous());
  EXPECT_EQ(decision->quorum_assigned, SyncQuorum{}) << "from now on only the candidate can be the primary";
  group.settings.number_sync_standbys = 1;
  EXPECT_EQ(goal_in(group.decision(), node_b)->sync, (SyncQuorum{1, {node_a}}));
}

TEST(Rule, candidate_is_fenced_only_by_its_own_fresh_word) {
  Group group = failing_over();
  group[node_b].facts.receiving = true;
  EXPECT_EQ(group.fired(), "nothing") << "it may still acknowledge to the old primary";
  group = failing_over();
  group[node_b].facts.term = Term{1};
  EXPECT_EQ(group.fired(), "nothing") << "that was about an earlier goal";
  group = failing_over();
  group[node_b].goal.fence = false;
  EXPECT_EQ(group.fired(), "nothing") << "a planned hand-over waits for the old primary";
  group = failing_over();
  group[node_b].reported = false;
  EXPECT_EQ(group.fired(), "nothing") << "nothing was heard since the monitor started";
}

TEST(Rule, candidate_is_fenced_tells_nobody_to_promote_who_is_gone) {
  Group group = failing_over();
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing");
  group = failing_over();
  group[node_b].facts.postgres_running = false;
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, candidate_is_fenced_waits_for_the_lease_if_asked) {
  Group group = failing_over();
  group.settings.promotion_waits_for_lease = true;
  group[node_a].lease_until = group.now + Millis{1};
  EXPECT_EQ(group.fired(), "nothing");
  group.now += Millis{1};
  EXPECT_EQ(group.fired(), "candidate_is_fenced");
  group.now -= Millis{1};
  group.settle(node_a);
  EXPECT_EQ(group.fired(), "candidate_is_fenced") << "the old primary says itself that it has stopped";
}

TEST(Rule, candidate_promoted) {
  Group group = failing_over();
  group.assign_and_settle(node_b, {.state = NodeState::stop_replication});
  EXPECT_EQ(group.fired(), "nothing") << "it is still in recovery";
  group.serves(node_b, {});
  ASSERT_EQ(group.fired(), "candidate_promoted");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::wait_primary);
  group[node_b].goal.sync = {1, {node_a}};
  ASSERT_EQ(state_in(group.decision(), node_b), NodeState::wait_primary) << "nobody has shown yet to follow it";
  EXPECT_EQ(goal_in(group.decision(), node_b)->sync, (SyncQuorum{1, {node_a}}));
}

TEST(Rule, old_primary_rejoins) {
  Group group = failing_over();
  make_asynchronous(group);
  group.assign_and_settle(node_b, {.state = NodeState::wait_primary});
  group.serves(node_b, {node_a});
  group[node_b].facts.streaming = {};
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.is_stopped(node_a);
  EXPECT_EQ(group.fired(), "nothing") << "it is not there, or has not stopped";
  group.settle(node_a);
  EXPECT_EQ(group.fired(), "nothing") << "not healthy";
  group.judge(node_a, Verdict::healthy);
  ASSERT_EQ(group.fired(), "old_primary_rejoins");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::catchingup);
  EXPECT_EQ(goal_in(group.decision(), node_a)->upstream, node_b);
  group[node_b].facts.prepared_peers = {};
  EXPECT_EQ(group.fired(), "nothing") << "the new primary has no slot and HBA line for it";
}

TEST(Rule, old_primary_rejoins_a_promoted_node_that_waits_for_it) {
  Group group = failing_over();
  group.settings.number_sync_standbys = 1;
  group.assign_and_settle(node_a, {.state = NodeState::demote_timeout});
  group.is_stopped(node_a);
  group.judge(node_a, Verdict::healthy);
  group.assign_and_settle(node_b, {.state = NodeState::stop_replication, .sync = {1, {node_a}}});
  group.serves(node_b, {node_a});
  group.assign(node_b, {.state = NodeState::primary, .sync = {1, {node_a}}});
  EXPECT_EQ(group.fired(), "old_primary_rejoins") << "`primary` cannot be reached without a standby";
}

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
  group.judge(node_b, Verdict::dead);
  group.request_switchover({}, Millis{1000});
  EXPECT_EQ(group.fired(), "nothing") << "a group that is just settling gets a moment";
  group.request_switchover({}, Millis{10'000});
  ASSERT_EQ(group.fired(), "switchover_refused");
  ASSERT_TRUE(group.decision()->operation);
  EXPECT_FALSE(group.decision()->operation->succeeded);
  EXPECT_NE(group.decision()->operation->message.find("node_b"), std::string::npos);
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
