// What the monitor tells the nodes of a Citus formation beyond their goals.
#include <gmock/gmock.h>

#include "monitor/engine/citus_plan.h"
#include "tests/support/engine_fixture.h"

namespace autoctl::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class EngineCitus : public EngineTest {
 protected:
  PretendedKeeper& add_citus(const std::string& role, int proxy_port = 0) {
    auto r = request("");
    r.kind = "citus";
    r.role = role;
    r.proxy_port = proxy_port;
    r.citus_secondary = role == "worker";
    r.citus_cluster = "reports";
    return add(r);
  }
  /// Where the coordinator is told to send the statements of the first group of workers.
  NodeId worker_in_plan(PretendedKeeper& coordinator) {
    report(coordinator);
    return coordinator.assignment.citus->routes.at(1).primary;
  }
  static std::vector<std::int64_t> ids(const std::vector<protocol::Peer>& peers) {
    std::vector<std::int64_t> all;
    for (const auto& peer : peers) all.push_back(peer.id.value);
    return all;
  }
};

TEST_F(EngineCitus, TheCoordinatorsPrimaryGetsThePlan) {
  auto& coordinator = add_citus("coordinator");
  auto& worker = add_citus("worker", 6432);
  settle();
  ASSERT_TRUE(coordinator.assignment.citus);
  EXPECT_FALSE(worker.assignment.citus);
  const auto& routes = coordinator.assignment.citus->routes;
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[0].primary, coordinator.id);
  EXPECT_EQ(routes[1].primary, worker.id);
  ASSERT_EQ(routes[1].nodes.size(), 1U);
  EXPECT_EQ(routes[1].nodes[0].port, 6432);
  EXPECT_EQ(routes[1].nodes[0].name, "worker1a");
  EXPECT_EQ(routes[1].nodes[0].cluster, "reports");
  EXPECT_TRUE(routes[1].nodes[0].secondary);
}

/// A group of one standby would stop when it loses that.
TEST_F(EngineCitus, OneStandbyHasToStayAvailableWhenEachGroupHasTwo) {
  const auto number = [this] { return store.formations.at("default").settings.number_sync_standbys; };
  for (int node = 0; node < 3; ++node) add_citus("coordinator");
  EXPECT_EQ(number(), 1) << "there are no workers yet";
  settle();
  auto& worker = add_citus("worker");
  settle();
  EXPECT_EQ(number(), 1);
  engine->change_settings({"default", {{"number_sync_standbys", "0"}}}, {}, [](const auto&) {});
  add_citus("worker");
  EXPECT_EQ(number(), 0);
  auto third = request("");
  third.kind = "citus";
  third.role = "worker";
  third.group = 1;
  add(third);
  EXPECT_EQ(number(), 1) << "coordinator and worker have two standbys each";
  settle();
  EXPECT_EQ(store.groups.at({"default", 1}).quorum_confirmed.acks, 1);
  engine->drop_node(worker.id, false, {}, [](const auto&) {});
  EXPECT_EQ(number(), 0);
}

/// Of the groups that are there: one whose nodes were dropped needs none.
TEST_F(EngineCitus, AGroupOfNobodyNeedsNoStandbys) {
  add_citus("coordinator");
  auto& worker = add_citus("worker");
  settle();
  engine->drop_node(worker.id, false, {}, [](const auto&) {});
  obey_and_report(worker);
  obey_and_report(worker);
  ASSERT_FALSE(store.nodes.contains(worker.id));
  add_citus("coordinator");
  settle();
  add_citus("coordinator");
  EXPECT_EQ(store.formations.at("default").settings.number_sync_standbys, 1);
}

TEST_F(EngineCitus, EverybodyKnowsTheOtherGroupsNodes) {
  auto& coordinator = add_citus("coordinator");
  auto& one = add_citus("worker");
  auto& two = add_citus("worker");
  settle();
  EXPECT_THAT(ids(coordinator.assignment.neighbours), ElementsAre(one.id.value, two.id.value));
  EXPECT_THAT(ids(one.assignment.neighbours), ElementsAre(coordinator.id.value));
  EXPECT_THAT(ids(one.assignment.peers), ElementsAre(two.id.value));
  // And from where they connect: Postgres lets them in there.
  const std::vector<IpAddress> some = {*IpAddress::parse("10.0.0.2")};
  one.report.addresses = some;
  report(one);
  report(two);
  report(coordinator);
  EXPECT_EQ(coordinator.assignment.neighbours.front().addresses, some);
  EXPECT_EQ(two.assignment.peers.front().addresses, some);
}

TEST_F(EngineCitus, APlainFormationHasNeither) {
  make_pair();
  EXPECT_FALSE(a().assignment.citus);
  EXPECT_THAT(a().assignment.neighbours, IsEmpty());
  EXPECT_THAT(state().citus, IsEmpty());
}

TEST_F(EngineCitus, ANodeThatHasNotSaidThatItTakesWritesIsNoRoute) {
  auto& coordinator = add_citus("coordinator");
  settle();
  auto& worker = add_citus("worker");
  report(worker);
  obey_and_report(coordinator);
  report(coordinator);
  ASSERT_EQ(coordinator.assignment.citus->routes.size(), 2U);
  EXPECT_EQ(coordinator.assignment.citus->routes[1].primary, NodeId{});
  obey_and_report(worker);
  EXPECT_EQ(worker_in_plan(coordinator), worker.id);
}

TEST_F(EngineCitus, AHeldReportIsAnsweredWhenAnotherGroupChanges) {
  auto& coordinator = add_citus("coordinator");
  settle();
  obey_and_report(coordinator, true);
  const int answers = coordinator.answers;
  add_citus("worker");
  EXPECT_GT(coordinator.answers, answers);
}

TEST_F(EngineCitus, AWorkerWithoutACoordinatorIsTold) {
  auto& worker = add_citus("worker");
  settle();
  EXPECT_THAT(worker.assignment.notice, HasSubstr("waits for a coordinator"));
  EXPECT_THAT(state().groups[0].waiting_for, HasSubstr("waits for a coordinator"));
  add_citus("coordinator");
  settle();
  EXPECT_EQ(worker.assignment.notice, "");
}

TEST_F(EngineCitus, WhatDiffersIsAnEventOnceAndItsEndToo) {
  auto& coordinator = add_citus("coordinator");
  add_citus("worker");
  settle();
  coordinator.report.citus = protocol::CitusFacts{.ready = true, .drift = {"worker1a is elsewhere"}};
  const auto count = [&](const std::string& words) {
    return std::ranges::count_if(store.all_events(), [&](const auto& event) { return event.description == words; });
  };
  report(coordinator);
  report(coordinator);
  EXPECT_EQ(count("pg_dist_node: worker1a is elsewhere"), 1);
  EXPECT_THAT(state().citus[0].facts.drift, ElementsAre("worker1a is elsewhere"));
  coordinator.report.citus = protocol::CitusFacts{.ready = true};
  report(coordinator);
  EXPECT_EQ(count("pg_dist_node: no longer so: worker1a is elsewhere"), 1);
}

TEST_F(EngineCitus, ARestartedMonitorPlansForEveryGroupFromTheStart) {
  auto& coordinator = add_citus("coordinator");
  auto& worker = add_citus("worker");
  settle();
  start_engine();
  report(coordinator);
  ASSERT_TRUE(coordinator.assignment.citus);
  ASSERT_EQ(coordinator.assignment.citus->routes.size(), 2U);
  EXPECT_EQ(coordinator.assignment.citus->routes[1].nodes.size(), 1U);
  EXPECT_EQ(coordinator.assignment.citus->routes[1].primary, NodeId{}) << "before the worker has reported";
  report(worker);
  EXPECT_EQ(worker_in_plan(coordinator), worker.id);
}

/// It may have been restored from a backup: the one that has not reported yet may have been promoted since.
TEST_F(EngineCitus, ARestartedMonitorNamesNoPrimaryBeforeTheOthersHaveReported) {
  auto& coordinator = add_citus("coordinator");
  auto& worker = add_citus("worker");
  auto& standby = add_citus("worker");
  settle();
  start_engine();
  report(coordinator);
  report(worker);
  EXPECT_EQ(worker_in_plan(coordinator), NodeId{});
  report(standby);
  EXPECT_EQ(worker_in_plan(coordinator), worker.id);
}

TEST_F(EngineCitus, ARestartedMonitorDoesNotWaitForANodeThatIsGone) {
  auto& coordinator = add_citus("coordinator");
  auto& worker = add_citus("worker");
  add_citus("worker");
  settle();
  start_engine();
  for (Millis done{0}; done <= monitor::Settings{}.startup_grace; done += Millis{500}) {
    report(coordinator);
    report(worker);
    pass(Millis{500});
  }
  EXPECT_EQ(worker_in_plan(coordinator), worker.id);
}

TEST_F(EngineCitus, AWorkerWhosePostgresIsDownIsNoRoute) {
  auto& coordinator = add_citus("coordinator");
  auto& worker = add_citus("worker");
  settle();
  worker.report.facts.postgres_running = false;
  report(worker);
  EXPECT_EQ(worker_in_plan(coordinator), NodeId{});
}

}  // namespace
}  // namespace autoctl::test
