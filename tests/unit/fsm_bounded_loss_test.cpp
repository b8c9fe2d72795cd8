// A primary whose commits wait for no standby is lost, and an operator allows a failover to lose some of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fsm_group.h"
#include "monitor/fsm/bounded_loss.h"
#include "monitor/fsm/election.h"
#include "monitor/fsm/forecast.h"

namespace autoctl::monitor {
namespace {

using namespace test;
using testing::HasSubstr;

constexpr Lack little{Millis{5'200}, 120};

/// All is well, and its commits wait for no standby.
Group asynchronous(std::vector<NodeId> standbys = {node_b}) {
  Group group = at_rest(standbys);
  make_asynchronous(group);
  for (NodeView& node : group.snapshot.nodes) node.replication_quorum = false;
  group.settings.failover_max_lost_time = Millis{8'000};
  group.settings.failover_max_lost_bytes = 1'000;
  for (const NodeId id : standbys) group[id].may_lack = little;
  return group;
}

Group asynchronous_and_dead(std::vector<NodeId> standbys = {node_b}) {
  Group group = asynchronous(std::move(standbys));
  group.judge(node_a, Verdict::dead);
  return group;
}

/// node_a was deposed, and node_b chosen; it has stopped receiving.
Group losing() {
  Group group = asynchronous_and_dead();
  group[node_a].lease_until = group.now + Millis{1'000};
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true, .await_lsn = Lsn{1000}});
  group.is_fenced(node_b);
  return group;
}

TEST(Rule, failover_with_bounded_loss) {
  const Group group = asynchronous_and_dead();
  ASSERT_EQ(group.fired(), "failover_with_bounded_loss");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::demote_timeout);
  ASSERT_EQ(state_in(decision, node_b), NodeState::prepare_promotion);
  EXPECT_TRUE(goal_in(decision, node_b)->fence);
  EXPECT_EQ(goal_in(decision, node_b)->await_lsn, Lsn{1000}) << "what it has is part of the bound";
  EXPECT_THAT(decision->reason,
              HasSubstr("node_a is dead: the test says so; node_b takes over and may lack what node_a "
                        "acknowledged in its last 5.2 s, and 120 bytes of the WAL"));
}

TEST(Rule, failover_with_bounded_loss_only_where_an_operator_allows_it) {
  Group group = asynchronous_and_dead();
  group.settings.failover_max_lost_time = {};
  EXPECT_EQ(group.fired(), "nothing");
  EXPECT_EQ(why_loss_is_not_bounded(group.snapshot, group.settings), "") << "nobody has asked for it";
}

TEST(Rule, failover_with_bounded_loss_needs_both_bounds) {
  Group group = asynchronous_and_dead();
  group[node_b].may_lack = Lack{group.settings.failover_max_lost_time, group.settings.failover_max_lost_bytes};
  EXPECT_EQ(group.fired(), "failover_with_bounded_loss");
  group[node_b].may_lack = Lack{Millis{8'001}, 0};
  EXPECT_EQ(group.fired(), "nothing");
  group[node_b].may_lack = Lack{Millis{5'000}, 1'001};
  EXPECT_EQ(group.fired(), "nothing");
  const std::string why =
      "node_b may lack what node_a acknowledged in its last 5.0 s, and 1001 bytes of the WAL that it "
      "had reported: more than is allowed (failover_max_lost_time 8000, failover_max_lost_bytes 1000)";
  EXPECT_THAT(waiting_for(group.snapshot, group.settings, group.now), HasSubstr(why));
  EXPECT_THAT(forecast_loss(group.snapshot, group.settings, group.now).sentence, HasSubstr(why));
  group[node_b].may_lack = std::nullopt;
  EXPECT_EQ(group.fired(), "nothing") << "nothing bounds it";
  EXPECT_THAT(waiting_for(group.snapshot, group.settings, group.now), HasSubstr("node_b has not shown since when"));
}

TEST(Rule, failover_with_bounded_loss_needs_a_standby_of_that_primary) {
  const auto with = [](auto change) {
    Group group = asynchronous_and_dead();
    change(group[node_b]);
    return std::string(group.fired());
  };
  EXPECT_EQ(with([](NodeView& b) { b.health.verdict = Verdict::suspected; }), "nothing");
  EXPECT_EQ(with([](NodeView& b) { b.candidate_priority = 0; }), "nothing");
  EXPECT_EQ(with([](NodeView& b) { b.goal.upstream = NodeId{9}; }), "standby_follows_primary");
  EXPECT_EQ(with([](NodeView& b) { b.facts.timeline = Timeline{2}; }), "nothing") << "of another history";
  EXPECT_EQ(with([](NodeView& b) { b.facts.lsn = {}; }), "nothing");
  EXPECT_EQ(with([](NodeView& b) { b.goal.state = NodeState::catchingup; }), "nothing");
}

TEST(Rule, failover_with_bounded_loss_takes_the_preferred_then_the_most_advanced) {
  Group group = asynchronous_and_dead({node_b, node_c});
  group[node_c].facts.lsn = Lsn{1001};
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
  EXPECT_EQ(goal_in(group.decision(), node_b), nullptr);
  group[node_b].candidate_priority = 60;
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::prepare_promotion);
  group[node_b].may_lack->time = Millis{60'000};
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion) << "the other one lacks too much";
}

TEST(Rule, failover_with_bounded_loss_needs_evidence_as_any_other) {
  Group group = asynchronous();
  EXPECT_EQ(group.fired(), "nothing");
  group.judge(node_a, Verdict::unreachable);
  EXPECT_EQ(group.fired(), "nothing") << "somebody hears it";
  group.judge(node_a, Verdict::dead);
  group.snapshot.monitor_trusts_itself = false;
  EXPECT_EQ(group.fired(), "nothing");
}

/// It may be about to start, with everything.
TEST(Rule, failover_with_bounded_loss_waits_while_the_keeper_starts_postgres) {
  Group group = asynchronous_and_dead();
  group[node_a].health.by_its_own_word = true;
  EXPECT_EQ(group.fired(), "nothing");
  group[node_a].facts.cannot_run = true;
  EXPECT_EQ(group.fired(), "failover_with_bounded_loss");
}

TEST(Rule, failover_with_bounded_loss_waits_for_an_operator_where_failovers_are_manual) {
  Group group = asynchronous_and_dead();
  group.settings.manual_failover.all = true;
  EXPECT_EQ(group.fired(), "nothing");
  ASSERT_TRUE(withheld(group.snapshot, group.settings, group.now));
  EXPECT_EQ(withheld(group.snapshot, group.settings, group.now)->rule, "failover_with_bounded_loss");
  group.request_switchover();
  EXPECT_EQ(group.fired(), "failover_with_bounded_loss");
}

TEST(Rule, failover_with_bounded_loss_leaves_a_quorum_to_its_election) {
  Group group = asynchronous_and_dead();
  group.snapshot.quorum_assigned = {1, {node_b}};  // the primary may wait for it already
  EXPECT_EQ(group.fired(), "nothing");
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned;
  EXPECT_EQ(group.fired(), "primary_is_dead");
}

TEST(Rule, candidate_is_fenced_by_the_lease_of_a_primary_that_waited_for_no_standby) {
  Group group = losing();
  EXPECT_EQ(group.fired(), "nothing") << "the old primary may still hold a lease";
  group.now += Millis{1'000};
  EXPECT_EQ(group.fired(), "nothing") << "it has to stop, too";
  group.now += Millis{500};
  ASSERT_EQ(group.fired(), "candidate_is_fenced");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::stop_replication);
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::demoted);

  Group stopped = losing();
  stopped.judge(node_a, Verdict::healthy);
  stopped.settle(node_a);
  stopped.is_stopped(node_a);
  EXPECT_EQ(stopped.fired(), "candidate_is_fenced") << "it says that it has stopped";
}

TEST(Rule, candidate_is_fenced_and_has_what_the_bound_was_computed_from) {
  Group group = losing();
  group.now += Millis{10'000};
  group[node_b].facts.lsn = Lsn{999};
  EXPECT_EQ(group.fired(), "nothing");
  group[node_b].facts.lsn = Lsn{1001};
  EXPECT_EQ(group.fired(), "candidate_is_fenced");
}

TEST(Rule, election_called_off_where_nothing_has_to_be_lost) {
  Group group = losing();
  group.judge(node_a, Verdict::healthy);
  ASSERT_EQ(group.fired(), "election_called_off");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
}

TEST(Rule, failover_with_bounded_loss_replaces_a_candidate_that_is_lost) {
  Group group = losing();
  group.add(node_c);
  group.assign_and_settle(node_c, {.state = NodeState::secondary, .upstream = node_a});
  group.streams(node_c, node_a);
  group[node_c].may_lack = little;
  group.judge(node_b, Verdict::dead);
  ASSERT_EQ(group.fired(), "failover_with_bounded_loss");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::report_lsn);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
  EXPECT_EQ(goal_in(group.decision(), node_a), nullptr);
  group[node_b].goal.state = NodeState::stop_replication;
  group[node_a].goal.state = NodeState::demoted;
  EXPECT_EQ(group.fired(), "nothing") << "it may have been promoted";
}

TEST(BoundedLoss, APrimaryServesByItsLeaseWhereItCouldBeReplaced) {
  Group group = asynchronous();
  EXPECT_TRUE(primary_serves_by_lease(group.snapshot, group.settings));
  group.judge(node_b, Verdict::dead);
  EXPECT_FALSE(primary_serves_by_lease(group.snapshot, group.settings)) << "no node could take over";
  group.judge(node_b, Verdict::healthy);
  group.settings.failover_max_lost_time = {};
  EXPECT_FALSE(primary_serves_by_lease(group.snapshot, group.settings));
  Group synchronous = pair_at_rest();
  synchronous.settings.failover_max_lost_time = Millis{8'000};
  EXPECT_FALSE(primary_serves_by_lease(synchronous.snapshot, synchronous.settings)) << "its quorum fences it";
}

}  // namespace
}  // namespace autoctl::monitor
