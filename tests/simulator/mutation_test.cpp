// Does the simulator see anything? Deliberate mistakes in the rules, made from outside by lying to decide() or by
// changing what it says, must each end in a violation within a bounded number of events.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <memory>

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

std::string found(WorldPlan plan) {
  std::uint64_t events = 0;
  plan.events = 100'000;
  for (plan.seed = 1; events < events_at_most; ++plan.seed) {
    const RunResult outcome = simulate(plan);
    events += outcome.tally.events;
    if (!outcome.violation) continue;
    std::printf("caught after %llu events, seed %llu\n", static_cast<unsigned long long>(events),
                static_cast<unsigned long long>(plan.seed));
    return outcome.violation->substr(0, outcome.violation->find('\n'));
  }
  return "nothing";
}

std::string found(monitor::Decide mutant, int nodes = 2) {
  return found({.nodes = nodes, .decide = std::move(mutant)});
}

/// In Citus formations.
std::string found_with_citus(Lie lie, monitor::Decide mutant = monitor::decide) {
  return found({.nodes = 2, .decide = std::move(mutant), .citus_workers = 1, .lie = std::move(lie)});
}

/// A mutant of the routing, which hears something else of each group of workers than the monitor's plan.
Lie hearing(std::function<void(int node, protocol::CitusRoute&)> lie) {
  return [=](int node, protocol::CitusPlan& plan) {
    for (auto& route : plan.routes)
      if (route.group != 0) lie(node, route);
  };
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

/// In groups whose failovers may lose commits, within bounds. That in time holds twice: the monitor also forgets when a
/// primary had less than a standby has, once that is longer ago.
std::string found_where_commits_may_be_lost(monitor::Decide mutant) {
  return found({.nodes = 2, .decide = std::move(mutant), .bounded_loss = true});
}

TEST(SimulatedMutant, bounded_loss_has_no_bound_in_bytes) {
  const monitor::Decide generous = [](const GroupSnapshot& group, Settings settings, TimePoint now) {
    settings.failover_max_lost_bytes = UINT64_MAX;
    return monitor::decide(group, settings, now);
  };
  EXPECT_THAT(found_where_commits_may_be_lost(generous), HasSubstr("loses more than the bound says"));
}

TEST(SimulatedMutant, bounded_loss_does_not_wait_for_the_lease) {
  const auto over = [](GroupSnapshot& group) {
    for (auto& node : group.nodes) node.lease_until = TimePoint::min();
  };
  EXPECT_THAT(found_where_commits_may_be_lost(seeing(over)), HasSubstr("acknowledge"));
}

TEST(SimulatedMutant, citus_statements_go_to_the_candidate_before_it_is_promoted) {
  const auto hasten = [](int, protocol::CitusRoute& route) {
    if (route.hold_for && !route.primary) route.primary = route.hold_for;
  };
  EXPECT_THAT(found_with_citus(hearing(hasten)), HasSubstr("which is not its primary"));
}

TEST(SimulatedMutant, citus_hold_is_never_let_go) {
  const auto held = std::make_shared<std::map<std::pair<int, GroupId>, NodeId>>();
  const auto keep = [held](int node, protocol::CitusRoute& route) {
    NodeId& target = (*held)[{node, route.group}];
    if (route.hold_for) target = route.hold_for;
    if (target && route.primary != target) route.hold_for = target;
  };
  EXPECT_THAT(found_with_citus(hearing(keep)), HasSubstr("held for longer than there is a reason"));
}

TEST(SimulatedMutant, citus_statements_stay_with_the_first_primary) {
  const auto first = std::make_shared<std::map<GroupId, NodeId>>();
  const auto stick = [first](int, protocol::CitusRoute& route) {
    NodeId& primary = (*first)[route.group];
    if (!primary) primary = route.primary;
    route.primary = primary;
  };
  EXPECT_THAT(found_with_citus(hearing(stick)),
              AnyOf(HasSubstr("sends its statements to"), HasSubstr("no statement is served"), HasSubstr("held")));
}

TEST(SimulatedMutant, citus_hand_over_does_not_wait_for_the_hold) {
  const auto believe = [](GroupSnapshot& group) {
    if (group.traffic && group.operation) group.traffic->held_for = group.operation->target;
  };
  EXPECT_THAT(found_with_citus({}, seeing(believe)), HasSubstr("the statements are not held"));
}

}  // namespace
}  // namespace autoctl::simulator
