// The safety rules (docs/safety-rules.md) and liveness over the real engine and the real transition table, in a world
// full of faults.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <functional>

#include "regressions.h"
#include "simulation.h"

namespace autoctl::simulator {
namespace {

void print(const Tally& tally) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu events in %llu virtual seconds: %llu faults, %llu decisions, %llu promotions (%llu lose something), %llu "
      "commits acknowledged; "
      "whole again %llu times, at the latest after %.1f s\n",
      number(tally.events), number(tally.virtual_seconds), number(tally.faults), number(tally.decisions),
      number(tally.promotions), number(tally.losses), number(tally.commits_acknowledged), number(tally.convergences),
      static_cast<double>(tally.slowest_convergence) / 1e6);
}

/// Seeds from 1 on, until there were so many events.
Tally run(const std::function<WorldPlan(std::uint64_t seed)>& plan_of, std::uint64_t events) {
  Tally all;
  for (std::uint64_t seed = 1; all.events < events; ++seed) {
    WorldPlan plan = plan_of(seed);
    plan.events = std::min(plan.events, events);
    const RunResult outcome = simulate(plan);
    all += outcome.tally;
    EXPECT_FALSE(outcome.violation) << *outcome.violation;
    if (outcome.violation) break;
  }
  print(all);
  EXPECT_GT(all.promotions, 0U);
  return all;
}

TEST(Simulator, Pairs) {
  run([](std::uint64_t seed) { return WorldPlan{.seed = seed, .nodes = 2}; }, 1'000'000);
}

/// Four seeds or more: with and without number_sync_standbys, alike and varied.
TEST(Simulator, GroupsOfThree) {
  const auto plan_of = [](std::uint64_t seed) {
    const int number_sync_standbys = seed / 2 % 2 == 1 ? 1 : 0;
    return WorldPlan{.seed = seed, .nodes = 3, .number_sync_standbys = number_sync_standbys, .varied = seed % 2 == 0};
  };
  run(plan_of, 800'000);
}

TEST(Simulator, GroupsOfSeven) {
  run([](std::uint64_t seed) { return WorldPlan{.seed = seed, .nodes = 7, .number_sync_standbys = 2}; }, 200'000);
}

TEST(Simulator, TenGroupsOfFive) {
  run([](std::uint64_t seed) { return WorldPlan{.seed = seed, .groups = 10, .nodes = 5, .varied = true}; }, 100'000);
}

/// A coordinator's pair and two pairs of workers, and larger ones.
TEST(Simulator, CitusFormations) {
  const auto plan_of = [](std::uint64_t seed) {
    return WorldPlan{.seed = seed,
                     .nodes = 2 + (seed % 4 == 0 ? 1 : 0),
                     .varied = seed % 3 == 0,
                     .citus_workers = 1 + static_cast<int>(seed % 3)};
  };
  run(plan_of, 600'000);
}

/// What is written there is promised to nobody; the node counts nowhere, and is healed.
TEST(Simulator, PairsInWhichStandbysArePromotedByHand) {
  run([](std::uint64_t seed) { return WorldPlan{.seed = seed, .nodes = 2, .promotions_by_hand = true}; }, 300'000);
}

TEST(Simulator, GroupsInWhichStandbysArePromotedByHand) {
  run(
      [](std::uint64_t seed) {
        return WorldPlan{
            .seed = seed, .nodes = 3 + static_cast<int>(seed % 2), .varied = seed % 3 == 0, .promotions_by_hand = true};
      },
      400'000);
}

TEST(Simulator, GroupsInWhichFailoversAreManual) {
  run(
      [](std::uint64_t seed) {
        return WorldPlan{
            .seed = seed, .nodes = 2 + static_cast<int>(seed % 2), .varied = seed % 3 == 0, .manual_failover = true};
      },
      300'000);
}

TEST(Simulator, GroupsInWhichServersHang) {
  run(
      [](std::uint64_t seed) {
        return WorldPlan{.seed = seed,
                         .nodes = 1 + static_cast<int>(seed % 4),
                         .varied = seed % 3 == 0,
                         .manual_failover = seed % 5 == 0,
                         .hangs = true};
      },
      500'000);
}

/// Those that are lost meanwhile are replaced meanwhile, or soon afterwards; nobody else is.
TEST(Simulator, GroupsWhoseMonitorIsOverloaded) {
  run(
      [](std::uint64_t seed) {
        return WorldPlan{.seed = seed,
                         .nodes = 1 + static_cast<int>(seed % 4),
                         .varied = seed % 3 == 0,
                         .hangs = seed % 4 == 0,
                         .overloads = true};
      },
      500'000);
}

/// Never more is lost than the bound says, and no two nodes acknowledge.
TEST(Simulator, GroupsInWhichFailoversMayLoseCommits) {
  const Tally all = run(
      [](std::uint64_t seed) {
        return WorldPlan{
            .seed = seed, .nodes = 2 + static_cast<int>(seed % 3), .varied = seed % 4 == 0, .bounded_loss = true};
      },
      600'000);
  EXPECT_GT(all.losses, 0U) << "some lose something";
}

TEST(Simulator, WhateverTheSeedChooses) {
  run(random_plan, 400'000);
}

void expect_no_violation(const WorldPlan& plan) {
  const RunResult outcome = simulate(plan);
  EXPECT_FALSE(outcome.violation) << *outcome.violation;
}

TEST(Simulator, SeedsThatOnceFailed) {
  for (const WorldPlan& plan : seeds_that_once_failed) expect_no_violation(plan);
}

TEST(Simulator, WorldsThatOnceFailed) {
  for (const std::uint64_t seed : worlds_that_once_failed) {
    WorldPlan plan = random_plan(seed);
    plan.hangs = plan.overloads = plan.bounded_loss = false;  // there was no such thing then
    expect_no_violation(plan);
  }
}

TEST(Simulator, SameSeedSameWorld) {
  const WorldPlan plan{.seed = 7, .groups = 3, .nodes = 3, .events = 100'000};
  const RunResult first = simulate(plan);
  const RunResult second = simulate(plan);
  EXPECT_EQ(first.tally.events, second.tally.events);
  EXPECT_EQ(first.tally.commits_acknowledged, second.tally.commits_acknowledged);
  EXPECT_EQ(first.tally.decisions, second.tally.decisions);
}

}  // namespace
}  // namespace autoctl::simulator
