// Nodes go out of service and come back.
#include <gtest/gtest.h>

#include "fsm_group.h"
#include "keeper/core/role.h"
#include "keeper/core/transitions.h"
#include "monitor/fsm/maintenance.h"

namespace autoctl::monitor {
namespace {

using namespace test;
using Kind = MaintenanceRequest::Kind;

void ask(Group& group, Kind kind, NodeId node, Millis ago = Millis{0}) {
  group.snapshot.maintenance = MaintenanceRequest{.kind = kind, .node = node, .requested_at = group.now - ago};
}

/// node_c is in maintenance, the others go on without it.
Group one_in_maintenance() {
  Group group = three_at_rest();
  const SyncQuorum quorum{1, {node_b}};
  group.assign_and_settle(node_a, {.state = NodeState::primary, .sync = quorum});
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = quorum;
  group.serves(node_a, {node_b});
  group[node_a].facts.prepared_peers = {node_b, node_c};
  group.assign_and_settle(node_c, {.state = NodeState::maintenance, .upstream = node_a});
  group[node_c].facts.postgres_running = group[node_c].facts.receiving = false;
  return group;
}

TEST(Rule, standby_lost_lets_the_last_standby_go_to_maintenance) {
  Group group = pair_at_rest();
  ask(group, Kind::begin, node_b);
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "standby_lost");
  EXPECT_EQ(state_in(decision, node_a), NodeState::wait_primary);
  EXPECT_EQ(state_in(decision, node_b), NodeState::wait_maintenance) << "it streams until the primary has heard";
  EXPECT_TRUE(decision->quorum_confirmed->asynchronous());
}

TEST(Rule, quorum_grows_without_the_standby_that_goes_to_maintenance) {
  Group group = three_at_rest();
  ask(group, Kind::begin, node_c);
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "quorum_grows");
  EXPECT_EQ(decision->quorum_assigned, (SyncQuorum{1, {node_b}}));
  EXPECT_FALSE(decision->quorum_confirmed) << "an election needs both until the primary has proved it";
  EXPECT_EQ(goal_in(decision, node_c), nullptr) << "it stays a secondary as long as an election may need it";
}

TEST(Rule, maintenance_starts) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.assign_and_settle(node_b, {.state = NodeState::wait_maintenance, .upstream = node_a});
  ask(group, Kind::begin, node_b);
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "maintenance_starts");
  EXPECT_EQ(state_in(decision, node_b), NodeState::maintenance);
  EXPECT_EQ(goal_in(decision, node_b)->upstream, node_a);
}

TEST(Rule, maintenance_starts_not_before_the_primary_can_do_without) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.assign(node_a, {.state = NodeState::wait_primary});
  group.assign_and_settle(node_b, {.state = NodeState::wait_maintenance, .upstream = node_a});
  ask(group, Kind::begin, node_b);
  EXPECT_EQ(group.fired(), "nothing") << "commits still wait for it";
  group = three_at_rest();
  const SyncQuorum without{1, {node_b}};
  group.assign(node_a, {.state = NodeState::primary, .sync = without});
  group.snapshot.quorum_assigned = without;
  ask(group, Kind::begin, node_c);
  EXPECT_EQ(group.fired(), "nothing") << "it may be the only one with the last commit";
}

TEST(Rule, maintenance_starts_for_a_primary_that_has_handed_over) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.assign_and_settle(node_b, {.state = NodeState::demoted});
  group[node_b].facts.postgres_running = group[node_b].facts.receiving = false;
  ask(group, Kind::begin, node_b);
  ASSERT_EQ(group.fired(), "maintenance_starts");
}

TEST(Rule, maintenance_reached) {
  Group group = one_in_maintenance();
  ask(group, Kind::begin, node_c);
  ASSERT_EQ(group.fired(), "maintenance_reached");
  EXPECT_TRUE(group.decision()->operation->succeeded);
  group.assign(node_c, {.state = NodeState::maintenance, .upstream = node_a});
  EXPECT_EQ(group.fired(), "nothing") << "it has not heard yet";
  group.judge(node_c, Verdict::unreachable);
  EXPECT_EQ(group.fired(), "maintenance_reached") << "it is switched off: so be it";
}

TEST(Rule, maintenance_refused) {
  Group group = three_at_rest();
  ask(group, Kind::begin, node_a);
  ASSERT_EQ(group.fired(), "maintenance_refused") << "it became the primary meanwhile";
  EXPECT_FALSE(group.decision()->operation->succeeded);

  group = pair_at_rest();
  group.settings.number_sync_standbys = 1;
  ask(group, Kind::begin, node_b);
  EXPECT_EQ(group.fired(), "nothing") << "another standby may be about to come";
  ask(group, Kind::begin, node_b, Millis{6000});
  EXPECT_EQ(group.fired(), "maintenance_refused") << "commits would wait for ever";

  group = three_at_rest();
  group.judge(node_a, Verdict::unreachable);
  ask(group, Kind::begin, node_c, Millis{6000});
  EXPECT_EQ(group.fired(), "nothing");
  ask(group, Kind::begin, node_c, group.settings.drain_timeout);
  EXPECT_EQ(group.fired(), "maintenance_refused");
}

TEST(Rule, maintenance_ends) {
  Group group = one_in_maintenance();
  ask(group, Kind::end, node_c);
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "maintenance_ends");
  EXPECT_EQ(state_in(decision, node_c), NodeState::catchingup);
  EXPECT_EQ(goal_in(decision, node_c)->upstream, node_a);
  EXPECT_TRUE(decision->operation->succeeded);
}

TEST(Rule, maintenance_ends_with_a_fresh_copy) {
  Group group = one_in_maintenance();
  ask(group, Kind::end, node_c);
  EXPECT_FALSE(goal_in(group.decision(), node_c)->fresh_copy);
  group.snapshot.maintenance->fresh_copy = true;
  const auto decision = group.decision();
  ASSERT_EQ(group.fired(), "maintenance_ends");
  EXPECT_EQ(state_in(decision, node_c), NodeState::catchingup);
  EXPECT_TRUE(goal_in(decision, node_c)->fresh_copy);
}

TEST(Rule, standby_follows_primary_and_is_still_copied_as_it_was_told) {
  Group group = one_in_maintenance();
  group.assign(node_c, {.state = NodeState::catchingup, .upstream = node_b, .fresh_copy = true});
  ASSERT_EQ(group.fired(), "standby_follows_primary") << "the primary has changed before it was copied";
  EXPECT_TRUE(goal_in(group.decision(), node_c)->fresh_copy);
  group.assign_and_settle(node_c, {.state = NodeState::catchingup, .upstream = node_b, .fresh_copy = true});
  ASSERT_EQ(group.fired(), "standby_follows_primary");
  EXPECT_FALSE(goal_in(group.decision(), node_c)->fresh_copy) << "it has its copy";
}

TEST(Rule, maintenance_end_refused) {
  Group group = one_in_maintenance();
  group.assign_and_settle(node_a, {.state = NodeState::demoted});
  group.assign_and_settle(node_b, {.state = NodeState::report_lsn});
  group.judge(node_b, Verdict::unreachable);
  ask(group, Kind::end, node_c);
  EXPECT_NE(group.fired(), "maintenance_end_refused") << "a primary may be about to be there";
  ask(group, Kind::end, node_c, Millis{6000});
  ASSERT_EQ(group.fired(), "maintenance_end_refused");
  EXPECT_FALSE(group.decision()->operation->succeeded);
}

TEST(Rule, standby_follows_primary_after_its_maintenance_was_called_off) {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.assign_and_settle(node_b, {.state = NodeState::wait_maintenance, .upstream = node_a});
  ASSERT_EQ(group.fired(), "standby_follows_primary");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
}

TEST(Maintenance, nothing_is_decided_about_a_node_in_it) {
  Group group = one_in_maintenance();
  EXPECT_EQ(group.fired(), "nothing");
  for (Verdict verdict : {Verdict::suspected, Verdict::unreachable, Verdict::dead}) {
    group.judge(node_c, verdict);
    EXPECT_EQ(group.fired(), "nothing");
  }
  EXPECT_EQ(waiting_for(group.snapshot, group.settings, group.now), "node_c is in maintenance");
  group.judge(node_a, Verdict::dead);
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_b), NodeState::prepare_promotion);
  EXPECT_EQ(goal_in(decision, node_c), nullptr) << "it is never elected, nor asked";
}

TEST(Maintenance, a_new_primary_does_not_wait_for_who_is_in_it) {
  Group group = one_in_maintenance();
  group.settings.number_sync_standbys = 1;
  group.judge(node_a, Verdict::dead);
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  group.is_fenced(node_b);
  ASSERT_EQ(group.fired(), "candidate_is_fenced");
  EXPECT_EQ(group.decision()->quorum_assigned, (SyncQuorum{1, {node_a}}));
}

TEST(Maintenance, who_can_be_spared) {
  Group group = three_at_rest();
  group.settings.number_sync_standbys = 1;
  EXPECT_EQ(why_indispensable(group.snapshot, group.settings, group[node_c]), "");
  EXPECT_EQ(why_indispensable(group.snapshot, group.settings, group[node_a]), "") << "one of two takes over";
  group.judge(node_b, Verdict::dead);
  EXPECT_NE(why_indispensable(group.snapshot, group.settings, group[node_c]), "");
  group.settings.number_sync_standbys = 0;
  EXPECT_EQ(why_indispensable(group.snapshot, group.settings, group[node_c]), "") << "the primary goes on alone";
  group = pair_at_rest();
  group.settings.number_sync_standbys = 1;
  EXPECT_NE(why_indispensable(group.snapshot, group.settings, group[node_a]), "");
}

TEST(Maintenance, whatever_was_there_before_is_left_as_a_standby) {
  for (NodeState from : all_node_states) {
    const keeper::Transition* way = keeper::find_transition(from, NodeState::maintenance);
    const bool has_data = from != NodeState::init && keeper::find_transition(from, NodeState::catchingup) != nullptr;
    ASSERT_EQ(way != nullptr, has_data) << to_string(from);
    if (way == nullptr) continue;
    ASSERT_EQ(way->steps.size(), 1U);
    EXPECT_EQ(way->steps[0], keeper::Step::leave_as_standby);
  }
  EXPECT_EQ(keeper::role_of(NodeState::maintenance), keeper::Role::operators);
  EXPECT_EQ(keeper::role_of(NodeState::wait_maintenance), keeper::Role::standby);
}

}  // namespace
}  // namespace autoctl::monitor
