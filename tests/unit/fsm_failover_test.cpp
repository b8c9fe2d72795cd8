// One test per rule, named after it: it fires when it should and not when it must not. Failover is here; joining and
// the quorum, switchovers and forced failovers have files of their own.
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

TEST(Rule, primary_is_dead_waits_for_an_operator_where_failovers_are_manual) {
  Group group = pair_at_rest();
  group.judge(node_a, Verdict::dead);
  group.settings.manual_failover = {.groups = {0}};
  EXPECT_EQ(group.fired(), "nothing");
  ASSERT_TRUE(withheld(group.snapshot, group.settings, group.now));
  EXPECT_EQ(withheld(group.snapshot, group.settings, group.now)->rule, "primary_is_dead");
  EXPECT_NE(waiting_for(group.snapshot, group.settings, group.now).find("autoctl perform failover"), std::string::npos);
  group.request_switchover();
  EXPECT_EQ(group.fired(), "primary_is_dead");
  group.snapshot.operation.reset();
  group.settings.manual_failover = {.groups = {1, 2}};
  EXPECT_EQ(group.fired(), "primary_is_dead") << "other groups' are";
  group.settings.manual_failover = {.all = true};
  EXPECT_EQ(group.fired(), "nothing");
  group.judge(node_a, Verdict::healthy);
  EXPECT_FALSE(withheld(group.snapshot, group.settings, group.now)) << "nothing would be decided";
  group.request_switchover();
  EXPECT_EQ(group.fired(), "switchover_starts") << "as always";
}

TEST(Rule, primary_cannot_write_waits_for_an_operator_where_failovers_are_manual) {
  Group group = pair_at_rest();
  group[node_a].facts.cannot_write = true;
  group.settings.manual_failover = {.all = true};
  EXPECT_EQ(group.fired(), "nothing");
  group.settings.manual_failover = {};
  EXPECT_EQ(group.fired(), "primary_cannot_write");
}

TEST(Rule, candidate_promoted_ends_an_operators_wish_for_another_primary) {
  Group group = failing_over();
  group.request_switchover();
  group.assign_and_settle(node_b, {.state = NodeState::stop_replication});
  group.serves(node_b, {});
  ASSERT_EQ(group.fired(), "candidate_promoted");
  EXPECT_EQ(group.decision()->operation_target, node_b) << "the primary has moved: it does not move once more";
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

namespace {

/// The standby hears nothing for so long, and finds the primary's port as given.
void cut(Group& group, NodeId standby, Millis since, PortState port = PortState::silent) {
  group[standby].facts.receiving = false;
  group[standby].facts.upstream_port = port;
  group[standby].stalled_for = since;
  std::erase(group[node_a].facts.streaming, standby);
}

}  // namespace

TEST(Rule, primary_is_cut_off) {
  Group group = three_at_rest();
  cut(group, node_b, group.settings.primary_cut_timeout);
  EXPECT_EQ(group.fired(), "nothing") << "the other standby acknowledges";
  cut(group, node_c, group.settings.primary_cut_timeout - Millis{1});
  EXPECT_EQ(group.fired(), "nothing") << "a cut of a moment";
  cut(group, node_c, group.settings.primary_cut_timeout);
  ASSERT_EQ(group.fired(), "primary_is_cut_off");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  EXPECT_EQ(state_in(decision, node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(decision, node_c), NodeState::report_lsn);
  EXPECT_NE(decision->reason.find("node_b, node_c cannot reach it"), std::string::npos) << decision->reason;
  group.settings.manual_failover.all = true;
  EXPECT_EQ(group.fired(), "nothing");
}

/// Its keeper hears the monitor, and commits wait: as the standbys say, or as the primary says.
TEST(Rule, primary_is_cut_off_needs_longer_where_its_port_answers) {
  Group group = three_at_rest();
  for (const NodeId id : {node_b, node_c}) cut(group, id, group.settings.primary_cut_timeout * 2, PortState::open);
  EXPECT_EQ(group.fired(), "nothing") << "hosts may be busy";
  for (const NodeId id : {node_b, node_c}) cut(group, id, group.settings.standby_stall_timeout, PortState::open);
  EXPECT_EQ(group.fired(), "primary_is_cut_off");
}

TEST(Rule, primary_is_cut_off_only_where_a_successor_could_acknowledge) {
  Group pair = pair_at_rest();
  cut(pair, node_b, Millis{60'000});
  EXPECT_EQ(pair.fired(), "standby_lost") << "it goes on alone";

  Group two_of_two = at_rest({node_b, node_c}, 2);
  two_of_two.settings.number_sync_standbys = 2;
  for (const NodeId id : {node_b, node_c}) cut(two_of_two, id, Millis{60'000});
  EXPECT_NE(two_of_two.fired(), "primary_is_cut_off") << "the winner would wait for the old primary";

  Group down = three_at_rest();
  for (const NodeId id : {node_b, node_c}) cut(down, id, Millis{60'000});
  down[node_c].facts.postgres_running = false;
  EXPECT_NE(down.fired(), "primary_is_cut_off") << "a standby that does not run is no witness";

  Group restarts = three_at_rest();
  for (const NodeId id : {node_b, node_c}) cut(restarts, id, Millis{60'000});
  restarts[node_a].facts.postgres_running = false;
  EXPECT_NE(restarts.fired(), "primary_is_cut_off") << "its Postgres is being restarted in place";
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

/// The only voter that was here became the candidate at once; then an operator dropped it, and another is back.
TEST(Rule, candidate_lost_because_it_was_dropped) {
  Group group = three_at_rest();
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {2, {node_b, node_c}};
  group.judge(node_a, Verdict::dead);
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign(node_b, {.state = NodeState::dropped});
  group.judge(node_c, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing");
  group.judge(node_c, Verdict::healthy);
  ASSERT_EQ(group.fired(), "candidate_lost") << "with 2 of 2 node_c has everything, too";
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {1, {node_b, node_c}};
  EXPECT_EQ(group.fired(), "nothing") << "node_c alone may lack a commit";
  group.judge(node_a, Verdict::healthy);
  EXPECT_EQ(group.fired(), "election_called_off");
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

}  // namespace
}  // namespace autoctl::monitor
