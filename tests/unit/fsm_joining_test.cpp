// One test per rule, named after it: joining a group, and which standbys a commit waits for.
#include <gtest/gtest.h>

#include "fsm_group.h"

namespace autoctl::monitor {
namespace {

using namespace test;

/// node_a is `single`, node_b has just registered.
Group newcomer_arrives() {
  Group group;
  group.snapshot.term = group_term;
  group.add(node_a);
  group.assign_and_settle(node_a, {.state = NodeState::single});
  group.serves(node_a, {});
  group.add(node_b);
  return group;
}

/// node_b streams from node_a, which does not wait for it.
Group catching_up() {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.assign_and_settle(node_b, {.state = NodeState::catchingup, .upstream = node_a});
  return group;
}

/// A quorum of node_b alone, though node_c streams as well.
Group quorum_lacks_node_c() {
  Group group = three_at_rest();
  const SyncQuorum narrow{1, {node_b}};
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = narrow;
  group.assign_and_settle(node_a, {.state = NodeState::primary, .sync = narrow});
  group[node_a].facts.sync_in_force = narrow;
  return group;
}

TEST(Rule, first_node_becomes_single) {
  Group group;
  group.add(node_a);
  ASSERT_EQ(group.fired(), "first_node_becomes_single");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::single);
  group.add(node_b);
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::single) << "one of two that come at once";
  EXPECT_EQ(goal_in(group.decision(), node_b), nullptr);
}

TEST(Rule, first_node_becomes_single_only_when_a_dropped_one_is_gone) {
  Group group = newcomer_arrives();
  group.assign(node_a, {.state = NodeState::dropped});
  EXPECT_EQ(group.fired(), "nothing") << "node_a may still accept writes";
  std::erase_if(group.snapshot.nodes, [](const NodeView& n) { return n.id == node_a; });
  EXPECT_EQ(group.fired(), "first_node_becomes_single");
}

TEST(Rule, newcomer_waits_for_primary) {
  Group group = newcomer_arrives();
  ASSERT_EQ(group.fired(), "newcomer_waits_for_primary");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::wait_standby);
  group = pair_at_rest();
  group.judge(node_a, Verdict::suspected);
  group.add(node_c);
  EXPECT_EQ(group.fired(), "newcomer_waits_for_primary") << "also while nobody serves";
}

TEST(Rule, primary_opens_to_newcomer) {
  Group group = newcomer_arrives();
  group.assign(node_b, {.state = NodeState::wait_standby});
  EXPECT_EQ(group.fired(), "nothing") << "node_b does not wait yet";
  group.settle(node_b);
  ASSERT_EQ(group.fired(), "primary_opens_to_newcomer");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
  group[node_a].reported = false;
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, newcomer_starts_copy) {
  Group group = newcomer_arrives();
  group.assign_and_settle(node_b, {.state = NodeState::wait_standby});
  group.assign_and_settle(node_a, {.state = NodeState::wait_primary});
  EXPECT_EQ(group.fired(), "nothing") << "the primary has no slot and HBA line for it yet";
  group[node_a].facts.prepared_peers = {node_b};
  ASSERT_EQ(group.fired(), "newcomer_starts_copy");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
  EXPECT_EQ(goal_in(group.decision(), node_b)->upstream, node_a);
  group[node_a].facts.postgres_running = false;
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, standby_caught_up) {
  Group group = catching_up();
  ASSERT_EQ(group.fired(), "standby_caught_up");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::secondary);
  EXPECT_EQ(goal_in(group.decision(), node_b)->upstream, node_a);
}

TEST(Rule, standby_caught_up_only_when_both_ends_say_so_and_it_is_close) {
  Group group = catching_up();
  group[node_b].facts.receiving = false;
  EXPECT_EQ(group.fired(), "nothing");
  group = catching_up();
  group[node_a].facts.streaming = {};
  EXPECT_EQ(group.fired(), "nothing");
  group = catching_up();
  group[node_b].facts.timeline = Timeline{2};
  EXPECT_EQ(group.fired(), "nothing") << "another history";
  group = catching_up();
  group[node_a].facts.lsn = Lsn{group[node_b].facts.lsn.value + group.settings.catchup_lag_bytes};
  EXPECT_EQ(group.fired(), "standby_caught_up") << "exactly at the limit";
  group[node_a].facts.lsn.value++;
  EXPECT_EQ(group.fired(), "nothing");
  group = catching_up();
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, standby_follows_primary) {
  Group group = quorum_lacks_node_c();
  group.assign_and_settle(node_c, {.state = NodeState::secondary, .upstream = node_b});
  ASSERT_EQ(group.fired(), "standby_follows_primary");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::catchingup);
  EXPECT_EQ(goal_in(group.decision(), node_c)->upstream, node_a);
  group.assign_and_settle(node_c, {.state = NodeState::report_lsn, .upstream = node_a});
  EXPECT_EQ(group.fired(), "standby_follows_primary") << "the loser of an election";
  group[node_a].facts.prepared_peers = {node_b};
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, primary_is_alone) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  std::erase_if(group.snapshot.nodes, [](const NodeView& n) { return n.id == node_b; });
  ASSERT_EQ(group.fired(), "primary_is_alone");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::single);
  EXPECT_EQ(group.decision()->quorum_assigned, SyncQuorum{});
  group.assign_and_settle(node_a, {.state = NodeState::single});
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, quorum_turned_on) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  ASSERT_EQ(group.fired(), "quorum_turned_on");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::primary);
  EXPECT_EQ(goal_in(decision, node_a)->sync, (SyncQuorum{1, {node_b}}));
  EXPECT_EQ(decision->quorum_assigned, (SyncQuorum{1, {node_b}}));
  EXPECT_FALSE(decision->quorum_confirmed) << "only the primary can prove it";
}

TEST(Rule, quorum_turned_on_for_nobody_who_could_block_it) {
  const auto broken_by = [](auto change) {
    Group group = pair_at_rest();
    make_asynchronous(group);
    change(group);
    return group.fired() != "quorum_turned_on";
  };
  EXPECT_TRUE(broken_by([](Group& g) { g[node_b].facts.receiving = false; }));
  EXPECT_TRUE(broken_by([](Group& g) { g[node_a].facts.streaming = {}; }));
  EXPECT_TRUE(broken_by([](Group& g) { g[node_b].replication_quorum = false; }));
  EXPECT_TRUE(broken_by([](Group& g) { g[node_b].facts.term = Term{1}; }));
  EXPECT_TRUE(broken_by([](Group& g) { g.judge(node_b, Verdict::suspected); }));
  EXPECT_TRUE(broken_by([](Group& g) { g[node_a].facts.term = Term{1}; }));
}

/// It was named after the promotion, and may do without acknowledgements no more than before.
TEST(Rule, quorum_turned_on_only_for_as_many_as_the_promoted_primary_waits_for) {
  Group group = three_at_rest();
  make_asynchronous(group);
  group.settings.number_sync_standbys = 2;
  group.assign_and_settle(node_a, {.state = NodeState::wait_primary, .sync = {2, {node_b, node_c}}});
  group.judge(node_c, Verdict::dead);
  EXPECT_EQ(group.fired(), "nothing") << "one is not two";
  group.assign(node_c, {.state = NodeState::dropped});
  ASSERT_EQ(group.fired(), "quorum_turned_on") << "who was dropped never comes back";
  EXPECT_EQ(group.decision()->quorum_assigned, (SyncQuorum{1, {node_b}}));
}

TEST(Rule, quorum_disproved) {
  Group group = pair_at_rest();
  group[node_a].facts.sync_in_force = {};
  ASSERT_EQ(group.fired(), "quorum_disproved") << "somebody changed the names behind our back";
  EXPECT_EQ(group.decision()->quorum_confirmed, SyncQuorum{}) << "nobody is electable";
  EXPECT_FALSE(group.decision()->quorum_assigned);
  group.snapshot.quorum_confirmed = {};
  EXPECT_EQ(group.fired(), "nothing") << "said once";
  group[node_a].facts.term = Term{1};
  group[node_a].facts.sync_in_force = group[node_a].goal.sync;
  EXPECT_EQ(group.fired(), "nothing") << "they are back, but not proved";
  group.settle(node_a);
  EXPECT_EQ(group.fired(), "quorum_confirmed");
}

TEST(Rule, quorum_confirmed) {
  Group group = pair_at_rest();
  group.snapshot.quorum_confirmed = {};
  ASSERT_EQ(group.fired(), "quorum_confirmed");
  EXPECT_EQ(group.decision()->quorum_confirmed, (SyncQuorum{1, {node_b}}));
  EXPECT_TRUE(group.decision()->goals.empty());
}

TEST(Rule, quorum_confirmed_only_on_proof) {
  Group group = pair_at_rest();
  group.snapshot.quorum_confirmed = {};
  group[node_a].facts.sync_in_force = {};
  EXPECT_EQ(group.fired(), "nothing") << "not in force";
  group = pair_at_rest();
  group.snapshot.quorum_confirmed = {};
  group[node_a].facts.term = Term{1};
  EXPECT_EQ(group.fired(), "nothing") << "in force since an earlier goal, perhaps to be turned off in between";
  group = pair_at_rest();
  group.snapshot.quorum_confirmed = {};
  group[node_a].facts.postgres_running = false;
  EXPECT_EQ(group.fired(), "nothing") << "not running";
}

TEST(Rule, quorum_grows) {
  Group group = quorum_lacks_node_c();
  ASSERT_EQ(group.fired(), "quorum_grows");
  EXPECT_EQ(goal_in(group.decision(), node_a)->sync, (SyncQuorum{1, {node_b, node_c}}));
  EXPECT_EQ(group.decision()->quorum_assigned, (SyncQuorum{1, {node_b, node_c}}));
  EXPECT_FALSE(group.decision()->quorum_confirmed);
}

TEST(Rule, quorum_grows_one_proven_step_at_a_time) {
  Group group = quorum_lacks_node_c();
  group.snapshot.quorum_confirmed = {};
  group[node_a].facts.sync_in_force = {};
  EXPECT_EQ(group.fired(), "nothing");
}

TEST(Rule, quorum_grows_to_the_demanded_acknowledgements) {
  Group group = quorum_lacks_node_c();
  group.settings.number_sync_standbys = 2;
  EXPECT_EQ(goal_in(group.decision(), node_a)->sync, (SyncQuorum{2, {node_b, node_c}}));
}

TEST(Rule, quorum_grows_without_those_that_are_gone) {
  Group group = three_at_rest();
  group.judge(node_c, Verdict::dead);
  EXPECT_EQ(group.fired(), "nothing") << "the primary still streams to it";
  group[node_a].facts.streaming = {node_b};
  ASSERT_EQ(group.fired(), "quorum_grows");
  EXPECT_EQ(goal_in(group.decision(), node_a)->sync, (SyncQuorum{1, {node_b}}));
}

TEST(Rule, standby_lost) {
  Group group = pair_at_rest();
  group[node_a].facts.streaming = {};
  EXPECT_EQ(group.fired(), "nothing") << "not lost yet";
  group.judge(node_b, Verdict::dead);
  ASSERT_EQ(group.fired(), "standby_lost");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::wait_primary);
  EXPECT_EQ(state_in(decision, node_b), NodeState::catchingup);
  EXPECT_EQ(decision->quorum_assigned, SyncQuorum{});
  EXPECT_EQ(decision->quorum_confirmed, SyncQuorum{}) << "from this moment on it is not electable";
}

TEST(Rule, standby_lost_when_it_stalls) {
  Group group = pair_at_rest();
  group[node_a].facts.streaming = {};
  group[node_b].stalled_for = group.settings.standby_stall_timeout - Millis{1};
  EXPECT_EQ(group.fired(), "nothing");
  group[node_b].stalled_for += Millis{1};
  EXPECT_EQ(group.fired(), "standby_lost");
}

TEST(Rule, standby_lost_not_while_the_primary_streams_to_it_or_may_not_go_on_alone) {
  Group group = pair_at_rest();
  group.judge(node_b, Verdict::dead);
  EXPECT_EQ(group.fired(), "nothing") << "its keeper is silent, its replication is not";
  group[node_a].facts.streaming = {};
  group.settings.number_sync_standbys = 1;
  EXPECT_EQ(group.fired(), "nothing") << "the user prefers waiting to a promise that one node keeps";
  group.settings.number_sync_standbys = 0;
  group.judge(node_a, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing") << "it could not hear of it, and both would stop being safe";
  EXPECT_EQ(at_rest({node_b, node_c}).fired(), "nothing");
}

TEST(Rule, standby_lost_leaves_the_quorum_when_enough_are_left) {
  Group group = three_at_rest();
  group.judge(node_c, Verdict::dead);
  group[node_a].facts.streaming = {node_b};
  EXPECT_NE(group.fired(), "standby_lost") << "one of two is enough";
}

TEST(Rule, standby_lost_when_somebody_promoted_it) {
  Group group = pair_at_rest();
  group[node_b].facts.in_recovery = group[node_b].facts.receiving = false;
  group[node_b].facts.timeline = Timeline{2};
  ASSERT_EQ(group.fired(), "standby_lost") << "at once, whatever the primary last saw of its replication";
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::wait_primary);
  EXPECT_EQ(state_in(decision, node_b), NodeState::catchingup);
  EXPECT_EQ(decision->quorum_confirmed, SyncQuorum{});
  EXPECT_NE(decision->reason.find("node_b was promoted outside autoctl"), std::string::npos) << decision->reason;
  EXPECT_NE(decision->reason.find("timeline 2"), std::string::npos) << decision->reason;
}

TEST(Rule, standby_forked_off) {
  Group group = three_at_rest();
  group[node_c].facts.in_recovery = group[node_c].facts.receiving = false;
  ASSERT_EQ(group.fired(), "quorum_grows") << "first the primary stops waiting for it";
  EXPECT_EQ(goal_in(group.decision(), node_a)->sync, (SyncQuorum{1, {node_b}}));
  EXPECT_NE(group.decision()->reason.find("node_c was promoted outside autoctl"), std::string::npos);
  group.snapshot.quorum_assigned = {1, {node_b}};
  group.assign(node_a, {.state = NodeState::primary, .sync = {1, {node_b}}});
  EXPECT_EQ(group.fired(), "nothing") << "an election needs it until the primary has confirmed the quorum without it";
  group.settle(node_a);
  group[node_a].facts.sync_in_force = group.snapshot.quorum_confirmed = {1, {node_b}};
  ASSERT_EQ(group.fired(), "standby_forked_off");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::catchingup);
  EXPECT_EQ(goal_in(group.decision(), node_c)->upstream, node_a);

  group[node_c].facts.in_recovery = true;
  EXPECT_EQ(group.fired(), "nothing") << "a standby, whose receiver is on its way";
  group[node_c].facts.timeline = Timeline{2};
  EXPECT_EQ(group.fired(), "standby_forked_off") << "it runs as a standby again, of a history of its own";
  group[node_a].facts.postgres_running = false;
  EXPECT_EQ(group.fired(), "nothing") << "what the primary's history is, it says itself";
  group[node_a].facts.postgres_running = true;
  group[node_c].goal.state = NodeState::catchingup;
  EXPECT_EQ(group.fired(), "nothing") << "it is joining";
}

/// A primary that may not go on alone waits for it, and it comes back all the same.
TEST(Rule, standby_forked_off_from_a_primary_that_waits_for_it) {
  Group group = pair_at_rest();
  group.settings.number_sync_standbys = 1;
  group[node_b].facts.in_recovery = group[node_b].facts.receiving = false;
  EXPECT_EQ(group.fired(), "standby_forked_off");
  EXPECT_EQ(why_not_electable(group.snapshot, group[node_b]), "its Postgres is not a running standby");
}

TEST(Rule, standby_stalled) {
  Group group = three_at_rest();
  group[node_a].facts.streaming = {node_b};
  group[node_c].facts.receiving = false;
  group[node_c].stalled_for = group.settings.standby_stall_timeout;
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {1, {node_b}};
  group.assign_and_settle(node_a, {.state = NodeState::primary, .sync = {1, {node_b}}});
  group[node_a].facts.sync_in_force = {1, {node_b}};
  ASSERT_EQ(group.fired(), "standby_stalled");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::catchingup);
  EXPECT_EQ(goal_in(group.decision(), node_c)->upstream, node_a);
  group[node_c].facts.term = Term{1};
  EXPECT_EQ(group.fired(), "standby_stalled")
      << "a secondary never gives up its data, so that it can be stuck half-way";
  group[node_c].goal.state = NodeState::catchingup;
  EXPECT_EQ(group.fired(), "nothing") << "it is joining";
  group.settle(node_c);
  EXPECT_EQ(group.fired(), "standby_stalled") << "it had joined";
  group[node_c].stalled_for -= Millis{1};
  EXPECT_EQ(group.fired(), "nothing");
  group[node_c].stalled_for += Millis{1};
  group.snapshot.quorum_confirmed = {1, {node_b, node_c}};
  group[node_a].facts.term = Term{1};
  EXPECT_EQ(group.fired(), "nothing") << "an election needs it until the primary has confirmed the quorum without it";
  group.settle(node_a);
  group.snapshot.quorum_confirmed = {1, {node_b}};
  group[node_a].facts.streaming = {node_b, node_c};
  EXPECT_EQ(group.fired(), "nothing") << "the primary streams to it";
}

/// A primary that was called back proves its quorum before it says `primary`, and may have nobody but this standby.
TEST(Stalled, joins_a_primary_that_waits_for_it) {
  Group group = pair_at_rest();
  group.settings.number_sync_standbys = 1;
  group[node_a].facts.state = NodeState::demote_timeout;
  group[node_a].facts.term = Term{1};
  group[node_a].facts.streaming = {};
  group.assign_and_settle(node_b, {.state = NodeState::catchingup, .upstream = node_a});
  group[node_b].facts.receiving = false;
  group[node_b].stalled_for = group.settings.standby_stall_timeout;
  EXPECT_EQ(group.fired(), "standby_stalled");
}

TEST(Electable, says_why_not) {
  Group group = pair_at_rest();
  const auto why = [&] { return why_not_electable(group.snapshot, group[node_b]).value_or(""); };
  EXPECT_EQ(why(), "");
  EXPECT_EQ(why_not_electable(group.snapshot, group[node_a]), "it is the primary");
  group[node_b].candidate_priority = 0;
  EXPECT_NE(why().find("priority"), std::string::npos);
  group = pair_at_rest();
  group.snapshot.quorum_confirmed = {};
  EXPECT_NE(why().find("may lack acknowledged commits"), std::string::npos);
  group = pair_at_rest();
  group.judge(node_b, Verdict::suspected);
  EXPECT_NE(why().find("suspected"), std::string::npos);
  group = pair_at_rest();
  group[node_b].facts.postgres_running = false;
  EXPECT_NE(why().find("Postgres"), std::string::npos);
}

TEST(Electable, a_lease_is_needed_exactly_while_another_node_could_be_elected) {
  Group group = pair_at_rest();
  EXPECT_TRUE(another_node_is_electable(group.snapshot));
  group.judge(node_b, Verdict::dead);
  EXPECT_TRUE(another_node_is_electable(group.snapshot)) << "it may come back sooner than the primary hears of it";
  make_asynchronous(group);
  EXPECT_FALSE(another_node_is_electable(group.snapshot));
}

TEST(WaitingFor, is_silent_at_rest_and_names_what_is_missing) {
  Group group = pair_at_rest();
  const auto text = [&] { return waiting_for(group.snapshot, group.settings, group.now); };
  EXPECT_EQ(text(), "");
  group.judge(node_a, Verdict::suspected);
  EXPECT_NE(text().find("node_a is suspected"), std::string::npos);
  group.judge(node_b, Verdict::dead);
  EXPECT_NE(text().find("node_b cannot take over"), std::string::npos);
  group = catching_up();
  group[node_b].facts.term = Term{1};
  group[node_b].facts.progress_percent = 40;
  EXPECT_NE(text().find("40 %"), std::string::npos);
}

}  // namespace
}  // namespace autoctl::monitor
