#include <gtest/gtest.h>

#include "cli/operation.h"

namespace autoctl::cli {
namespace {

protocol::StateDocument state_of(std::initializer_list<std::pair<NodeState, NodeState>> nodes) {
  protocol::StateDocument state;
  std::int64_t id = 0;
  for (const auto& [reported, assigned] : nodes) {
    protocol::NodeDocument node;
    node.id = NodeId{++id};
    node.reported = reported;
    node.assigned = assigned;
    state.nodes.push_back(node);
  }
  return state;
}

using enum NodeState;

TEST(Perform, APrimaryIsAnnouncedWhenItReportsThatItIsOne) {
  EXPECT_FALSE(is_announced(state_of({{primary, primary}, {secondary, secondary}}), NodeId{1}));
  EXPECT_FALSE(is_announced(state_of({{demoted, demoted}, {stop_replication, wait_primary}}), NodeId{1}));
  EXPECT_TRUE(is_announced(state_of({{demoted, catchingup}, {wait_primary, wait_primary}}), NodeId{1}));
}

TEST(Perform, SettledMeansOnePrimaryAndEverybodyArrived) {
  EXPECT_TRUE(is_settled(state_of({{secondary, secondary}, {primary, primary}})));
  EXPECT_TRUE(is_settled(state_of({{single, single}})));
  EXPECT_TRUE(is_settled(state_of({{primary, primary}, {maintenance, maintenance}})));
  EXPECT_FALSE(is_settled(state_of({{catchingup, secondary}, {wait_primary, wait_primary}})));
  EXPECT_FALSE(is_settled(state_of({{catchingup, catchingup}, {primary, primary}})));
  EXPECT_FALSE(is_settled(state_of({{secondary, secondary}})));
  EXPECT_FALSE(is_settled(state_of({{wait_primary, wait_primary}})));
}

TEST(Perform, ThePrimaryIsTheOneThatIsAssigned) {
  EXPECT_EQ(primary_of(state_of({{secondary, secondary}, {primary, primary}})), NodeId{2});
  EXPECT_EQ(primary_of(state_of({{secondary, secondary}})), NodeId{});
}

}  // namespace
}  // namespace autoctl::cli
