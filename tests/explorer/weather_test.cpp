// Is an exploration in any weather blind to something? Every world of the plans in which faults are a part of the world
// has to be, faults aside, among its worlds.
#include "weather.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "explorer.h"

namespace autoctl::explorer {
namespace {

void expect_all_to_be_known(ExplorerPlan with_faults) {
  ExplorerPlan in_any_weather = with_faults;
  in_any_weather.any_weather = true;
  in_any_weather.judgements = ExplorerPlan::unlimited;
  in_any_weather.check_liveness = with_faults.check_liveness = false;
  Explorer known(in_any_weather);
  const ExplorerReport all = known.run();
  ASSERT_FALSE(all.counterexample) << *all.counterexample;
  std::size_t unknown = 0;
  with_faults.visit = [&](const World& world) {
    const auto has_seen = [&](const World& other) { return known.has_seen(other); };
    if (std::ranges::any_of(without_faults(world), has_seen)) return;
    if (++unknown == 1) ADD_FAILURE() << "not among the worlds in any weather:\n" << describe(world);
  };
  const ExplorerReport some = Explorer(with_faults).run();
  EXPECT_FALSE(some.counterexample) << *some.counterexample;
  std::printf("%zu worlds with faults, %zu of them unknown; %zu worlds in any weather\n", some.states, unknown,
              all.states);
}

TEST(AnyWeather, KnowsEveryWorldOfTwoNodes) {
  for (int standbys : {0, 1}) {
    ExplorerPlan plan{.faults = ExplorerPlan::unlimited, .operations = false};
    plan.rules.settings.number_sync_standbys = standbys;
    expect_all_to_be_known(plan);
  }
}

TEST(AnyWeather, KnowsWhatTwoNodesDoWhoseWalIsRecycled) {
  expect_all_to_be_known({.faults = 2, .operations = false, .recycling = true});
}

TEST(AnyWeather, KnowsEveryWorldThatThreeNodesGetIntoByOneFaultAndOneWrongVerdict) {
  expect_all_to_be_known({.nodes = 3, .faults = 1, .judgements = 1, .operations = false, .at_rest = true});
}

}  // namespace
}  // namespace autoctl::explorer
