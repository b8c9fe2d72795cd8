// An operator settles whose history is a group's.
#include <gtest/gtest.h>

#include "monitor/fsm/accepted.h"
#include "monitor/fsm/election.h"
#include "tests/unit/fsm_group.h"

namespace autoctl::monitor::test {
namespace {

void accept(Group& group, NodeId node) {
  group.request_switchover(node);
  group.snapshot.operation->kind = Operation::Kind::accepted_timeline;
}

/// Somebody promoted it, and its keeper has stopped it.
void was_promoted_by_hand(Group& group, NodeId id, Lsn at = Lsn{900}, Lsn end = Lsn{1500}) {
  group.is_stopped(id);
  group[id].facts.forked = true;
  group[id].facts.timeline = Timeline{2};
  group[id].facts.history = {{Timeline{1}, at}};
  group[id].facts.lsn = end;
}

/// node_a is gone, node_b was promoted by hand, node_c is a standby as ever.
Group disagreeing() {
  Group group = three_at_rest();
  group.judge(node_a, Verdict::dead);
  group[node_a].lease_until = group.now + Millis{100};
  was_promoted_by_hand(group, node_b);
  return group;
}

/// Everybody has been told to stop for node_b.
Group stopping() {
  Group group = disagreeing();
  accept(group, node_b);
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {};
  group.assign(node_a, {.state = NodeState::demoted});
  group.assign(node_b, {.state = NodeState::demoted});
  group.assign(node_c, {.state = NodeState::report_lsn});
  return group;
}

TEST(Rule, timeline_accepted) {
  Group group = disagreeing();
  ASSERT_EQ(group.fired(), "nothing") << "node_b may have acknowledged what node_c lacks";
  accept(group, node_b);
  ASSERT_EQ(group.fired(), "timeline_accepted");
  const auto decision = group.decision();
  EXPECT_EQ(state_in(decision, node_a), NodeState::demoted);
  EXPECT_EQ(state_in(decision, node_b), NodeState::demoted);
  EXPECT_EQ(state_in(decision, node_c), NodeState::report_lsn);
  EXPECT_EQ(decision->quorum_assigned, SyncQuorum{}) << "no election counts on anybody any more";
  EXPECT_NE(decision->reason.find("what node_c (last seen at 0/3E8 on timeline 1) has after 0/384"), std::string::npos)
      << decision->reason;
}

TEST(Rule, timeline_accepted_waits_until_nobody_else_can_acknowledge) {
  Group group = stopping();
  EXPECT_EQ(group.fired(), "nothing");
  group.settle(node_b);
  group.settle(node_c);
  EXPECT_EQ(group.fired(), "nothing") << "node_a may still believe in its lease";
  group.now += Millis{100};
  ASSERT_EQ(group.fired(), "timeline_accepted");
  const auto decision = group.decision();
  ASSERT_EQ(state_in(decision, node_b), NodeState::wait_primary);
  EXPECT_TRUE(goal_in(decision, node_b)->keep_history);
  group.assign(node_c, {.state = NodeState::report_lsn});
  EXPECT_EQ(group.fired(), "nothing") << "node_c may still acknowledge for node_a";
  group.judge(node_c, Verdict::unreachable);
  EXPECT_EQ(group.fired(), "timeline_accepted") << "it was given up";
}

TEST(Rule, timeline_accepted_waits_for_the_lease_of_a_dropped_primary) {
  Group group = stopping();
  group.settle(node_b);
  group.settle(node_c);
  group.assign(node_a, {.state = NodeState::dropped});
  EXPECT_EQ(group.fired(), "nothing");
  group.now += Millis{100};
  EXPECT_EQ(group.fired(), "timeline_accepted");
}

TEST(Rule, timeline_accepted_fences_a_standby_that_turns_up_late) {
  Group group = stopping();
  group.settle(node_b);
  group.now += Millis{100};
  group.assign_and_settle(node_c, {.state = NodeState::secondary, .upstream = node_a});
  group.streams(node_c, node_a);
  ASSERT_EQ(group.fired(), "timeline_accepted");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::report_lsn);
  EXPECT_EQ(goal_in(group.decision(), node_b), nullptr);
  group.judge(node_c, Verdict::suspected);
  EXPECT_EQ(group.fired(), "nothing") << "it is about to be heard again, or lost";
  group.judge(node_c, Verdict::unreachable);
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::wait_primary);
}

TEST(Rule, timeline_accepted_ends_when_that_node_leads) {
  Group group = stopping();
  group.assign_and_settle(node_a, {.state = NodeState::demoted});
  group.assign(node_b, {.state = NodeState::wait_primary, .keep_history = true});
  group[node_b].facts.prepared_peers = {};
  EXPECT_EQ(group.fired(), "nothing");
  group.settle(node_b);
  group.serves(node_b, {});
  ASSERT_EQ(group.fired(), "switchover_done");
  EXPECT_TRUE(group.decision()->operation->succeeded);
}

/// It goes through an election's fence: a standby has no history of its own to go on with.
TEST(Rule, timeline_accepted_of_a_standby_promotes_it) {
  Group group = disagreeing();
  accept(group, node_c);
  ASSERT_EQ(group.fired(), "timeline_accepted");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::demote_timeout);
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
  EXPECT_TRUE(goal_in(group.decision(), node_c)->fence);
  EXPECT_NE(group.decision()->reason.find("what node_b (last seen at 0/5DC on timeline 2) has after 0/384"),
            std::string::npos)
      << group.decision()->reason;
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_c, {.state = NodeState::prepare_promotion, .fence = true});
  group.is_fenced(node_c);
  EXPECT_EQ(group.fired(), "nothing") << "node_a's lease";
  group.now += Millis{100};
  EXPECT_EQ(group.fired(), "candidate_is_fenced");
}

/// The election of node_c is under way, or over.
TEST(Rule, timeline_accepted_ends_an_election_as_long_as_nobody_was_told_to_promote) {
  Group group = disagreeing();
  accept(group, node_b);
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign(node_c, {.state = NodeState::prepare_promotion, .fence = true});
  ASSERT_EQ(group.fired(), "timeline_accepted");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::demoted) << "nobody calls it back";
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::report_lsn);
  group.assign(node_c, {.state = NodeState::stop_replication});
  ASSERT_EQ(group.fired(), "timeline_accepted");
  ASSERT_TRUE(group.decision()->operation);
  EXPECT_FALSE(group.decision()->operation->succeeded) << "it may be the primary already";
  EXPECT_TRUE(group.decision()->goals.empty());
  group.judge(node_c, Verdict::dead);
  ASSERT_EQ(group.fired(), "timeline_accepted");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::demoted) << "it may have promoted";
}

TEST(Rule, timeline_accepted_fails_when_it_cannot_happen) {
  const auto outcome = [](const Group& group) {
    const auto decision = group.decision();
    return decision && decision->operation && !decision->operation->succeeded && decision->goals.empty()
               ? decision->operation->message
               : "no failure";
  };
  Group group = disagreeing();
  accept(group, node_b);
  group.judge(node_a, Verdict::healthy);
  EXPECT_EQ(outcome(group), "node_a is the primary, or is about to become it");
  group = disagreeing();
  accept(group, node_b);
  group.judge(node_b, Verdict::dead);
  EXPECT_EQ(outcome(group), "node_b was lost: the test says so");
  group = stopping();
  group.now += group.settings.drain_timeout;
  EXPECT_EQ(outcome(group), "the other nodes or node_b did not stop in time");
  group.snapshot.operation->target = NodeId{9};
  EXPECT_EQ(outcome(group), "the node was dropped");
}

/// Somebody promotes the candidate itself, before it was told to.
TEST(Rule, candidate_lost_also_when_somebody_promotes_it) {
  Group group = failing_over();
  was_promoted_by_hand(group, node_b);
  EXPECT_EQ(group.fired(), "nothing") << "nobody else is there";
  group.judge(node_a, Verdict::healthy);
  ASSERT_EQ(group.fired(), "election_called_off");
  EXPECT_TRUE(is_leader_state(state_in(group.decision(), node_a)));
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::catchingup);
  EXPECT_NE(group.decision()->reason.find("promoted outside autoctl"), std::string::npos) << group.decision()->reason;

  group = three_at_rest();
  group.snapshot.quorum_confirmed = group.snapshot.quorum_assigned = {2, {node_b, node_c}};
  group.judge(node_a, Verdict::dead);
  group.assign(node_a, {.state = NodeState::demote_timeout});
  group.assign_and_settle(node_b, {.state = NodeState::prepare_promotion, .fence = true});
  group.assign_and_settle(node_c, {.state = NodeState::report_lsn});
  group.is_fenced(node_c);
  was_promoted_by_hand(group, node_b);
  ASSERT_EQ(group.fired(), "candidate_lost");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion) << "with 2 of 2 it has everything";
}

/// node_b took over from node_a and is gone for good; node_a had come back, but had not joined node_b yet.
Group old_primary_is_left() {
  Group group = pair_at_rest();
  make_asynchronous(group);
  group.assign_and_settle(node_b, {.state = NodeState::wait_primary});
  group.serves(node_b, {});
  group[node_b].facts.timeline = Timeline{2};
  group[node_b].facts.history = {{Timeline{1}, Lsn{1000}}};
  group.judge(node_b, Verdict::dead);
  group.assign_and_settle(node_a, {.state = NodeState::demoted});
  group.is_stopped(node_a);
  return group;
}

TEST(Accepted, AnOldPrimaryMayGoOn) {
  Group group = old_primary_is_left();
  ASSERT_EQ(why_not_acceptable(group.snapshot, group[node_a]), "");
  EXPECT_EQ(what_is_given_up(group.snapshot, group[node_a]),
            "what node_b (last seen at 0/3E8 on timeline 2) has after 0/3E8");
  accept(group, node_a);
  ASSERT_EQ(group.fired(), "timeline_accepted");
  EXPECT_EQ(state_in(group.decision(), node_b), NodeState::demoted);
  group.assign(node_b, {.state = NodeState::demoted});
  ASSERT_EQ(group.fired(), "timeline_accepted");
  EXPECT_EQ(state_in(group.decision(), node_a), NodeState::wait_primary);
}

TEST(Accepted, WhoCannotGoOn) {
  const auto why = [](Group& group, NodeId id) { return why_not_acceptable(group.snapshot, group[id]); };
  const auto has = [](const std::string& text, const char* words) { return text.find(words) != std::string::npos; };
  Group group = disagreeing();
  ASSERT_EQ(why(group, node_b), "");
  ASSERT_EQ(why(group, node_c), "") << "a standby is promoted";
  EXPECT_TRUE(has(why(group, node_a), "it is dead"));
  group[node_b].candidate_priority = 0;
  EXPECT_TRUE(has(why(group, node_b), "priority is 0"));
  group = disagreeing();
  group.assign(node_b, {.state = NodeState::catchingup, .upstream = node_a});
  EXPECT_TRUE(has(why(group, node_b), "may have begun to discard"));
  group.assign(node_b, {.state = NodeState::maintenance});
  EXPECT_TRUE(has(why(group, node_b), "maintenance"));
  group.assign(node_b, {.state = NodeState::dropped});
  EXPECT_TRUE(has(why(group, node_b), "dropped"));
  group = disagreeing();
  group[node_b].facts.forked = false;
  EXPECT_TRUE(has(why(group, node_b), "neither a running standby nor"));
  group = disagreeing();
  group[node_b].facts.timeline = Timeline{1};  // standby.signal was removed
  group[node_b].facts.history = {};
  EXPECT_TRUE(has(why(group, node_b), "without being promoted"));
  group[node_a].facts.timeline = group[node_c].facts.timeline = {};
  EXPECT_EQ(why(group, node_b), "") << "nobody is there who is on that timeline";
}

TEST(Accepted, ABlockedGroupSaysSo) {
  Group group = disagreeing();
  EXPECT_NE(waiting_for(group.snapshot, group.settings, group.now).find("autoctl accept timeline"), std::string::npos);
  EXPECT_TRUE(blocked_election(group.snapshot));
  accept(group, node_b);
  EXPECT_FALSE(blocked_election(group.snapshot));
  group = old_primary_is_left();
  EXPECT_NE(waiting_for(group.snapshot, group.settings, group.now).find("node_a has a history of its own, timeline 1"),
            std::string::npos);
}

}  // namespace
}  // namespace autoctl::monitor::test
