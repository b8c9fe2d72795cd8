// `show citus`: text from values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/output/citus.h"

namespace autoctl::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

protocol::StateDocument sample() {
  protocol::CitusDocument citus{.formation = "default", .coordinator = NodeId{1}};
  citus.plan.routes = {
      {.group = 0, .primary = NodeId{1}, .nodes = {{.id = NodeId{1}, .name = "coord0a", .host = "c", .port = 5432}}},
      {.group = 1,
       .primary = NodeId{3},
       .nodes = {{.id = NodeId{2}, .name = "worker1a", .host = "a", .port = 5432},
                 {.id = NodeId{3}, .name = "worker1b", .host = "b", .port = 5432}}}};
  citus.facts = {.ready = true, .routes = {{.group = 0, .routed_to = NodeId{1}}, {.group = 1, .routed_to = NodeId{3}}}};
  protocol::StateDocument state;
  state.citus = {citus};
  return state;
}

TEST(CitusTable, ShowsWhereStatementsGo) {
  const std::string text = citus_table(sample());
  EXPECT_THAT(text, HasSubstr("worker1b |    b:5432 |         worker1b"));
  EXPECT_THAT(text, Not(HasSubstr("Formation")));
  EXPECT_EQ(citus_warnings(sample()), "");
}

TEST(CitusTable, SaysWhatDiffers) {
  auto state = sample();
  state.citus[0].facts.routes[1].routed_to = NodeId{2};
  state.citus[0].facts.routes[1].trouble = "it cannot be changed yet";
  state.citus[0].facts.drift = {"worker1b is elsewhere"};
  EXPECT_THAT(citus_table(state), HasSubstr("pg_dist_node: worker1b is elsewhere"));
  EXPECT_THAT(citus_table(state), HasSubstr("pg_dist_node: group 1: it cannot be changed yet"));
  EXPECT_THAT(citus_warnings(state), HasSubstr("and 1 more: autoctl show citus"));
  const auto json = citus_json(state);
  EXPECT_EQ(json[0]["groups"][1]["takes_writes"], "worker1b");
  EXPECT_EQ(json[0]["groups"][1]["statements_go_to"], "worker1a");
}

TEST(CitusTable, SaysThatThereIsNoCoordinator) {
  auto state = sample();
  state.citus[0].coordinator = {};
  EXPECT_THAT(citus_table(state), HasSubstr("no coordinator has reported yet"));
}

}  // namespace
}  // namespace autoctl::cli
