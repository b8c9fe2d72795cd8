// The design's safety rules and liveness, in every world that two nodes, a monitor and clients can get into.
#include "explorer.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace autoctl::sim {
namespace {

Report explore(const Plan& plan) {
  Report report = Explorer(plan).run();
  std::printf("%zu states, %zu transitions, %zu states of the monitor\n", report.states, report.transitions,
              report.monitor_states);
  return report;
}

TEST(Explorer, AnyNumberOfFaults) {
  const Report report = explore({.faults = Plan::unlimited, .operations = false});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, AnyNumberOfFaultsWhenStandbysMustStayAvailable) {
  const Report report =
      explore({.settings = {.number_sync_standbys = 1}, .faults = Plan::unlimited, .operations = false});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, SwitchoversAmongFaults) {
  const Report report = explore({.faults = 1});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, SwitchoversWhenStandbysMustStayAvailable) {
  const Report report = explore({.settings = {.number_sync_standbys = 1}, .faults = 1});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, NodesAreDropped) {
  for (const Plan& plan :
       {Plan{.faults = 1, .operations = false, .drops = true},
        Plan{.settings = {.number_sync_standbys = 1}, .faults = 0, .operations = false, .drops = true},
        Plan{.faults = 0, .drops = true}}) {
    const Report report = explore(plan);
    EXPECT_FALSE(report.counterexample) << *report.counterexample;
  }
}

TEST(Explorer, CommitsThatOvertakeEachOther) {
  const Report report = explore({.faults = 1, .commits = 2, .operations = false});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

}  // namespace
}  // namespace autoctl::sim
