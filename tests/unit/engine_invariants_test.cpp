// What must hold of the stored rows, and that the engine ends where it does not.
#include <gmock/gmock.h>

#include "monitor/engine/invariants.h"
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using monitor::broken_invariant;
using monitor::Change;
using monitor::Decision;
using testing::HasSubstr;

class Invariants : public ::testing::Test {
 protected:
  Invariants() {
    Change change;
    change.formations.push_back({.name = "f"});
    change.groups.push_back(group(7));
    change.groups.back().quorum_assigned = {1, {NodeId{2}}};
    change.nodes.push_back(node(1, "a", NodeState::primary, 7));
    change.nodes.push_back(node(2, "b", NodeState::secondary, 6));
    model.apply(change, {});
  }

  static monitor::GroupRow group(std::uint64_t term) { return {.formation = "f", .group = 0, .term = Term{term}}; }
  static monitor::NodeRow node(std::int64_t id, const std::string& name, NodeState goal, std::uint64_t term) {
    monitor::NodeRow row{.id = NodeId{id}, .formation = "f", .group = 0, .name = name, .host = name};
    row.goal = {.state = goal, .term = Term{term}};
    return row;
  }
  std::string broken_by(const Change& change) const { return broken_invariant(model, change).value_or("nothing"); }
  std::string broken_by(const monitor::NodeRow& row, std::uint64_t term) const {
    Change change;
    change.groups.push_back(group(term));
    change.nodes.push_back(row);
    return broken_by(change);
  }
  std::string broken_by(const Decision& decision) const {
    return broken_invariant(model.groups.at({"f", 0}), decision).value_or("nothing");
  }
  static Decision decision(std::uint64_t term) {
    Decision decided;
    decided.rule = "some_rule";
    decided.term = Term{term};
    return decided;
  }

  monitor::Model model;
};

TEST_F(Invariants, HoldOfAPair) {
  EXPECT_EQ(broken_invariant(model), std::nullopt);
  EXPECT_EQ(broken_by(node(2, "b", NodeState::catchingup, 8), 8), "nothing");
}

TEST_F(Invariants, AGroupHasOnePrimary) {
  EXPECT_EQ(
      broken_by(node(2, "b", NodeState::wait_primary, 8), 8),
      "group 0 of formation 'f' has two primaries: a (node 1, primary, term 7) and b (node 2, wait_primary, term 8)");

  Change both;
  both.groups.push_back(group(8));
  both.nodes.push_back(node(1, "a", NodeState::demote_timeout, 8));
  both.nodes.push_back(node(2, "b", NodeState::wait_primary, 8));
  EXPECT_EQ(broken_by(both), "nothing") << "both change in one transaction";
}

TEST_F(Invariants, WhileNodesAreAwaitedEachKeepsItsGoal) {
  Change change;
  change.formations.push_back({.name = "f", .incomplete = true});
  change.nodes.push_back(node(2, "b", NodeState::primary, 7));
  EXPECT_EQ(broken_by(change), "nothing");
  change.nodes.back().awaited = true;
  model.apply(change, {});
  Change complete;
  complete.formations.push_back({.name = "f"});
  EXPECT_EQ(broken_by(complete), "nothing") << "what an awaited node is will be seen when it comes";
  complete.nodes.push_back(node(2, "b", NodeState::primary, 7));
  EXPECT_THAT(broken_by(complete), HasSubstr("two primaries"));
}

TEST_F(Invariants, TermsOnlyGrow) {
  EXPECT_THAT(broken_by(node(2, "b", NodeState::secondary, 6), 6), HasSubstr("goes back from term 7 to 6"));
  EXPECT_THAT(broken_by(node(2, "b", NodeState::catchingup, 6), 8), HasSubstr("a new goal is of no later term"));
  EXPECT_THAT(broken_by(node(2, "b", NodeState::catchingup, 9), 8), HasSubstr("is in term 8, and a goal is later"));
}

TEST_F(Invariants, AQuorumIsInOrder) {
  Change change;
  change.groups.push_back(group(8));
  auto& quorum = change.groups.back().quorum_confirmed;
  quorum = {2, {NodeId{2}}};
  EXPECT_THAT(broken_by(change), HasSubstr("more acknowledgements than it has voters: 2 of (2)"));
  quorum = {1, {NodeId{2}, NodeId{1}}};
  EXPECT_THAT(broken_by(change), HasSubstr("not sorted and unique: 1 of (2, 1)"));
  quorum = {1, {NodeId{2}, NodeId{2}}};
  EXPECT_THAT(broken_by(change), HasSubstr("not sorted and unique"));
  quorum = {1, {NodeId{0}}};
  EXPECT_THAT(broken_by(change), HasSubstr("a voter that is no node"));
  quorum = {1, {NodeId{2}, NodeId{5}}};
  EXPECT_EQ(broken_by(change), "nothing") << "one that was dropped before the primary heard of it";
}

TEST_F(Invariants, ADecisionIsLaterAndNamesNoStrangers) {
  EXPECT_EQ(broken_by(decision(8)), "nothing");
  EXPECT_THAT(broken_by(decision(7)), HasSubstr("a decision of term 7 in term 7"));
  Decision strange = decision(8);
  strange.quorum_assigned = SyncQuorum{1, {NodeId{2}, NodeId{5}}};
  EXPECT_THAT(broken_by(strange), HasSubstr("names a voter that is no node of the group: 1 of (2, 5)"));
  Decision old = decision(8);
  old.goals.emplace_back(NodeId{2}, Goal{.state = NodeState::catchingup, .term = Term{7}});
  EXPECT_THAT(broken_by(old), HasSubstr("is of term 7"));
  Decision elsewhere = decision(8);
  elsewhere.goals.emplace_back(NodeId{9}, Goal{.state = NodeState::catchingup, .term = Term{8}});
  EXPECT_THAT(broken_by(elsewhere), HasSubstr("it is no node of the group"));
}

using EngineInvariantsDeathTest = EngineTest;

TEST_F(EngineInvariantsDeathTest, AStoreThatHoldsTwoPrimariesIsNotDecidedFrom) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  store.nodes.at(b().id).goal.state = NodeState::wait_primary;
  const int commits = store.commits;
  EXPECT_EXIT(start_engine(), testing::KilledBySignal(SIGABRT),
              "Broken invariant: the store .* holds what must never be: group 0 of formation 'default' has two "
              "primaries: a .*and b .*nothing was decided");
  EXPECT_EQ(store.commits, commits);
}

TEST_F(EngineInvariantsDeathTest, ADecisionThatMakesASecondPrimaryIsNotWritten) {
  ASSERT_NO_FATAL_FAILURE(make_pair());
  const auto mistaken = [](const monitor::GroupSnapshot& group, const monitor::Settings&, TimePoint) {
    Decision decided;
    decided.rule = "a_mistake";
    decided.reason = "why not";
    decided.term = Term{group.term.value + 1};
    decided.goals.emplace_back(group.nodes.back().id, Goal{.state = NodeState::wait_primary, .term = decided.term});
    return std::optional(decided);
  };
  EXPECT_EXIT(start_engine(true, mistaken), testing::KilledBySignal(SIGABRT),
              "about to write what must never be: group 0 of formation 'default' has two primaries");
}

}  // namespace
}  // namespace autoctl::test
