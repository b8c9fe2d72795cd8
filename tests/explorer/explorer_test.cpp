// The safety rules (docs/safety-rules.md) and liveness, in every world that two nodes, a monitor and clients can get into
// (three: three_nodes_test.cpp).
#include "explorer.h"

#include <gtest/gtest.h>

#include <cstdio>

namespace autoctl::explorer {
namespace {

Rules standbys_must_stay(int number_sync_standbys) {
  Rules rules;
  rules.settings.number_sync_standbys = number_sync_standbys;
  return rules;
}

ExplorerReport explore(const ExplorerPlan& plan) {
  ExplorerReport report = Explorer(plan).run();
  std::printf("%zu states, %zu transitions, %zu states of the monitor\n", report.states, report.transitions,
              report.monitor_states);
  return report;
}

TEST(Explorer, AnyNumberOfFaults) {
  const ExplorerReport report = explore({.faults = ExplorerPlan::unlimited, .operations = false});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, AnyNumberOfFaultsWhenStandbysMustStayAvailable) {
  const ExplorerReport report =
      explore({.rules = standbys_must_stay(1), .faults = ExplorerPlan::unlimited, .operations = false});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, SwitchoversAmongFaults) {
  const ExplorerReport report = explore({.faults = 1});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, SwitchoversWhenStandbysMustStayAvailable) {
  const ExplorerReport report = explore({.rules = standbys_must_stay(1), .faults = 0});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, SwitchoversOfACitusWorker) {
  for (const ExplorerPlan& plan :
       {ExplorerPlan{.faults = 1, .worker = true}, ExplorerPlan{.faults = 0, .drops = true, .worker = true},
        ExplorerPlan{.rules = standbys_must_stay(1), .faults = 0, .worker = true}}) {
    const ExplorerReport report = explore(plan);
    EXPECT_FALSE(report.counterexample) << *report.counterexample;
  }
}

TEST(Explorer, NodesAreDropped) {
  for (const ExplorerPlan& plan :
       {ExplorerPlan{.faults = 1, .operations = false, .drops = true},
        ExplorerPlan{.rules = standbys_must_stay(1), .faults = 0, .operations = false, .drops = true},
        ExplorerPlan{.faults = 0, .drops = true}}) {
    const ExplorerReport report = explore(plan);
    EXPECT_FALSE(report.counterexample) << *report.counterexample;
  }
}

TEST(Explorer, NodesGoToMaintenanceAndBack) {
  for (const ExplorerPlan& plan :
       {ExplorerPlan{.faults = 1, .operations = false, .maintenance = true},
        ExplorerPlan{.rules = standbys_must_stay(1), .faults = 0, .operations = false, .maintenance = true},
        ExplorerPlan{.faults = 0, .drops = true, .maintenance = true}}) {
    const ExplorerReport report = explore(plan);
    EXPECT_FALSE(report.counterexample) << *report.counterexample;
  }
}

TEST(Explorer, StandbysThatLostTheirPlace) {
  for (int standbys : {0, 1}) {
    const ExplorerReport report =
        explore({.rules = standbys_must_stay(standbys), .faults = 2, .operations = false, .recycling = true});
    EXPECT_FALSE(report.counterexample) << *report.counterexample;
  }
}

TEST(Explorer, ReportsThatComeLate) {
  const ExplorerReport report = explore({.faults = 1, .operations = false, .delays = true});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

TEST(Explorer, CommitsThatOvertakeEachOther) {
  const ExplorerReport report = explore({.faults = 1, .commits = 2, .operations = false});
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
}

/// Two nodes that are in no quorum. What the bound allows to be lost is no longer missed, and everything else holds: also
/// here no two nodes acknowledge.
ExplorerPlan may_lose_commits() {
  ExplorerPlan plan;
  plan.rules.settings.failover_max_lost_time = Millis{8'000};
  for (Attributes& node : plan.rules.attributes) node.replication_quorum = false;
  return plan;
}

TEST(Explorer, FailoversThatMayLoseCommits) {
  ExplorerPlan plan = may_lose_commits();
  plan.operations = false;
  plan.faults = ExplorerPlan::unlimited;
  const ExplorerReport report = explore(plan);
  EXPECT_FALSE(report.counterexample) << *report.counterexample;
  EXPECT_TRUE(report.rules_fired.contains("failover_with_bounded_loss"));
}

TEST(Explorer, FailoversThatMayLoseCommitsAmongSwitchoversAndDroppedNodes) {
  for (const bool drops : {false, true}) {
    ExplorerPlan plan = may_lose_commits();
    plan.faults = drops ? 0 : 1;
    plan.drops = drops;
    const ExplorerReport report = explore(plan);
    EXPECT_FALSE(report.counterexample) << *report.counterexample;
  }
}

/// A rule that nothing can reach is not proved by all this.
TEST(Explorer, EveryRuleFires) {
  std::set<std::string_view> silent;
  for (const monitor::RuleInfo& rule : monitor::rules()) silent.insert(rule.name);
  const ExplorerPlan of_three{
      .nodes = 3, .operations = false, .at_rest = true, .any_weather = true, .check_liveness = false};
  ExplorerPlan one_never_promoted = of_three;  // a winner fetches what it has more
  one_never_promoted.rules.attributes[2].candidate_priority = 0;
  ExplorerPlan all_needed = of_three;
  all_needed.rules = standbys_must_stay(2);
  ExplorerPlan switchover = of_three;
  switchover.asked = true;
  for (const ExplorerPlan& plan :
       {ExplorerPlan{.faults = 1, .operations = false, .recycling = true, .check_liveness = false},
        ExplorerPlan{.faults = 0, .drops = true, .check_liveness = false},
        ExplorerPlan{.faults = 0, .maintenance = true, .check_liveness = false},
        ExplorerPlan{.faults = 0, .worker = true, .check_liveness = false}, one_never_promoted, all_needed, switchover,
        may_lose_commits()}) {
    const ExplorerReport report = explore(plan);
    for (std::string_view rule : report.rules_fired) silent.erase(rule);
  }
  const std::set<std::string_view> out_of_reach = {
      "quorum_disproved",  // nobody meddles with a primary's settings: what was acknowledged meanwhile no rule can save
      "failover_forced",   // an operator gives commits up
      "timeline_accepted",        // or settles whose history is kept
      "maintenance_end_refused",  // of two nodes one leads while the other is in maintenance
      "voter_returns",            // several standbys elect and one is missing: one of three was dropped, or four nodes
  };
  EXPECT_EQ(silent, out_of_reach);
}

}  // namespace
}  // namespace autoctl::explorer
