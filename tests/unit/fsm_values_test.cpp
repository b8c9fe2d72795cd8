// States, LSNs and ports as text; the keeper's transition table by itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "common/fsm/goal.h"
#include "common/fsm/state.h"
#include "keeper/core/transitions.h"

namespace autoctl {
namespace {

TEST(NodeState, names_are_distinct_and_parse_back) {
  std::set<std::string_view> names;
  for (NodeState state : all_node_states) {
    EXPECT_EQ(parse_node_state(to_string(state)), state);
    names.insert(to_string(state));
  }
  EXPECT_EQ(names.size(), all_node_states.size());
  EXPECT_FALSE(parse_node_state("primaryy"));
  EXPECT_FALSE(parse_node_state(""));
}

TEST(NodeState, only_a_leader_and_a_candidate_that_is_told_to_promote_may_accept_writes) {
  for (const NodeState state : all_node_states)
    EXPECT_EQ(may_accept_writes(state), is_leader_state(state) || state == NodeState::stop_replication)
        << to_string(state);
}

TEST(NodeState, what_an_election_counts_on_is_a_standby_s_and_can_be_taken_back) {
  for (const NodeState state : all_node_states) {
    const StateTraits& traits = traits_of(state);
    if (traits.counts_in_elections) {
      EXPECT_EQ(traits.postgres, PostgresRole::standby) << to_string(state);
      EXPECT_TRUE(is_standby_state(state) || can_be_called_off(state)) << to_string(state);
    }
    if (traits.receiving == Receiving::fenced) {
      EXPECT_TRUE(traits.counts_in_elections) << to_string(state);
    }
    EXPECT_EQ(traits.receiving != Receiving::nothing, traits.postgres == PostgresRole::standby) << to_string(state);
  }
}

TEST(NodeState, names_that_were_never_assigned_are_none) {
  for (const char* name : {"join_secondary", "prepare_maintenance", "apply_settings"})
    EXPECT_FALSE(parse_node_state(name)) << name;
}

TEST(Lsn, prints_and_parses_as_postgres_does) {
  EXPECT_EQ(to_string(Lsn{0x16'B374D848}), "16/B374D848");
  EXPECT_EQ(to_string(Lsn{0}), "0/0");
  EXPECT_EQ(parse_lsn("16/B374D848"), Lsn{0x16'B374D848});
  EXPECT_EQ(parse_lsn("16/b374d848"), Lsn{0x16'B374D848});
  EXPECT_EQ(parse_lsn("FFFFFFFF/FFFFFFFF"), Lsn{~std::uint64_t{0}});
  for (Lsn lsn : {Lsn{1}, Lsn{0x1'00000000}, Lsn{0xABCDEF}}) EXPECT_EQ(parse_lsn(to_string(lsn)), lsn);
}

TEST(Lsn, refuses_what_is_none) {
  for (const char* text : {"", "/", "1", "1/", "/1", "1/2/3", "g/1", "1/100000000", "-1/1", " 1/1", "1/1 ", "0x1/1"})
    EXPECT_FALSE(parse_lsn(text)) << text;
}

TEST(PortState, parses_back) {
  for (PortState state : {PortState::unknown, PortState::open, PortState::refused, PortState::silent})
    EXPECT_EQ(parse_port_state(to_string(state)), state);
  EXPECT_FALSE(parse_port_state("ajar"));
}

TEST(SyncQuorum, knows_its_voters) {
  const SyncQuorum quorum{1, {NodeId{2}, NodeId{5}}};
  EXPECT_TRUE(quorum.contains(NodeId{5}));
  EXPECT_FALSE(quorum.contains(NodeId{3}));
  EXPECT_FALSE(quorum.asynchronous());
  EXPECT_TRUE(SyncQuorum{}.asynchronous());
}

}  // namespace
}  // namespace autoctl

namespace autoctl::keeper {
namespace {

const Step* find_step(const Transition& transition, Step step) {
  const auto it = std::ranges::find(transition.steps, step);
  return it == transition.steps.end() ? nullptr : &*it;
}

TEST(Transitions, at_most_one_matches_a_pair) {
  for (NodeState from : all_node_states) {
    for (NodeState to : all_node_states) {
      const auto matching = std::ranges::count_if(
          transitions(), [&](const Transition& t) { return t.to == to && t.from.contains(from); });
      EXPECT_LE(matching, 1) << to_string(from) << " -> " << to_string(to);
      EXPECT_EQ(find_transition(from, to) != nullptr, matching == 1);
    }
  }
}

TEST(Transitions, a_reached_state_can_be_reached_again_for_a_newer_goal) {
  for (const Transition& transition : transitions())
    EXPECT_NE(find_transition(transition.to, transition.to), nullptr) << to_string(transition.to);
}

TEST(Transitions, every_node_can_be_told_to_stop) {
  for (const Transition& transition : transitions())
    for (NodeState down : {NodeState::demote_timeout, NodeState::demoted, NodeState::dropped})
      EXPECT_NE(find_transition(transition.to, down), nullptr) << to_string(transition.to);
}

TEST(Transitions, nobody_accepts_writes_before_its_quorum_is_in_force) {
  const auto fence_first = [](const Transition& t) {
    return find_step(t, Step::stop_receiving) < find_step(t, Step::promote);
  };
  for (const Transition& transition : transitions()) {
    const Step* promote = find_step(transition, Step::promote);
    if (promote == nullptr) continue;
    ASSERT_NE(find_step(transition, Step::apply_sync), nullptr);
    EXPECT_LT(find_step(transition, Step::apply_sync), promote);
    ASSERT_NE(find_step(transition, Step::stop_receiving), nullptr);
    EXPECT_TRUE(fence_first(transition));
  }
}

TEST(Transitions, only_a_proven_quorum_is_reported_as_primary) {
  for (const Transition& transition : transitions()) {
    if (transition.to != NodeState::primary) continue;
    ASSERT_FALSE(transition.steps.empty());
    EXPECT_EQ(transition.steps.back(), Step::await_quorum);
  }
}

TEST(Transitions, a_standby_becomes_a_leader_by_promotion_only) {
  for (NodeState standby : {NodeState::catchingup, NodeState::secondary, NodeState::report_lsn,
                            NodeState::prepare_promotion, NodeState::fast_forward})
    for (NodeState leader : {NodeState::single, NodeState::wait_primary, NodeState::primary})
      EXPECT_EQ(find_transition(standby, leader), nullptr) << to_string(standby) << " -> " << to_string(leader);
}

TEST(Transitions, only_a_node_that_catches_up_may_give_up_its_data) {
  for (const Transition& transition : transitions())
    EXPECT_EQ(find_step(transition, Step::join_upstream) != nullptr, transition.to == NodeState::catchingup)
        << to_string(transition.to) << ": an electable node has every acknowledged commit";
}

TEST(Transitions, and_their_steps_have_names) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Step::join_upstream); ++i) names.insert(to_string(static_cast<Step>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Step::join_upstream) + 1);
  EXPECT_FALSE(names.contains("unknown"));
  for (const Transition& transition : transitions()) EXPECT_FALSE(transition.sentence.empty());
}

}  // namespace
}  // namespace autoctl::keeper
