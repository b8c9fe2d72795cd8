// Does the explorer see anything? Deliberate mistakes in the rules, made from outside by lying to decide() or by
// changing what it says, must each lead to a counterexample.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "explorer.h"
#include "monitor/fsm/roles.h"

namespace autoctl::explorer {
namespace {

using monitor::Decision;
using monitor::GroupSnapshot;
using monitor::Settings;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

/// What the explorer finds with this in place of decide().
std::string counterexample(Decide mutant) {
  return Explorer({.rules = {.decide = std::move(mutant)}, .faults = 2}).run().counterexample.value_or("nothing");
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
              StartsWith("nodes can elect which the primary can do without"));
}

TEST(Mutant, standby_lost_leaves_it_electable) {
  const auto keep = [](Decision& d) { d.quorum_confirmed = d.quorum_assigned = std::nullopt; };
  EXPECT_THAT(counterexample(changing("standby_lost", keep)),
              StartsWith("nodes can elect which the primary can do without"));
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
              StartsWith("after the loss of node 0: no surviving node's goal is to be the primary"));
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
              StartsWith("after the loss of node 0: no surviving node's goal is to be the primary"));
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
    const auto told = [](const monitor::NodeView& n) {
      return n.goal.state == NodeState::stop_replication && !n.reported;
    };
    const auto candidate = std::ranges::find_if(group.nodes, told);
    if (candidate == group.nodes.end()) return;
    candidate->goal.state = NodeState::prepare_promotion;
    for (auto& node : group.nodes)
      if (node.goal.state == NodeState::demoted) node.goal.state = NodeState::demote_timeout;
  };
  EXPECT_THAT(counterexample(seeing(demote)), StartsWith("two nodes can acknowledge commits"));
}

TEST(Mutant, worker_waits_for_its_coordinator_for_ever) {
  const Decide patient = [](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    return decision && decision->rule == "switchover_not_held" ? std::nullopt : decision;
  };
  EXPECT_THAT(
      Explorer({.rules = {.decide = patient}, .faults = 0, .worker = true}).run().counterexample.value_or("nothing"),
      StartsWith("after the faults, with a coordinator that never holds: an operation does not end"));
}

TEST(Mutant, lost_candidate_is_never_called_off) {
  const Decide stubborn = [](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    return decision && decision->rule == "election_called_off" ? std::nullopt : decision;
  };
  // The shortest way: one that was to show that it has everything, and never does.
  EXPECT_THAT(counterexample(stubborn), StartsWith("after the faults: no surviving node's goal is to be the primary"));
}

/// Two nodes in no quorum, and failovers that may lose what they acknowledge.
std::string counterexample_of_bounded_loss(Decide mutant) {
  ExplorerPlan plan{.rules = {.decide = std::move(mutant)}, .faults = 2, .operations = false};
  plan.rules.settings.failover_max_lost_time = Millis{8'000};
  for (Attributes& node : plan.rules.attributes) node.replication_quorum = false;
  return Explorer(plan).run().counterexample.value_or("nothing");
}

TEST(Mutant, failover_with_bounded_loss_does_not_wait_for_the_lease) {
  const auto over = [](GroupSnapshot& group) {
    for (auto& node : group.nodes) node.lease_until = TimePoint::min();
  };
  EXPECT_THAT(counterexample_of_bounded_loss(seeing(over)), StartsWith("two nodes can acknowledge commits"));
}

TEST(Mutant, failover_with_bounded_loss_does_not_depose_the_old_primary) {
  const auto leave = [](Decision& d) {
    std::erase_if(d.goals, [](const auto& assigned) { return assigned.second.state == NodeState::demote_timeout; });
  };
  EXPECT_THAT(counterexample_of_bounded_loss(changing("failover_with_bounded_loss", leave)),
              Not(StartsWith("nothing")));
}

/// Of three nodes, from rest, in any weather.
std::string counterexample_of_three(ExplorerPlan plan) {
  plan.nodes = 3;
  plan.at_rest = plan.any_weather = true;
  return Explorer(plan).run().counterexample.value_or("nothing");
}
std::string counterexample_of_three(Decide mutant, int preferred_priority = 50, bool operations = false) {
  ExplorerPlan plan{.rules = {.decide = std::move(mutant)}, .operations = operations};
  plan.rules.attributes[2].candidate_priority = preferred_priority;
  return counterexample_of_three(plan);
}

TEST(MutantOfThree, preferred_standby_does_not_fetch_what_it_lacks) {
  const auto at_once = [](Decision& d) {
    for (auto& [id, goal] : d.goals)
      if (goal.state == NodeState::fast_forward)
        goal = Goal{.state = NodeState::prepare_promotion, .term = goal.term, .fence = true};
  };
  EXPECT_THAT(counterexample_of_three(changing("standbys_elect", at_once), 60),
              HasSubstr("lacks an acknowledged commit"));
}

TEST(MutantOfThree, candidate_takes_over_without_what_another_acknowledged) {
  const auto trust = [](Decision& d) {
    for (auto& [id, goal] : d.goals) goal.await_lsn = Lsn{};
  };
  EXPECT_THAT(counterexample_of_three(changing("old_primary_drained", trust), 50, true),
              HasSubstr("lacks an acknowledged commit"));
}

TEST(MutantOfThree, first_old_primary_can_be_called_back_after_a_second_one) {
  const auto forget = [](Decision& d) {
    std::erase_if(d.goals, [](const auto& assigned) { return assigned.second.state == NodeState::demoted; });
  };
  EXPECT_THAT(counterexample_of_three(changing("candidate_is_fenced", forget)), Not(StartsWith("nothing")));
}

TEST(MutantOfThree, standby_that_joins_again_stays_electable) {
  const auto stay = [](Decision& d) {
    for (auto& [id, goal] : d.goals)
      if (goal.state == NodeState::catchingup) goal.state = NodeState::secondary;
  };
  EXPECT_THAT(counterexample_of_three(changing("old_primary_rejoins", stay)), Not(StartsWith("nothing")));
}

TEST(MutantOfThree, election_without_all_who_may_have_acknowledged) {
  const auto hurry = [](GroupSnapshot& group) {
    const monitor::NodeView* leader = monitor::leader_of(group);
    if (leader != nullptr && !monitor::dead(*leader)) return;
    for (SyncQuorum* quorum : {&group.quorum_confirmed, &group.quorum_assigned})
      quorum->acks = static_cast<int>(quorum->voters.size());
  };
  EXPECT_THAT(counterexample_of_three(seeing(hurry)), HasSubstr("lacks an acknowledged commit"));
}

TEST(MutantOfThree, changed_quorum_counts_before_it_is_proved) {
  EXPECT_THAT(
      counterexample_of_three(changing("quorum_grows", [](Decision& d) { d.quorum_confirmed = d.quorum_assigned; })),
      StartsWith("nodes can elect which the primary can do without"));
}

/// A standby may still obey an older goal than to follow the new primary, rewind, and lose what it has acknowledged.
TEST(MutantOfThree, promoted_primary_proves_its_quorum_with_whoever_streams) {
  const Decide hasty = changing("candidate_promoted", [](Decision& d) {
    for (auto& [id, goal] : d.goals)
      if (!goal.sync.asynchronous()) goal.state = NodeState::primary;
  });
  ExplorerPlan plan{.rules = {.decide = hasty}, .operations = false};
  plan.rules.settings.number_sync_standbys = 1;
  EXPECT_THAT(counterexample_of_three(plan), HasSubstr("lack an acknowledged commit"));
}

}  // namespace
}  // namespace autoctl::explorer
