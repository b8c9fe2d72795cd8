// The router of a coordinator's keeper against real Citus: a coordinator, a worker and its standby.
#include "keeper/agent/citus_router.h"

#include <gmock/gmock.h>

#include <future>

#include "postgres_node.h"
#include "support/citus_server.h"

namespace autoctl::keeper::test {
namespace {

using testing::HasSubstr;

class CitusRouterTest : public PostgresTest {
 protected:
  void SetUp() override {
    PostgresTest::SetUp();
    if (!autoctl::test::citus_server().real) GTEST_SKIP() << autoctl::test::needs_real_citus;
    for (int number = 1; number <= 3; ++number) {
      Node& made = node(number);
      made.config.role = number == 1 ? "coordinator" : "worker";
      made.config.node = made.id;
      made.open();
    }
    ASSERT_NO_FATAL_FAILURE(coordinator().make_primary());
    ASSERT_NO_FATAL_FAILURE(old_worker().make_primary({new_worker().peer()}));
    for (Node* made : {&coordinator(), &old_worker()})
      ASSERT_TRUE(ok(made->postgres->prepare_citus("secret", "postgres")));
    ASSERT_NO_FATAL_FAILURE(new_worker().make_standby(old_worker(), {old_worker().peer()}));
    accept_writes(true);
    start_router();
    route(old_worker());
    ASSERT_TRUE(eventually([&] { return facts_of_worker().routed_to == old_worker().id; }, 30s)) << trouble();
  }
  void TearDown() override {
    board.stop();
    router.reset();
    PostgresTest::TearDown();
  }

  Node& coordinator() { return *nodes[0]; }
  Node& old_worker() { return *nodes[1]; }
  Node& new_worker() { return *nodes[2]; }

  void start_router() {
    live.change(coordinator().config);
    router = std::make_unique<CitusRouter>(board, live, coordinator().files);
  }
  protocol::CitusNode in_plan(const Node& node, NodeState goal) const {
    return {.id = node.id,
            .name = node.config.name,
            .host = "127.0.0.1",
            .port = node.config.pgport,
            .goal = goal,
            .secondary = secondaries};
  }
  /// What the monitor would say.
  void route(const Node& primary, const Node* hold_for = nullptr) {
    protocol::CitusRoute workers{.group = 1, .term = Term{version}, .primary = primary.id, .cooldown = cooldown};
    if (hold_for != nullptr) workers.hold_for = hold_for->id;
    for (Node* worker : {&old_worker(), &new_worker()})
      workers.nodes.push_back(in_plan(*worker, worker == &primary ? NodeState::primary : NodeState::secondary));
    offer({workers});
  }
  void offer(const std::vector<protocol::CitusRoute>& workers) {
    protocol::Assignment assignment{.monitor_id = "m", .version = ++version};
    assignment.goal = leader().goal;
    assignment.citus = protocol::CitusPlan{
        {{.group = 0, .primary = coordinator().id, .nodes = {in_plan(coordinator(), NodeState::primary)}}}};
    for (const auto& worker : workers) assignment.citus->routes.push_back(worker);
    board.answered(assignment, Clock::now(), 0);
  }
  /// Group 1 as it is, and a new group 2.
  std::vector<protocol::CitusRoute> with_group_2(const Node& primary) {
    return {{.group = 1, .primary = old_worker().id, .nodes = {in_plan(old_worker(), NodeState::primary)}},
            {.group = 2, .primary = primary.id, .nodes = {in_plan(primary, NodeState::single)}}};
  }
  void make_worker(Node& made) {
    made.config.role = "worker";
    made.config.node = made.id;
    made.open();
    ASSERT_NO_FATAL_FAILURE(made.make_primary());
    ASSERT_TRUE(ok(made.postgres->prepare_citus("secret", "postgres")));
  }
  protocol::CitusRouteFacts facts_of_worker() {
    const auto report = board.next_report(false);
    if (report.citus)
      for (const auto& facts : report.citus->routes)
        if (facts.group == 1) return facts;
    return {};
  }
  std::string trouble() { return facts_of_worker().trouble; }
  testing::AssertionResult holds(const Node& target, Millis timeout = 10s) {
    if (eventually([&] { return facts_of_worker().held_for == target.id; }, timeout))
      return testing::AssertionSuccess();
    return testing::AssertionFailure() << "nothing is held: " << trouble();
  }
  testing::AssertionResult holds_nothing() {
    if (eventually([&] { return sessions("autoctl_hold") == "0"; })) return testing::AssertionSuccess();
    return testing::AssertionFailure() << "a session of ours still holds statements";
  }
  std::string sessions(const std::string& prefix) {
    return coordinator().sql("select count(*) from pg_stat_activity where application_name like '" + prefix + "%'");
  }
  std::string row(int group = 1) {
    return coordinator().sql("select nodeport from pg_dist_node where groupid = " + std::to_string(group));
  }
  /// Within less than the time that Citus lets a node be added.
  bool gets_row(int group, const Node& node) {
    return eventually([&] { return row(group) == std::to_string(node.config.pgport); }, 10s);
  }
  void distribute() {
    ASSERT_EQ(coordinator().sql("create table t (id int primary key)"), "");
    ASSERT_EQ(coordinator().sql("select create_distributed_table('t', 'id')"), "");
  }
  /// A statement through the coordinator, in the background: "" or its error.
  std::future<std::string> insert(int id) {
    return std::async(std::launch::async, [this, id] {
      return coordinator().sql("insert into t values (" + std::to_string(id) + ")", 30s);
    });
  }
  static bool done(const std::future<std::string>& statement, Millis timeout) {
    return statement.wait_for(timeout) == std::future_status::ready;
  }
  void hand_over() {
    ASSERT_TRUE(ok(old_worker().postgres->stop(StopMode::fast, 10s)));
    ASSERT_TRUE(ok(new_worker().postgres->promote(never)));
  }

  static SavedState leader() {
    const Goal goal{.state = NodeState::primary, .term = Term{1}};
    return {.state = goal.state, .term = goal.term, .goal = goal, .epoch = 1};
  }
  /// What the keeper's worker sees and publishes.
  void accept_writes(bool yes) {
    Observation seen{.running = true, .server = 1};
    seen.answer.emplace().in_recovery = !yes;
    board.observed(seen);
    for (Ready ready = board.ready(); !ready.idle(); ready = board.ready())
      ready.look ? board.observed(seen) : board.finished();
  }

  Board board{{}, leader()};
  std::uint64_t version = 0;
  Millis cooldown{500};
  bool secondaries = false;  // standbys shall be in the table, too
  LiveConfig live{{}};
  std::unique_ptr<CitusRouter> router;
};

TEST_F(CitusRouterTest, AddsWhatThePlanHas) {
  EXPECT_EQ(row(), std::to_string(old_worker().config.pgport));
  EXPECT_EQ(coordinator().sql("select nodeport from pg_dist_node where groupid = 0"),
            std::to_string(coordinator().config.pgport));
  EXPECT_EQ(old_worker().sql("select groupid from pg_dist_local_group"), "1");
}

TEST_F(CitusRouterTest, AHandOverIsFeltAsAPauseOnly) {
  distribute();
  route(old_worker(), &new_worker());
  ASSERT_TRUE(holds(new_worker()));
  auto statement = insert(1);
  EXPECT_FALSE(done(statement, 300ms)) << "it should wait";
  EXPECT_EQ(row(), std::to_string(old_worker().config.pgport)) << "not committed yet";
  ASSERT_NO_FATAL_FAILURE(hand_over());
  route(new_worker());
  ASSERT_TRUE(done(statement, 10s));
  EXPECT_EQ(statement.get(), "");
  EXPECT_EQ(row(), std::to_string(new_worker().config.pgport));
  EXPECT_TRUE(
      eventually([&] { return facts_of_worker().routed_to == new_worker().id && !facts_of_worker().held_for; }));
  EXPECT_EQ(coordinator().sql("create table t2 (id int)"), "");
  EXPECT_TRUE(eventually([&] { return coordinator().sql("select create_distributed_table('t2', 'id')") == ""; }, 1s));
  EXPECT_TRUE(holds_nothing());
}

TEST_F(CitusRouterTest, AHoldThatIsCalledOffLeavesNothing) {
  distribute();
  route(old_worker(), &new_worker());
  ASSERT_TRUE(holds(new_worker()));
  auto statement = insert(1);
  EXPECT_FALSE(done(statement, 300ms));
  route(old_worker());
  ASSERT_TRUE(done(statement, 10s));
  EXPECT_EQ(statement.get(), "");
  EXPECT_EQ(row(), std::to_string(old_worker().config.pgport));
  EXPECT_TRUE(holds_nothing());
}

TEST_F(CitusRouterTest, AKeeperThatGoesLeavesNothing) {
  distribute();
  route(old_worker(), &new_worker());
  ASSERT_TRUE(holds(new_worker()));
  auto statement = insert(1);
  board.stop();
  router.reset();
  ASSERT_TRUE(done(statement, 10s));
  EXPECT_EQ(statement.get(), "");
  EXPECT_TRUE(holds_nothing());
}

TEST_F(CitusRouterTest, ANewRouterEndsWhatAFormerOneHeld) {
  distribute();
  const auto conninfo = [&] {
    return fmt::format("host={} port={} dbname=postgres application_name=autoctl_hold_1", coordinator().config.pghost,
                       coordinator().config.pgport);
  };
  auto former = pg::Connection::open(conninfo(), 5s);
  ASSERT_TRUE(ok(former));
  ASSERT_TRUE(ok(former->script("begin; lock table t", 5s)));
  // It stops leading, and leads again.
  accept_writes(false);
  ASSERT_TRUE(eventually([&] { return sessions("autoctl_router") == "0"; }));
  accept_writes(true);
  EXPECT_TRUE(holds_nothing());
}

TEST_F(CitusRouterTest, ASessionThatIsInTheWayIsEndedAfterTheCooldown) {
  distribute();
  auto idle = coordinator().connect();
  ASSERT_TRUE(ok(idle));
  ASSERT_TRUE(ok(idle->script("begin; insert into t values (1)", 5s)));
  const auto from = Clock::now();
  route(old_worker(), &new_worker());
  ASSERT_TRUE(holds(new_worker()));
  const auto waited = Clock::now() - from;
  EXPECT_GE(waited, cooldown);
  EXPECT_LT(waited, cooldown + 4s);
  EXPECT_FALSE(idle->query("select 1", 5s)) << "its session is gone";
}

TEST_F(CitusRouterTest, AStandbyInTheTableChangesPlacesWithItsPrimary) {
  distribute();
  secondaries = true;
  route(old_worker());
  const auto table = [&] {
    return coordinator().sql(
        "select string_agg(noderole || ' ' || nodeport, ', ' order by noderole, nodeport) "
        "from pg_dist_node where groupid = 1");
  };
  const auto roles = [](const Node& primary, const Node& secondary) {
    return fmt::format("primary {}, secondary {}", primary.config.pgport, secondary.config.pgport);
  };
  EXPECT_TRUE(eventually([&] { return table() == roles(old_worker(), new_worker()); })) << table() << trouble();
  route(old_worker(), &new_worker());
  ASSERT_TRUE(holds(new_worker()));
  auto statement = insert(1);
  ASSERT_NO_FATAL_FAILURE(hand_over());
  route(new_worker());
  EXPECT_EQ(statement.get(), "");
  EXPECT_EQ(table(), roles(new_worker(), old_worker()));
  EXPECT_EQ(coordinator().sql("create table t2 (id int)"), "");
  EXPECT_TRUE(eventually([&] { return coordinator().sql("select create_distributed_table('t2', 'id')") == ""; }, 1s));
}

TEST_F(CitusRouterTest, ANodesRolesNeedNoOtherGroup) {
  old_worker().postgres->kill_now();
  EXPECT_TRUE(ok(coordinator().postgres->create_roles("postgres")));
  EXPECT_TRUE(ok(coordinator().postgres->prepare_citus("secret", "postgres")));
}

TEST_F(CitusRouterTest, AFailureMovesTheRowAtOnce) {
  distribute();
  old_worker().postgres->kill_now();
  ASSERT_TRUE(ok(new_worker().postgres->promote(never)));
  const auto from = Clock::now();
  route(new_worker());
  ASSERT_TRUE(eventually([&] { return coordinator().sql("insert into t values (1)") == ""; }));
  const auto took = std::chrono::duration_cast<Millis>(Clock::now() - from);
  std::printf("the first statement succeeds %ld ms after the plan says so\n", took.count());
  EXPECT_LT(took, 3s);
  EXPECT_EQ(coordinator().sql("create table t2 (id int)"), "");
  EXPECT_TRUE(eventually([&] { return coordinator().sql("select create_distributed_table('t2', 'id')") == ""; }, 1s));
}

TEST_F(CitusRouterTest, TwoPhaseCommitsThatWereLeftAreFinishedOnTheNewPrimary) {
  distribute();
  // As if the coordinator had committed, and died before it told the worker.
  ASSERT_EQ(old_worker().sql("select groupid from pg_dist_local_group"), "1");
  const std::string gid = "citus_0_4711_1_1";
  auto worker = old_worker().connect();
  ASSERT_TRUE(ok(worker));
  ASSERT_TRUE(ok(worker->script("begin; create table prepared (id int); prepare transaction '" + gid + "'", 5s)));
  ASSERT_EQ(coordinator().sql("insert into pg_dist_transaction (groupid, gid) values (1, '" + gid + "')"), "");
  worker->script("checkpoint", 5s);
  ASSERT_NO_FATAL_FAILURE(hand_over());
  route(new_worker());
  EXPECT_TRUE(eventually([&] { return new_worker().sql("select count(*) from pg_prepared_xacts") == "0"; }));
  EXPECT_EQ(new_worker().sql("select count(*) from prepared"), "0") << "it was committed, not rolled back";
}

TEST_F(CitusRouterTest, ANodeThatAnInterruptedAttemptLeftLockedIsAdded) {
  Node& added = node(4);
  ASSERT_NO_FATAL_FAILURE(make_worker(added));
  // What a session that died in the middle of citus_add_node leaves there. Citus finishes it for nodes of its table
  // only.
  auto worker = added.connect();
  ASSERT_TRUE(ok(worker));
  ASSERT_TRUE(ok(worker->script(
      "begin; lock table pg_dist_node in exclusive mode; prepare transaction 'citus_0_999999_7_0'", 5s)));
  offer(with_group_2(added));
  EXPECT_TRUE(gets_row(2, added));
  EXPECT_EQ(added.sql("select count(*) from pg_prepared_xacts"), "0");
}

TEST_F(CitusRouterTest, WhatIsStillUnderWayIsNotFinished) {
  Node& added = node(4);
  ASSERT_NO_FATAL_FAILURE(make_worker(added));
  auto session = coordinator().connect();
  ASSERT_TRUE(ok(session));
  const auto pid = session->query("select pg_backend_pid()", 5s);
  ASSERT_TRUE(ok(pid));
  ASSERT_TRUE(ok(session->script("begin; select pg_current_xact_id()", 5s)));
  auto worker = added.connect();
  ASSERT_TRUE(ok(worker));
  const std::string gid = fmt::format("citus_0_{}_7_0", pid->text(0, 0));
  ASSERT_TRUE(ok(worker->script("begin; create table t (id int); prepare transaction '" + gid + "'", 5s)));
  offer(with_group_2(added));
  EXPECT_TRUE(gets_row(2, added));
  EXPECT_EQ(added.sql("select gid from pg_prepared_xacts"), gid);
  EXPECT_EQ(added.sql("rollback prepared '" + gid + "'"), "");
}

TEST_F(CitusRouterTest, AddingANodeIsNotBrokenOffForAGroupThatIsNotInTheTable) {
  Node& added = node(4);
  ASSERT_NO_FATAL_FAILURE(make_worker(added));
  auto worker = added.connect();
  ASSERT_TRUE(ok(worker));
  ASSERT_TRUE(ok(worker->script("begin; lock table pg_dist_node in exclusive mode", 5s)));
  auto routes = with_group_2(added);
  routes.push_back({.group = 3});
  offer(routes);
  const auto adding = [&] {
    return coordinator().sql(
        "select pid from pg_stat_activity where application_name = 'autoctl_router' and query like '%citus_add_node%' "
        "and state = 'active'");
  };
  ASSERT_TRUE(eventually([&] { return adding() != ""; })) << "it should wait for the lock";
  const std::string session = adding();
  routes.back().primary = NodeId{99};
  routes.back().nodes = {in_plan(new_worker(), NodeState::single)};
  routes.back().nodes.front().id = NodeId{99};
  offer(routes);
  EXPECT_FALSE(eventually([&] { return adding() != session; }, 500ms)) << "the statement was given up";
  ASSERT_TRUE(ok(worker->script("rollback", 5s)));
  EXPECT_TRUE(gets_row(2, added));
}

TEST_F(CitusRouterTest, AGroupThatWasCreatedAnewDoesNotGetTheOldOnesShards) {
  distribute();
  Node& stranger = node(4);
  ASSERT_NO_FATAL_FAILURE(make_worker(stranger));
  offer({{.group = 1, .primary = stranger.id, .nodes = {in_plan(stranger, NodeState::single)}}});
  EXPECT_TRUE(eventually([&] { return trouble().find("has not the data") != std::string::npos; })) << trouble();
  EXPECT_EQ(row(), std::to_string(old_worker().config.pgport));
}

}  // namespace
}  // namespace autoctl::keeper::test
