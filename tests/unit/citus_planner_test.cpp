// Which changes of pg_dist_node lead to the plan.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "keeper/citus/planner.h"

namespace autoctl::keeper::citus {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Kind = TableStep::Kind;

class CitusPlanner : public testing::Test {
 protected:
  static protocol::CitusNode node(int id, const std::string& name, NodeState goal) {
    return {NodeId{id}, name, name, 5432, goal, false, "default"};
  }
  /// coord0a, coord0b; worker1a, worker1b; the first of each takes the writes and is in the table.
  CitusPlanner() {
    plan.routes = {{0,
                    Term{1},
                    NodeId{1},
                    {},
                    Millis{100},
                    {node(1, "coord0a", NodeState::primary), node(2, "coord0b", NodeState::secondary)}},
                   {1,
                    Term{1},
                    NodeId{3},
                    {},
                    Millis{100},
                    {node(3, "worker1a", NodeState::primary), node(4, "worker1b", NodeState::secondary)}}};
    rows = {{.id = 1, .group = 0, .host = "coord0a", .port = 5432},
            {.id = 2, .group = 1, .host = "worker1a", .port = 5432}};
  }
  protocol::CitusRoute& workers() { return plan.routes[1]; }
  Comparison comparison() const { return compare(plan, rows); }
  TableStep only_step() const {
    const auto seen = comparison();
    EXPECT_EQ(seen.steps.size(), 1U);
    return seen.steps.empty() ? TableStep{} : seen.steps.front();
  }
  std::vector<Kind> kinds() const {
    std::vector<Kind> all;
    for (const auto& step : comparison().steps) all.push_back(step.kind);
    return all;
  }

  protocol::CitusPlan plan;
  std::vector<Row> rows;
};

TEST_F(CitusPlanner, NothingToDoWhenTheTableFollowsThePlan) {
  const auto seen = comparison();
  EXPECT_THAT(seen.steps, IsEmpty());
  EXPECT_THAT(seen.strangers, IsEmpty());
  EXPECT_EQ(seen.routes[0].routed_to, NodeId{1});
  EXPECT_EQ(seen.routes[1].routed_to, NodeId{3});
}

TEST_F(CitusPlanner, AnEmptyTableGetsTheCoordinatorFirst) {
  rows.clear();
  EXPECT_THAT(kinds(), ElementsAre(Kind::set_coordinator, Kind::add));
  EXPECT_EQ(comparison().steps[1].citus_group, 1);
  EXPECT_EQ(comparison().routes[1].routed_to, NodeId{});
}

TEST_F(CitusPlanner, NoWorkerIsAddedBeforeTheCoordinator) {
  rows.clear();
  plan.routes[0].primary = {};
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(CitusPlanner, AGroupWhereNobodyTakesWritesStaysAsItIs) {
  workers().primary = {};
  rows[1].host = "elsewhere";
  EXPECT_THAT(kinds(), IsEmpty());
}

TEST_F(CitusPlanner, TheNewPrimaryGetsTheRow) {
  workers().primary = NodeId{4};
  const TableStep step = only_step();
  EXPECT_EQ(step.kind, Kind::move);
  EXPECT_EQ(step.row, 2);
  EXPECT_EQ(step.host, "worker1b");
  EXPECT_EQ(step.from_host, "worker1a");
  EXPECT_EQ(step.cooldown, Millis{100});
  EXPECT_FALSE(step.foreign);
  EXPECT_THAT(step.why, HasSubstr("worker1b (worker1b:5432) is worker1a:5432 there"));
}

TEST_F(CitusPlanner, ARowOfAnUnknownAddressIsMovedOnlyAfterALookAtTheData) {
  rows[1].host = "old-name";
  EXPECT_TRUE(only_step().foreign);
  EXPECT_EQ(only_step().kind, Kind::move);
}

TEST_F(CitusPlanner, AnInactiveRowIsActivated) {
  rows[1].active = false;
  EXPECT_EQ(only_step().kind, Kind::activate);
}

TEST_F(CitusPlanner, ACoordinatorFailoverMovesGroupZero) {
  plan.routes[0].primary = NodeId{2};
  const TableStep step = only_step();
  EXPECT_EQ(step.kind, Kind::move);
  EXPECT_EQ(step.row, 1);
  EXPECT_FALSE(step.foreign);
}

TEST_F(CitusPlanner, AStandbyIsASecondaryWhereItIsWanted) {
  workers().nodes[1].secondary = true;
  workers().nodes[1].cluster = "reports";
  const TableStep step = only_step();
  EXPECT_EQ(step.kind, Kind::add_secondary);
  EXPECT_EQ(step.host, "worker1b");
  EXPECT_EQ(step.from_host, "worker1a");
  EXPECT_EQ(step.cluster, "reports");
}

TEST_F(CitusPlanner, ASecondaryThatBecomesThePrimaryChangesPlaces) {
  workers().nodes[0].secondary = workers().nodes[1].secondary = true;
  workers().nodes[0].goal = NodeState::secondary;
  rows.push_back({.id = 7, .group = 1, .host = "worker1b", .port = 5432, .primary = false});
  workers().primary = NodeId{4};
  const TableStep step = only_step();
  EXPECT_EQ(step.kind, Kind::move);
  EXPECT_EQ(step.row, 2);
  EXPECT_EQ(step.swapped_row, 7);
}

TEST_F(CitusPlanner, ADroppedStandbysRowGoes) {
  rows.push_back({.id = 7, .group = 1, .host = "worker1c", .port = 5432, .primary = false});
  EXPECT_EQ(only_step().kind, Kind::remove);
  EXPECT_EQ(only_step().host, "worker1c");
}

TEST_F(CitusPlanner, ADroppedGroupsRowsGoSecondariesFirst) {
  rows.push_back({.id = 7, .group = 1, .host = "worker1b", .port = 5432, .primary = false});
  workers().nodes.clear();
  workers().primary = {};
  EXPECT_THAT(kinds(), ElementsAre(Kind::remove, Kind::remove));
  EXPECT_EQ(comparison().steps[0].row, 7);
}

TEST_F(CitusPlanner, ARowThatHoldsShardsStaysAndSaysWhy) {
  workers().nodes.clear();
  workers().primary = {};
  rows[1].holds_shards = true;
  const auto seen = comparison();
  EXPECT_THAT(seen.steps, IsEmpty());
  EXPECT_THAT(seen.routes[1].trouble, HasSubstr("holds shards"));
}

TEST_F(CitusPlanner, AStrangersRowIsTold) {
  rows.push_back({.id = 9, .group = 5, .host = "other", .port = 5432});
  const auto seen = comparison();
  EXPECT_THAT(seen.steps, IsEmpty());
  EXPECT_THAT(seen.strangers, ElementsAre(HasSubstr("other:5432")));
}

TEST_F(CitusPlanner, AWorkerThatGetsNoMetadataIsToldWhereOthersDo) {
  rows[1].has_metadata = false;
  EXPECT_THAT(comparison().strangers, IsEmpty()) << "a cluster that does without";
  plan.routes.push_back(workers());
  plan.routes[2].group = 2;
  plan.routes[2].primary = NodeId{5};
  plan.routes[2].nodes = {node(5, "worker2a", NodeState::primary)};
  rows.push_back({.id = 3, .group = 2, .host = "worker2a", .port = 5432});
  EXPECT_THAT(comparison().strangers, ElementsAre(HasSubstr("start_metadata_sync_to_node('worker1a', 5432)")));
}

TEST_F(CitusPlanner, AnAdoptedClusterKeepsItsNumbers) {
  rows[1] = {.id = 12, .group = 40, .host = "worker1a", .port = 5432};
  EXPECT_THAT(kinds(), IsEmpty());
  EXPECT_EQ(comparison().routes[1].routed_to, NodeId{3});
  workers().primary = NodeId{4};
  EXPECT_EQ(only_step().row, 12);
}

TEST_F(CitusPlanner, ARowThatAnotherGroupClaimsIsNotTaken) {
  plan.routes.push_back({2, Term{1}, NodeId{5}, {}, Millis{100}, {node(5, "worker2a", NodeState::single)}});
  rows[1] = {.id = 12, .group = 2, .host = "worker1a", .port = 5432};
  const TableStep step = only_step();
  EXPECT_EQ(step.kind, Kind::add);
  EXPECT_EQ(step.host, "worker2a");
}

}  // namespace
}  // namespace autoctl::keeper::citus
