// The safety rules (docs/safety-rules.md) and liveness in every world that three nodes, a monitor and clients can get
// into, with any number of faults of any kind (weather.h), for every setting that the rules look at.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "explorer.h"

namespace autoctl::explorer {
namespace {

struct Group {
  const char* name;
  int number_sync_standbys = 0;
  Attributes third{};  // the other two are as by default
};

void PrintTo(const Group& group, std::ostream* out) {
  *out << group.name;
}

constexpr std::array groups = {
    Group{"equals", 0},
    Group{"equals_of_which_one_standby_must_stay", 1},
    Group{"equals_that_are_all_needed", 2},
    Group{"one_is_preferred", 0, {.candidate_priority = 60}},
    Group{"one_is_preferred_and_one_standby_must_stay", 1, {.candidate_priority = 60}},
    Group{"one_is_never_promoted", 0, {.candidate_priority = 0}},
    Group{"one_is_never_promoted_and_one_standby_must_stay", 1, {.candidate_priority = 0}},
    Group{"one_is_a_read_replica", 0, {.candidate_priority = 0, .replication_quorum = false}},
    Group{"one_is_outside_the_quorum", 0, {.replication_quorum = false}},
};

class ThreeNodes : public testing::TestWithParam<Group> {
 protected:
  static ExplorerPlan plan() {
    ExplorerPlan plan{
        .nodes = 3, .operations = false, .at_rest = true, .any_weather = true, .max_states = 1'000'000'000};
    plan.rules.settings.number_sync_standbys = GetParam().number_sync_standbys;
    plan.rules.attributes[2] = GetParam().third;
    return plan;
  }
  static void expect_safe_and_live(const ExplorerPlan& plan) {
    const ExplorerReport report = Explorer(plan).run();
    std::printf("%zu states, all of them; %zu transitions, %zu states of the monitor\n", report.states,
                report.transitions, report.monitor_states);
    EXPECT_FALSE(report.counterexample) << *report.counterexample;
  }
  /// Tens of millions of states each.
  static bool may_take_long() { return std::getenv("AUTOCTL_SIM_COMPLETE") != nullptr; }
};

INSTANTIATE_TEST_SUITE_P(, ThreeNodes, testing::ValuesIn(groups),
                         [](const auto& group) { return std::string(group.param.name); });

TEST_P(ThreeNodes, AmongFaults) {
  if (GetParam().third.candidate_priority == 60 && !may_take_long()) GTEST_SKIP() << "set AUTOCTL_SIM_COMPLETE=1";
  expect_safe_and_live(plan());
}

TEST_P(ThreeNodes, AmongFaultsAndSwitchovers) {
  if (!may_take_long()) GTEST_SKIP() << "set AUTOCTL_SIM_COMPLETE=1";
  ExplorerPlan with_switchovers = plan();
  with_switchovers.operations = true;
  expect_safe_and_live(with_switchovers);
}

TEST_P(ThreeNodes, AmongFaultsWhenOneIsDropped) {
  if (!may_take_long()) GTEST_SKIP() << "set AUTOCTL_SIM_COMPLETE=1";
  ExplorerPlan with_drops = plan();
  with_drops.drops = true;
  expect_safe_and_live(with_drops);
}

TEST_P(ThreeNodes, AmongFaultsAndMaintenance) {
  if (!may_take_long()) GTEST_SKIP() << "set AUTOCTL_SIM_COMPLETE=1";
  ExplorerPlan with_maintenance = plan();
  with_maintenance.maintenance = true;
  expect_safe_and_live(with_maintenance);
}

}  // namespace
}  // namespace autoctl::explorer
