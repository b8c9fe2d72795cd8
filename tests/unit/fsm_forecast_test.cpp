// Who would take over: what `explain` says is what the rules would do.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fsm_group.h"
#include "monitor/fsm/forecast.h"

namespace autoctl::monitor::test {
namespace {

using testing::HasSubstr;

Forecast of(const Group& group) {
  return forecast_loss(group.snapshot, group.settings, group.now);
}

TEST(Forecast, the_highest_priority_wins_and_fetches_what_it_lacks) {
  Group group = three_at_rest();
  EXPECT_EQ(of(group).winner, "node_b");
  group[node_c].candidate_priority = 60;
  group[node_c].facts.lsn = Lsn{900};
  const Forecast said = of(group);
  EXPECT_EQ(said.primary, "node_a");
  EXPECT_EQ(said.winner, "node_c");
  EXPECT_THAT(said.sentence, HasSubstr("Were it lost now, node_c would take over: it has candidate priority 60"));
  EXPECT_THAT(said.sentence, HasSubstr("would first fetch what node_b has more"));
  ASSERT_EQ(said.losers.size(), 1U);
  EXPECT_EQ(said.losers[0].name, "node_b");
  EXPECT_EQ(said.losers[0].why, "its candidate priority 50 is lower");
}

TEST(Forecast, a_standby_that_was_promoted_by_hand_does_not_win_whatever_its_priority) {
  Group group = at_rest({node_b, node_c}, 2);
  group[node_c].candidate_priority = 100;
  group[node_c].facts.forked = true;
  const Forecast said = of(group);
  EXPECT_EQ(said.winner, "node_b");
  ASSERT_EQ(said.losers.size(), 1U);
  EXPECT_EQ(said.losers[0].why, "its history has forked off from the primary's");
}

TEST(Forecast, a_standby_whose_history_has_forked_off_does_not_win_whatever_its_priority) {
  Group group = at_rest({node_b, node_c}, 2);
  group[node_c].candidate_priority = 100;
  for (const NodeId id : {node_a, node_b}) {
    group[id].facts.timeline = Timeline{3};
    group[id].facts.history = {{Timeline{1}, Lsn{500}}};
  }
  group[node_c].facts.timeline = Timeline{2};
  group[node_c].facts.history = {{Timeline{1}, Lsn{700}}};
  const Forecast said = of(group);
  EXPECT_EQ(said.winner, "node_b");
  EXPECT_EQ(said.losers[0].why, "its history has forked off from the primary's");
}

TEST(Forecast, without_a_standby_that_may_have_the_last_commits_no_node_wins) {
  Group group = three_at_rest();
  group.judge(node_c, Verdict::dead);
  const Forecast said = of(group);
  EXPECT_EQ(said.winner, "");
  EXPECT_THAT(said.sentence, HasSubstr("nobody could be elected: of the quorum node_c (dead) is missing"));
  EXPECT_EQ(said.losers.back().why, "it is dead (the test says so)");
}

TEST(Forecast, an_asynchronous_primary_has_no_successor) {
  Group group = three_at_rest();
  make_asynchronous(group);
  EXPECT_THAT(of(group).sentence, HasSubstr("did not wait for any standby"));
  group.snapshot.nodes.resize(1);
  EXPECT_THAT(of(group).sentence, HasSubstr("there would be no other node"));
}

TEST(Forecast, an_election_that_is_on_names_the_winner_that_the_rules_choose) {
  Group group = electing();
  group[node_c].facts.lsn = Lsn{2000};
  const Forecast said = of(group);
  EXPECT_EQ(said.primary, "");
  EXPECT_EQ(said.winner, "node_c");
  EXPECT_EQ(group.fired(), "standbys_elect");
  EXPECT_EQ(state_in(group.decision(), node_c), NodeState::prepare_promotion);
}

TEST(Forecast, a_pause_lets_no_node_win) {
  Group group = pair_at_rest();
  group.settings.paused = true;
  const Forecast said = of(group);
  EXPECT_EQ(said.winner, "");
  EXPECT_THAT(said.sentence, HasSubstr("while the formation is paused; without the pause, node_b would take over"));
}

TEST(Forecast, a_monitor_that_suspects_itself_says_so) {
  Group group = pair_at_rest();
  group.snapshot.monitor_trusts_itself = false;
  EXPECT_EQ(of(group).winner, "");
  EXPECT_THAT(of(group).sentence, HasSubstr("suspects itself"));
}

}  // namespace
}  // namespace autoctl::monitor::test
