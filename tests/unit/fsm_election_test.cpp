// Quorum arithmetic: who has every commit, and how many to ask.
#include <gtest/gtest.h>

#include "fsm_group.h"
#include "monitor/fsm/election.h"

namespace autoctl::monitor {
namespace {

using namespace test;

constexpr NodeId node_d{4};

GroupSnapshot with_quorum(SyncQuorum quorum) {
  GroupSnapshot group;
  group.quorum_confirmed = group.quorum_assigned = std::move(quorum);
  return group;
}

TEST(Quorum, covers_every_commit_when_fewer_than_acks_are_missing) {
  const GroupSnapshot any_1_of_3 = with_quorum({1, {node_b, node_c, node_d}});
  EXPECT_TRUE(covers_every_commit(any_1_of_3, {node_b, node_c, node_d}));
  EXPECT_FALSE(covers_every_commit(any_1_of_3, {node_b, node_c}));
  const GroupSnapshot any_2_of_3 = with_quorum({2, {node_b, node_c, node_d}});
  EXPECT_TRUE(covers_every_commit(any_2_of_3, {node_b, node_c}));
  EXPECT_TRUE(covers_every_commit(any_2_of_3, {node_d, node_b}));
  EXPECT_FALSE(covers_every_commit(any_2_of_3, {node_d}));
  const GroupSnapshot all_3 = with_quorum({3, {node_b, node_c, node_d}});
  EXPECT_TRUE(covers_every_commit(all_3, {node_c}));
  EXPECT_FALSE(covers_every_commit(all_3, {}));
  EXPECT_FALSE(covers_every_commit(all_3, {node_a})) << "not a voter";
}

TEST(Quorum, covers_nothing_when_either_is_asynchronous_or_differs) {
  GroupSnapshot group = with_quorum({1, {node_b}});
  EXPECT_TRUE(covers_every_commit(group, {node_b}));
  group.quorum_assigned = {1, {node_c}};
  EXPECT_FALSE(covers_every_commit(group, {node_b})) << "the primary may wait for node_c by now";
  EXPECT_TRUE(covers_every_commit(group, {node_b, node_c}));
  group.quorum_assigned = {};
  EXPECT_FALSE(covers_every_commit(group, {node_b, node_c}));
  EXPECT_FALSE(in_a_quorum(group, node_b));
  group.quorum_assigned = {1, {node_b, node_c}};
  EXPECT_TRUE(in_a_quorum(group, node_b));
  EXPECT_TRUE(in_a_quorum(group, node_c)) << "the primary may wait for it by now";
  EXPECT_FALSE(in_a_quorum(group, node_d));
  EXPECT_FALSE(covers_every_commit(group, {node_b}));
  EXPECT_TRUE(covers_every_commit(group, {node_b, node_c})) << "whatever is in force: one of them has it";
}

TEST(Quorum, asks_for_what_is_demanded_and_never_more_than_there_are) {
  EXPECT_EQ(quorum_of({node_c, node_b}, {.number_sync_standbys = 0}), (SyncQuorum{1, {node_b, node_c}}));
  EXPECT_EQ(quorum_of({node_c, node_b}, {.number_sync_standbys = 2}), (SyncQuorum{2, {node_b, node_c}}));
  EXPECT_EQ(quorum_of({node_b}, {.number_sync_standbys = 2}), (SyncQuorum{1, {node_b}}));
}

TEST(Quorum, after_a_promotion) {
  Group group = three_at_rest();
  EXPECT_EQ(quorum_after_promotion(group.snapshot, group[node_b], group.settings), SyncQuorum{});
  group.settings.number_sync_standbys = 1;
  EXPECT_EQ(quorum_after_promotion(group.snapshot, group[node_b], group.settings), (SyncQuorum{1, {node_a, node_c}}));
  group.assign(node_a, {.state = NodeState::dropped});
  group[node_c].replication_quorum = false;
  EXPECT_EQ(quorum_after_promotion(group.snapshot, group[node_b], group.settings), SyncQuorum{});
}

TEST(Election, priority_wins_then_the_most_advanced_then_the_lowest_id) {
  Group group = three_at_rest();
  const std::vector<NodeId> both = {node_b, node_c};
  EXPECT_EQ(preferred(group.snapshot, both)->id, node_b);
  group[node_c].facts.lsn = Lsn{5000};
  EXPECT_EQ(preferred(group.snapshot, both)->id, node_c);
  group[node_b].candidate_priority = 60;
  EXPECT_EQ(preferred(group.snapshot, both)->id, node_b);
  EXPECT_EQ(most_advanced(group.snapshot, both)->id, node_c) << "whom it fetches the rest from";
  EXPECT_EQ(preferred(group.snapshot, {}), nullptr);
}

TEST(Election, nobody_of_priority_zero_wins_even_with_the_most) {
  Group group = three_at_rest();
  group[node_c].facts.lsn = Lsn{5000};
  group[node_c].candidate_priority = 0;
  EXPECT_EQ(preferred(group.snapshot, {node_b, node_c})->id, node_b);
  group[node_b].candidate_priority = 0;
  EXPECT_EQ(preferred(group.snapshot, {node_b, node_c}), nullptr);
}

TEST(Election, says_who_is_missing) {
  Group group = three_at_rest();
  EXPECT_EQ(why_nobody_is_electable(group.snapshot), "");
  group.judge(node_c, Verdict::dead);
  EXPECT_EQ(why_nobody_is_electable(group.snapshot),
            "node_c (dead) is missing from the quorum, and may be the only node with the last acknowledged commits");
  group.judge(node_c, Verdict::healthy);
  group[node_b].candidate_priority = group[node_c].candidate_priority = 0;
  EXPECT_EQ(why_nobody_is_electable(group.snapshot), "all standbys that could take over have candidate priority 0");
}

TEST(Election, is_blocked_only_without_a_primary_and_by_who_is_missing) {
  Group group = three_at_rest();
  group.judge(node_c, Verdict::unreachable);
  EXPECT_FALSE(blocked_election(group.snapshot)) << "there is a primary";
  group.judge(node_a, Verdict::dead);
  ASSERT_TRUE(blocked_election(group.snapshot));
  EXPECT_EQ(blocked_election(group.snapshot)->missing, std::vector<NodeId>{node_c});
  EXPECT_EQ(blocked_election(group.snapshot)->why, why_nobody_is_electable(group.snapshot));
  group.snapshot.monitor_trusts_itself = false;
  EXPECT_FALSE(blocked_election(group.snapshot)) << "it sees nobody";
  group.snapshot.monitor_trusts_itself = true;
  group.judge(node_c, Verdict::healthy);
  EXPECT_FALSE(blocked_election(group.snapshot)) << "they elect";
}

TEST(Election, leaves_out_who_has_forked_off) {
  Group group = three_at_rest();
  EXPECT_EQ(voters_present(group.snapshot), (std::vector{node_b, node_c}));
  group[node_c].facts.timeline = Timeline{2};
  EXPECT_EQ(voters_present(group.snapshot), std::vector{node_b}) << "promoted by hand: newer than the primary's";
  for (NodeId id : {node_a, node_b, node_c}) {
    group[id].facts.timeline = Timeline{2};
    group[id].facts.history = {{Timeline{1}, Lsn{500}}};
  }
  EXPECT_EQ(voters_present(group.snapshot), (std::vector{node_b, node_c}));
  group[node_c].facts.history = {{Timeline{1}, Lsn{400}}};
  EXPECT_EQ(voters_present(group.snapshot), std::vector{node_b}) << "the same number from another promotion";
  group[node_b].facts.timeline = Timeline{1};
  group[node_b].facts.history = {};
  EXPECT_EQ(voters_present(group.snapshot), std::vector<NodeId>{}) << "it went on where the primary had switched";
  group[node_b].facts.lsn = Lsn{450};
  EXPECT_EQ(voters_present(group.snapshot), std::vector{node_b}) << "behind, but on the way";
}

/// The monitor has restarted, and the new primary died before it reported again: the old one is on an older timeline.
TEST(Election, an_older_primary_proves_nothing_while_the_leader_has_not_reported) {
  Group group = three_at_rest();
  group.assign(node_b, {.state = NodeState::demoted});
  group[node_b].facts.postgres_running = group[node_b].facts.in_recovery = false;
  group[node_c].facts.timeline = Timeline{2};
  group[node_a].reported = false;
  group[node_a].facts = {};
  EXPECT_FALSE(has_forked_off(group.snapshot, group[node_c])) << "it follows the leader";
  group[node_a].reported = true;
  group[node_a].facts.timeline = Timeline{2};
  EXPECT_FALSE(has_forked_off(group.snapshot, group[node_c]));
  group[node_a].facts.timeline = Timeline{1};
  EXPECT_TRUE(has_forked_off(group.snapshot, group[node_c])) << "newer than the leader's";
}

}  // namespace
}  // namespace autoctl::monitor
