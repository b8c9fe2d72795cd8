// The design's safety rules and liveness, in every world that two nodes, a monitor and clients can get into.
#include "explorer.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace autoctl::sim {
namespace {

Report explore(Plan plan) {
  const std::string name = plan.name;
  Report report = Explorer(std::move(plan)).run();
  std::printf("%s: %zu states, %zu transitions, %zu states of the monitor\n", name.c_str(), report.states,
              report.transitions, report.monitor_states);
  return report;
}

TEST(Explorer, Tmp) {
  Plan plan{.name = "tmp"};
  auto env = [](const char* n, int d) {
    const char* v = getenv(n);
    return v ? atoi(v) : d;
  };
  plan.faults = env("F", 3);
  plan.commits = env("C", 1);
  plan.operations = env("O", 0);
  plan.check_liveness = env("L", 1);
  plan.max_states = env("M", 6000000);
  plan.settings.number_sync_standbys = env("S", 0);
  plan.settings.promotion_waits_for_lease = env("W", 0);
  const Report report = explore(plan);
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

}  // namespace
}  // namespace autoctl::sim
