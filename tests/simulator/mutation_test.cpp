// Does the simulator see anything? Deliberate mistakes in the rules, made from outside by lying to decide() or by
// changing what it says, must each end in a violation within a bounded number of events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "simulation.h"

namespace autoctl::simulator {
namespace {

using monitor::Decision;
using monitor::GroupSnapshot;
using monitor::Settings;
using testing::AnyOf;
using testing::HasSubstr;

/// No mistake may survive more.
constexpr std::uint64_t events_at_most = 12'000'000;

std::string found(monitor::Decide mutant, int nodes = 2) {
  std::uint64_t events = 0;
  for (std::uint64_t seed = 1; events < events_at_most; ++seed) {
    const Outcome outcome = simulate({.seed = seed, .nodes = nodes, .events = 100'000, .decide = mutant});
    events += outcome.tally.events;
    if (!outcome.violation) continue;
    std::printf("caught after %llu events, seed %llu\n", static_cast<unsigned long long>(events),
                static_cast<unsigned long long>(seed));
    return outcome.violation->substr(0, outcome.violation->find('\n'));
  }
  return "nothing";
}

/// A mutant that changes the decisions of one rule.
monitor::Decide changing(std::string_view rule, std::function<void(Decision&)> change) {
  return [=](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    if (decision && decision->rule == rule) change(*decision);
    return decision;
  };
}

/// A mutant that sees another group than there is.
monitor::Decide seeing(std::function<void(GroupSnapshot&)> lie) {
  return [=](GroupSnapshot group, const Settings& settings, TimePoint now) {
    lie(group);
    return monitor::decide(group, settings, now);
  };
}

/// A mutant without one of the rules; those after it get no turn where it would have fired.
monitor::Decide without(std::string_view rule) {
  return [=](const GroupSnapshot& group, const Settings& settings, TimePoint now) {
    auto decision = monitor::decide(group, settings, now);
    return decision && decision->rule == rule ? std::nullopt : decision;
  };
}

TEST(SimulatedMutant, quorum_is_confirmed_without_proof) {
  EXPECT_THAT(found(changing("quorum_turned_on", [](Decision& d) { d.quorum_confirmed = d.quorum_assigned; })),
              HasSubstr("acknowledge"));
}

TEST(SimulatedMutant, standby_lost_leaves_it_electable) {
  EXPECT_THAT(
      found(changing("standby_lost", [](Decision& d) { d.quorum_confirmed = d.quorum_assigned = std::nullopt; })),
      HasSubstr("acknowledge"));
}

TEST(SimulatedMutant, candidate_is_promoted_before_it_is_fenced) {
  const auto settle = [](GroupSnapshot& group) {
    for (auto& node : group.nodes)
      if (node.goal.state == NodeState::prepare_promotion && node.reported) {
        node.facts.state = node.goal.state;
        node.facts.term = node.goal.term;
        node.facts.receiving = false;
      }
  };
  EXPECT_THAT(found(seeing(settle)), HasSubstr("no way from secondary to stop_replication"));
}

TEST(SimulatedMutant, candidate_is_never_fenced) {
  const auto omit = [](Decision& d) {
    for (auto& [id, goal] : d.goals) goal.fence = false;
  };
  EXPECT_THAT(found(changing("primary_is_dead", omit)),
              AnyOf(HasSubstr("not whole"), HasSubstr("no commit is acknowledged")));
}

TEST(SimulatedMutant, silence_is_death) {
  const auto impatient = [](GroupSnapshot& group) {
    for (auto& node : group.nodes) {
      if (node.health.verdict == monitor::Verdict::healthy) continue;
      node.health.verdict = monitor::Verdict::dead;
      for (auto* quorum : {&group.quorum_confirmed, &group.quorum_assigned})
        if (quorum->asynchronous() && group.nodes.size() == 2)
          *quorum = {1, {group.nodes[node.id == group.nodes[0].id ? 1 : 0].id}};
    }
  };
  EXPECT_THAT(found(seeing(impatient)), HasSubstr("acknowledge"));
}

TEST(SimulatedMutant, crashed_primary_is_believed_to_have_handed_over) {
  const auto believe = [](GroupSnapshot& group) {
    for (auto& node : group.nodes)
      if (node.goal.state == NodeState::draining && !node.facts.lsn) node.facts.lsn = Lsn{1};
  };
  EXPECT_THAT(found(seeing(believe), 4), HasSubstr("acknowledged"));
}

TEST(SimulatedMutant, old_primary_is_never_told_to_rejoin) {
  EXPECT_THAT(found(without("old_primary_rejoins")), HasSubstr("not whole"));
}

}  // namespace
}  // namespace autoctl::simulator
