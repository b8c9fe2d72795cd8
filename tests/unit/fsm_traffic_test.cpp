// A Citus worker hands over: the statements for its group wait on the coordinator, and never for nothing.
#include <gtest/gtest.h>

#include "fsm_group.h"
#include "monitor/fsm/traffic.h"

namespace autoctl::monitor {
namespace {

using namespace test;

/// A worker pair at rest, and a coordinator that sends its statements to node_a.
Group worker_pair() {
  Group group = pair_at_rest();
  group.snapshot.group = 1;
  group.snapshot.traffic = Traffic{.coordinator_ready = true, .routed_to = node_a};
  return group;
}

/// An operator has asked for a switchover, and node_a does its checkpoint.
Group preparing() {
  Group group = worker_pair();
  group.request_switchover(node_b);
  group.assign(node_a, {.state = NodeState::primary, .sync = group[node_a].goal.sync, .checkpoint = true});
  return group;
}

/// The same with the checkpoint done.
Group ready_to_hand_over() {
  Group group = preparing();
  group.settle(node_a);
  return group;
}

Group held() {
  Group group = ready_to_hand_over();
  group.snapshot.traffic->held_for = node_b;
  return group;
}

/// node_a drains while the statements wait for node_b.
Group draining() {
  Group group = switching_over();
  group.snapshot.traffic = Traffic{.coordinator_ready = true, .routed_to = node_a, .held_for = node_b};
  return group;
}

NodeId hold_in(const Group& group) {
  return hold_target(group.snapshot, group.settings, group.now);
}

TEST(Rule, switchover_prepares) {
  Group group = worker_pair();
  EXPECT_EQ(group.fired(), "nothing");
  group.request_switchover();
  ASSERT_EQ(group.fired(), "switchover_prepares");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::primary) << "it goes on serving";
  EXPECT_TRUE(goal_in(decision, node_a)->checkpoint);
  EXPECT_EQ(goal_in(decision, node_a)->sync, group[node_a].goal.sync);
  EXPECT_EQ(goal_in(decision, node_b), nullptr) << "an ordinary standby until the statements are held";
  EXPECT_EQ(decision->operation_target, node_b);
  EXPECT_FALSE(decision->quorum_assigned || decision->quorum_confirmed || decision->operation);
}

TEST(Rule, switchover_prepares_only_when_the_coordinator_can_hold_the_statements) {
  Group group = worker_pair();
  group.request_switchover();
  group.snapshot.traffic->coordinator_ready = false;
  EXPECT_EQ(group.fired(), "nothing");
  group.snapshot.traffic = Traffic{.coordinator_ready = true, .routed_to = node_b};
  EXPECT_EQ(group.fired(), "nothing") << "the table still has the last move before it";
}

TEST(Rule, switchover_prepares_not_where_nobody_sends_statements) {
  Group group = worker_pair();
  group.request_switchover();
  group.snapshot.traffic = Traffic{.coordinator_ready = true};
  EXPECT_EQ(group.fired(), "switchover_starts") << "the worker was never activated";
  EXPECT_TRUE(goal_in(group.decision(), node_a)->checkpoint);
  group.snapshot.traffic.reset();
  EXPECT_EQ(group.fired(), "switchover_starts") << "there is no coordinator";
}

TEST(Rule, switchover_starts_once_the_statements_are_held) {
  Group group = preparing();
  EXPECT_EQ(group.fired(), "nothing");
  group.snapshot.traffic->held_for = node_b;
  EXPECT_EQ(group.fired(), "nothing") << "its checkpoint goes on: statements would wait for that, too";
  group = ready_to_hand_over();
  EXPECT_EQ(group.fired(), "nothing");
  group.snapshot.traffic->held_for = node_b;
  ASSERT_EQ(group.fired(), "switchover_starts");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::draining);
  EXPECT_FALSE(goal_in(group.decision(), node_a)->checkpoint) << "it has just done one";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
}

TEST(Rule, switchover_not_held) {
  Group group = ready_to_hand_over();
  group.snapshot.traffic->trouble = "session 17 holds a lock";
  group.now += group.settings.drain_timeout - Millis{1};
  EXPECT_EQ(group.fired(), "nothing");
  group.now += Millis{1};
  ASSERT_EQ(group.fired(), "switchover_not_held");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::primary);
  EXPECT_FALSE(goal_in(decision, node_a)->checkpoint);
  EXPECT_EQ(goal_in(decision, node_a)->sync, group[node_a].goal.sync);
  EXPECT_FALSE(decision->quorum_assigned || decision->quorum_confirmed);
  ASSERT_TRUE(decision->operation);
  EXPECT_FALSE(decision->operation->succeeded);
  EXPECT_NE(decision->operation->message.find("session 17 holds a lock"), std::string::npos);
}

TEST(Rule, switchover_not_held_because_the_coordinator_went_away) {
  Group group = ready_to_hand_over();
  group.snapshot.traffic = Traffic{.trouble = "coord0a is dead"};
  EXPECT_EQ(group.fired(), "nothing") << "it may have a successor in a moment";
  group.now += group.settings.drain_timeout;
  ASSERT_EQ(group.fired(), "switchover_not_held");
  EXPECT_NE(group.decision()->operation->message.find("coordinator is not ready"), std::string::npos);
  EXPECT_NE(group.decision()->operation->message.find("coord0a is dead"), std::string::npos);
}

TEST(Rule, switchover_not_held_when_the_candidate_is_gone) {
  for (Verdict verdict : {Verdict::dead, Verdict::unreachable}) {
    Group group = held();
    group.judge(node_b, verdict);
    ASSERT_EQ(group.fired(), "switchover_not_held") << "nobody waits for who does not come";
    EXPECT_FALSE(group.decision()->operation->succeeded);
  }
  Group group = held();
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing");
  group = preparing();
  group.assign(node_b, {.state = NodeState::dropped});
  EXPECT_NE(group.fired(), "switchover_prepares");
  std::erase_if(group.snapshot.nodes, [](const NodeView& n) { return n.id == node_b; });
  EXPECT_EQ(group.fired(), "switchover_not_held");
}

TEST(Rule, switchover_not_held_when_nobody_asks_any_more) {
  Group group = held();
  group.snapshot.operation.reset();
  ASSERT_EQ(group.fired(), "switchover_not_held");
  EXPECT_FALSE(group.decision()->operation);
}

TEST(Rule, switchover_refused_without_a_coordinator) {
  Group group = worker_pair();
  group.snapshot.traffic = Traffic{.trouble = "coord0a is dead"};
  group.request_switchover({}, Millis{1000});
  EXPECT_EQ(group.fired(), "nothing");
  group.request_switchover({}, Millis{10'000});
  ASSERT_EQ(group.fired(), "switchover_refused");
  EXPECT_EQ(group.decision()->operation->message,
            "the coordinator is not ready to hold the statements for this group (coord0a is dead)");
  group.snapshot.traffic = Traffic{.coordinator_ready = true, .routed_to = node_b};
  ASSERT_EQ(group.fired(), "switchover_refused");
  EXPECT_EQ(group.decision()->operation->message,
            "the coordinator does not send the statements for this group to node_a yet");
}

TEST(Rule, primary_is_dead_while_it_prepares_to_hand_over) {
  Group group = held();
  group.judge(node_a, Verdict::dead);
  ASSERT_EQ(group.fired(), "primary_is_dead") << "an ordinary failover";
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
}

TEST(Rule, standby_lost_while_its_primary_prepares_to_hand_over) {
  Group group = ready_to_hand_over();
  group[node_a].facts.streaming = {};
  group[node_b].stalled_for = Millis{6000};
  group[node_b].facts.receiving = false;
  ASSERT_EQ(group.fired(), "standby_lost");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
  EXPECT_FALSE(goal_in(group.decision(), node_a)->checkpoint);
}

TEST(Rule, quorum_grows_not_while_the_primary_prepares_to_hand_over) {
  Group group = three_at_rest();
  group.snapshot.traffic = Traffic{.coordinator_ready = true, .routed_to = node_a};
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {1, {node_b}};
  group.assign_and_settle(node_a, {.state = NodeState::primary, .sync = {1, {node_b}}});
  group[node_a].facts.sync_in_force = {1, {node_b}};
  ASSERT_EQ(group.fired(), "quorum_grows");
  group.request_switchover(node_b);
  group.assign_and_settle(node_a, {.state = NodeState::primary, .sync = {1, {node_b}}, .checkpoint = true});
  EXPECT_EQ(group.fired(), "nothing") << "the checkpoint would begin anew";
}

TEST(Rule, switchover_done_when_the_statements_go_there) {
  Group group = worker_pair();
  group.request_switchover(node_a);
  ASSERT_EQ(group.fired(), "switchover_done");
  for (const Traffic& traffic : {Traffic{.coordinator_ready = true, .routed_to = node_b}, Traffic{}}) {
    group.snapshot.traffic = traffic;
    group.request_switchover(node_a);
    EXPECT_EQ(group.fired(), "nothing");
    group.request_switchover(node_a, Millis{10'000});
    EXPECT_EQ(group.fired(), "nothing") << "it has moved: nothing is left to refuse";
    Group later = group;
    later.now += later.settings.drain_timeout;
    EXPECT_EQ(later.fired(), "switchover_done") << "the primary has moved, whatever becomes of the coordinator";
  }
}

TEST(Rule, switchover_refused_not_while_its_target_has_just_been_promoted) {
  Group group = pair_at_rest();
  group.request_switchover(node_a, Millis{10'000});
  group.assign(node_a, {.state = NodeState::wait_primary});
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {};
  EXPECT_EQ(group.fired(), "nothing") << "it is about to get there, however long the hand-over took";
  group.now += group.settings.drain_timeout;
  EXPECT_EQ(group.fired(), "switchover_refused");
}

TEST(Hold, begins_after_the_checkpoint_and_lasts_until_the_candidate_serves) {
  EXPECT_EQ(hold_in(worker_pair()), NodeId{});
  EXPECT_EQ(hold_in(preparing()), NodeId{});
  EXPECT_EQ(hold_in(ready_to_hand_over()), node_b);
  EXPECT_EQ(hold_in(held()), node_b);
  Group group = draining();
  EXPECT_EQ(hold_in(group), node_b);
  group.settle(node_a);
  group.is_stopped(node_a);
  EXPECT_EQ(hold_in(group), node_b);
  group.assign_and_settle(node_a, {.state = NodeState::demoted});
  group.assign(node_b, {.state = NodeState::stop_replication});
  EXPECT_EQ(hold_in(group), node_b);
  group.assign(node_b, {.state = NodeState::wait_primary});
  group.is_stopped(node_b);
  EXPECT_EQ(hold_in(group), node_b) << "it was promoted, but nobody has seen it accept writes";
  group.settle(node_b);
  group.serves(node_b, {});
  EXPECT_EQ(hold_in(group), NodeId{}) << "now it is the primary that the statements go to";
}

TEST(Hold, ends_with_any_doubt_while_the_old_primary_serves) {
  Group group = held();
  group.judge(node_a, Verdict::suspected);
  EXPECT_EQ(hold_in(group), NodeId{});
  group = held();
  group.judge(node_b, Verdict::suspected);
  EXPECT_EQ(hold_in(group), NodeId{});
  group = held();
  group.snapshot.operation.reset();
  EXPECT_EQ(hold_in(group), NodeId{});
  group = held();
  group.assign(node_a, {.state = NodeState::primary, .sync = group[node_a].goal.sync});
  EXPECT_EQ(hold_in(group), NodeId{}) << "called off";
}

TEST(Hold, ends_when_the_candidate_or_everybody_is_gone) {
  for (Verdict verdict : {Verdict::dead, Verdict::unreachable}) {
    Group group = draining();
    group.judge(node_b, verdict);
    EXPECT_EQ(hold_in(group), NodeId{});
    group.assign(node_a, {.state = NodeState::demoted});
    group.assign(node_b, {.state = NodeState::stop_replication});
    EXPECT_EQ(hold_in(group), NodeId{});
  }
  Group group = draining();
  group.judge(node_a, Verdict::unreachable);
  EXPECT_EQ(hold_in(group), NodeId{}) << "nobody can tell when it will have stopped";
  group.judge(node_a, Verdict::suspected);
  EXPECT_EQ(hold_in(group), node_b);
}

TEST(Hold, never_outlasts_the_drain_timeout) {
  for (Group group : {held(), draining()}) {
    group.now += group.settings.drain_timeout;
    EXPECT_EQ(hold_in(group), NodeId{});
  }
}

TEST(Hold, is_kept_when_the_hand_over_becomes_a_failover_but_not_begun_by_one) {
  Group group = failing_over();
  group.snapshot.traffic = Traffic{.coordinator_ready = true, .routed_to = node_a, .held_for = node_b};
  EXPECT_EQ(hold_in(group), node_b);
  group.snapshot.traffic->held_for = {};
  EXPECT_EQ(hold_in(group), NodeId{});
}

TEST(Hold, is_asked_for_again_of_a_new_coordinator) {
  Group group = draining();
  group.snapshot.traffic = Traffic{};
  EXPECT_EQ(hold_in(group), node_b);
}

TEST(Hold, is_nobodys_without_statements_or_after_they_were_moved) {
  Group group = held();
  group.snapshot.traffic->routed_to = node_b;
  EXPECT_EQ(hold_in(group), NodeId{});
  group.snapshot.traffic = Traffic{.coordinator_ready = true};
  EXPECT_EQ(hold_in(group), NodeId{});
  group.snapshot.traffic.reset();
  EXPECT_EQ(hold_in(group), NodeId{});
}

TEST(Hold, sessions_in_the_way_get_longer_when_it_is_planned) {
  const Group planned = held();
  EXPECT_EQ(move_cooldown(planned.snapshot, planned.settings, planned.now), planned.settings.citus_switchover_cooldown);
  Group failover = failing_over();
  failover.snapshot.traffic = Traffic{.coordinator_ready = true, .routed_to = node_a};
  failover.assign(node_a, {.state = NodeState::demoted});
  failover.assign(node_b, {.state = NodeState::stop_replication});
  ASSERT_EQ(hold_in(failover), node_b) << "they are about to move";
  EXPECT_EQ(move_cooldown(failover.snapshot, failover.settings, failover.now),
            failover.settings.citus_failover_cooldown);
}

}  // namespace
}  // namespace autoctl::monitor
