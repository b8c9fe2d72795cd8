// Does the explorer see anything? Deliberate mistakes in the rules, made from outside by lying to decide() or by
// changing what it says, must each lead to a counterexample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "explorer.h"

namespace autoctl::sim {
namespace {

using monitor::Decision;
using monitor::GroupSnapshot;
using monitor::Settings;
using testing::StartsWith;

/// What the explorer finds with this in place of decide().
std::string counterexample(Decide mutant) {
  return Explorer({.decide = std::move(mutant), .faults = 2}).run().counterexample.value_or("nothing");
}

/// A mutant that changes the decisions of one rule.
Decide changing(std::string_view rule, std::function<void(Decision&)> change) {
  return [=](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    if (decision && decision->rule == rule) change(*decision);
    return decision;
  };
}

/// A mutant that sees another group than there is.
Decide seeing(std::function<void(GroupSnapshot&)> lie) {
  return [=](GroupSnapshot group, const Settings& settings, TimePoint now) {
    lie(group);
    return monitor::decide(group, settings, now);
  };
}

TEST(Mutant, quorum_is_confirmed_without_proof) {
  EXPECT_THAT(counterexample(changing("quorum_turned_on", [](Decision& d) { d.quorum_confirmed = d.quorum_assigned; })),
              StartsWith("a node is electable which the primary does not wait for"));
}

TEST(Mutant, standby_lost_leaves_it_electable) {
  const auto keep = [](Decision& d) { d.quorum_confirmed = d.quorum_assigned = std::nullopt; };
  EXPECT_THAT(counterexample(changing("standby_lost", keep)),
              StartsWith("a node is electable which the primary does not wait for"));
}

TEST(Mutant, candidate_is_promoted_before_it_is_fenced) {
  const auto settle = [](GroupSnapshot& group) {
    for (auto& node : group.nodes)
      if (node.goal.state == NodeState::prepare_promotion && node.reported) {
        node.facts.state = node.goal.state;
        node.facts.term = node.goal.term;
        node.facts.receiving = false;
      }
  };
  EXPECT_THAT(counterexample(seeing(settle)), StartsWith("no transition from secondary to stop_replication"));
}

TEST(Mutant, candidate_is_never_fenced) {
  const auto omit = [](Decision& d) {
    for (auto& [id, goal] : d.goals) goal.fence = false;
  };
  EXPECT_THAT(counterexample(changing("primary_is_dead", omit)),
              StartsWith("after the loss of node 0: the surviving node's goal is not to be the primary"));
}

TEST(Mutant, election_ignores_the_assigned_quorum) {
  // With two nodes every rule that assigns less also takes the confirmation back, so that either guard would do: both
  // are out.
  const Decide mutant = [](GroupSnapshot group, const Settings& settings, TimePoint now) {
    const SyncQuorum confirmed = group.quorum_confirmed;
    group.quorum_assigned = confirmed;
    auto decision = monitor::decide(group, settings, now);
    if (decision && decision->rule == "standby_lost") decision->quorum_confirmed = confirmed;
    return decision;
  };
  EXPECT_THAT(counterexample(mutant), StartsWith("after the faults: the primary lacks an acknowledged commit"));
}

TEST(Mutant, candidate_is_told_to_promote_though_it_is_lost) {
  const auto revive = [](GroupSnapshot& group) {
    for (auto& node : group.nodes)
      if (node.goal.state == NodeState::prepare_promotion) node.health.verdict = monitor::Verdict::healthy;
  };
  EXPECT_THAT(counterexample(seeing(revive)),
              StartsWith("after the loss of node 1: the surviving node's goal is not to be the primary"));
}

TEST(Mutant, old_primary_is_never_told_to_rejoin) {
  const Decide forgetful = [](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    return decision && decision->rule == "old_primary_rejoins" ? std::nullopt : decision;
  };
  EXPECT_THAT(counterexample(forgetful), StartsWith("after the faults: there is no synchronous primary"));
}

TEST(Mutant, candidate_told_to_promote_can_be_called_off) {
  const auto demote = [](GroupSnapshot& group) {
    for (auto& node : group.nodes)
      if (node.goal.state == NodeState::stop_replication && !node.reported)
        node.goal.state = NodeState::prepare_promotion;
  };
  EXPECT_THAT(counterexample(seeing(demote)), StartsWith("the node that leads lacks an acknowledged commit"));
}

TEST(Mutant, worker_waits_for_its_coordinator_for_ever) {
  const Decide patient = [](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    return decision && decision->rule == "switchover_not_held" ? std::nullopt : decision;
  };
  EXPECT_THAT(Explorer({.decide = patient, .faults = 0, .worker = true}).run().counterexample.value_or("nothing"),
              StartsWith("after the faults, with a coordinator that never holds: an operation does not end"));
}

TEST(Mutant, lost_candidate_is_never_called_off) {
  const Decide stubborn = [](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    return decision && decision->rule == "election_called_off" ? std::nullopt : decision;
  };
  EXPECT_THAT(counterexample(stubborn),
              StartsWith("after the loss of node 1: the surviving node's goal is not to be the primary"));
}

}  // namespace
}  // namespace autoctl::sim
