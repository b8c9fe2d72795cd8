// `autoctl explain`: who would win, and why not the others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/output/explain.h"

namespace autoctl::cli {
namespace {

using protocol::StateDocument;
using testing::HasSubstr;

/// node_1 is the primary and waits for one of node_2 and node_3.
StateDocument three() {
  StateDocument state;
  state.groups.push_back({.formation = "default",
                          .quorum_confirmed = {1, {NodeId{2}, NodeId{3}}},
                          .quorum_assigned = {1, {NodeId{2}, NodeId{3}}}});
  for (int n = 1; n <= 3; ++n) {
    protocol::NodeDocument node;
    node.formation = "default";
    node.id = NodeId{n};
    node.name = "node_" + std::to_string(n);
    node.assigned = node.reported = n == 1 ? NodeState::primary : NodeState::secondary;
    node.connection = n == 1 ? "read-write" : "read-only";
    node.health = "healthy";
    node.timeline = Timeline{1};
    node.lsn = Lsn{0x3000000};
    node.electable = n != 1;
    state.nodes.push_back(node);
  }
  return state;
}

Explanation only(const StateDocument& state) {
  const auto all = explain(state);
  EXPECT_EQ(all.size(), 1U);
  return all.front();
}

TEST(Explain, TheHighestPriorityWinsAndFetchesWhatItLacks) {
  StateDocument state = three();
  EXPECT_EQ(only(state).winner, "node_2");
  state.nodes[2].candidate_priority = 60;
  state.nodes[2].lsn = Lsn{0x2000000};
  const Explanation said = only(state);
  EXPECT_EQ(said.primary, "node_1");
  EXPECT_EQ(said.winner, "node_3");
  EXPECT_THAT(said.sentence, HasSubstr("If it were lost now, node_3 would take over: it has candidate priority 60"));
  EXPECT_THAT(said.sentence, HasSubstr("would first fetch the WAL that it lacks from node_2"));
  ASSERT_EQ(said.losers.size(), 1U);
  EXPECT_EQ(said.losers[0].why, "its candidate priority 50 is lower");
}

TEST(Explain, WithoutOneThatMayHaveTheLastCommitsNobodyIsElected) {
  StateDocument state = three();
  state.nodes[2].health = "dead";
  state.nodes[2].electable = false;
  state.nodes[2].not_electable_because = "it is dead (its host refuses)";
  const Explanation said = only(state);
  EXPECT_EQ(said.winner, "");
  EXPECT_THAT(said.sentence, HasSubstr("no standby could be elected: node_3 (dead) is missing from the quorum"));
  EXPECT_EQ(said.losers.back().why, "it is dead (its host refuses)");
}

TEST(Explain, AnAsynchronousPrimaryHasNoSuccessor) {
  StateDocument state = three();
  state.groups[0].quorum_confirmed = state.groups[0].quorum_assigned = {};
  EXPECT_THAT(only(state).sentence, HasSubstr("did not wait for any standby"));
  state.nodes.resize(1);
  EXPECT_THAT(only(state).sentence, HasSubstr("there would be no other node"));
}

TEST(Explain, SpeaksJson) {
  const auto json = explanation_json(explain(three()));
  EXPECT_EQ(json[0]["would_win"], "node_2");
  EXPECT_EQ(json[0]["others"][0]["name"], "node_3");
  EXPECT_EQ(explanation_text(explain(three())).substr(0, 11), "default/0: ");
}

}  // namespace
}  // namespace autoctl::cli
