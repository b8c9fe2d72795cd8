// The design's safety rules and liveness over the real engine and the real transition table, in a world full of faults.
#include <gtest/gtest.h>

#include <cstdio>

#include "regressions.h"
#include "simulation.h"

namespace autoctl::simulator {
namespace {

void print(const Tally& tally) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%llu events in %llu virtual seconds: %llu faults, %llu decisions, %llu promotions, %llu commits acknowledged; "
      "whole again %llu times, at the latest after %.1f s\n",
      number(tally.events), number(tally.virtual_seconds), number(tally.faults), number(tally.decisions),
      number(tally.promotions), number(tally.commits_acknowledged), number(tally.convergences),
      static_cast<double>(tally.slowest_convergence) / 1e6);
}

/// Seeds from 1 on, until there were so many events.
void run(Plan plan, std::uint64_t events) {
  Tally all;
  for (plan.seed = 1; all.events < events; ++plan.seed) {
    const Outcome outcome = simulate(plan);
    all += outcome.tally;
    ASSERT_FALSE(outcome.violation) << *outcome.violation;
  }
  print(all);
  EXPECT_GT(all.promotions, 0U);
}

TEST(Simulator, Pairs) {
  run({.nodes = 2}, 2'000'000);
}

TEST(Simulator, ManyPairs) {
  run({.groups = 50, .nodes = 2}, 600'000);
}

TEST(Simulator, SeedsThatOnceFailed) {
  for (const Plan& plan : seeds_that_once_failed) {
    const Outcome outcome = simulate(plan);
    EXPECT_FALSE(outcome.violation) << *outcome.violation;
  }
}

TEST(Simulator, SameSeedSameWorld) {
  const Outcome first = simulate({.seed = 7, .groups = 3});
  const Outcome second = simulate({.seed = 7, .groups = 3});
  EXPECT_EQ(first.tally.events, second.tally.events);
  EXPECT_EQ(first.tally.commits_acknowledged, second.tally.commits_acknowledged);
  EXPECT_EQ(first.tally.decisions, second.tally.decisions);
}

}  // namespace
}  // namespace autoctl::simulator
