// The monitor daemon as its users meet it: over HTTPS, with its own Postgres, killed and started again.
#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "common/pg/connection.h"
#include "tests/support/monitor_process.h"

namespace autoctl {
namespace {

using namespace std::chrono_literals;
using client::MonitorApi;
using protocol::Assignment;
using test::eventually;
using test::MonitorProcess;
using test::request;

constexpr Millis patience{10'000};

/// The only node of a group of its own.
protocol::RegisterRequest worker(int number) {
  protocol::RegisterRequest r = request("worker" + std::to_string(number), 7100 + 2 * number);
  r.kind = "citus";
  r.role = "worker";
  r.group = number + 1;
  return r;
}

/// Speaks for a keeper.
struct FakeNode {
  protocol::RegisterAnswer registered;
  MonitorApi api;
  protocol::Report last;
  Assignment assignment;

  FakeNode(const MonitorProcess& monitor, const std::string& name, int port) : FakeNode(monitor, request(name, port)) {}
  FakeNode(const MonitorProcess& monitor, const protocol::RegisterRequest& r)
      : registered(monitor.api().register_node(r, patience).value()), api(monitor.api(registered.token)) {
    last.epoch = 1;
    last.host = r.host;
    last.port = r.port;
    last.api_port = r.api_port;
    last.facts.state = NodeState::init;
  }
  Result<Assignment> report(bool wait = false) {
    ++last.sequence;
    last.wait = wait;
    auto answer = api.report(registered.node, last, patience);
    if (answer) {
      assignment = *answer;
      last.known_version = answer->version;
    }
    return answer;
  }
  /// Does what it was told, by its own word.
  void reach_goal() {
    last.facts.state = assignment.goal.state;
    last.facts.term = assignment.goal.term;
    last.facts.postgres_running = may_accept_writes(assignment.goal.state);
  }
};

class MonitorDaemon : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root"; }
  void begin() {
    ASSERT_NO_FATAL_FAILURE(monitor.create());
    monitor.start();
    ASSERT_TRUE(eventually([&] { return monitor.answers(); }));
  }
  MonitorProcess monitor;
};

TEST_F(MonitorDaemon, RegistersTwoNodesAndBringsThemTogether) {
  ASSERT_NO_FATAL_FAILURE(begin());
  FakeNode first(monitor, "first", 7001);
  EXPECT_EQ(first.registered.goal.state, NodeState::single);
  ASSERT_TRUE(first.report());
  first.reach_goal();
  first.last.facts.system_id = SystemId{42};
  ASSERT_TRUE(first.report());
  EXPECT_GT(first.assignment.lease, Millis{0});

  FakeNode second(monitor, "second", 7003);
  EXPECT_EQ(second.registered.goal.state, NodeState::wait_standby);
  ASSERT_TRUE(second.report());
  second.reach_goal();
  ASSERT_TRUE(second.report());
  ASSERT_TRUE(first.report());
  EXPECT_EQ(first.assignment.goal.state, NodeState::wait_primary);
  ASSERT_EQ(first.assignment.peers.size(), 1U);
  EXPECT_EQ(first.assignment.peers[0].name, "second");

  const auto events = monitor.api().events({.after = 0}, patience);
  ASSERT_TRUE(events) << events.error().message;
  const bool told = std::ranges::any_of(events->events, [](const auto& e) {
    return e.rule == "primary_opens_to_newcomer" && e.assigned == NodeState::wait_primary && !e.description.empty();
  });
  EXPECT_TRUE(told);
  EXPECT_EQ(monitor.terminate(), 0);
  EXPECT_EQ(monitor.postgres_pid(), 0);
}

TEST_F(MonitorDaemon, PutsBackWhatTheNodesRoleHasChangedOfItself) {
  ASSERT_NO_FATAL_FAILURE(begin());
  const std::string server = "host=127.0.0.1 port=" + std::to_string(monitor.config().pgport) +
                             " dbname=pg_auto_failover user=autoctl_node sslmode=require";
  const auto path_of_new_session = [&]() -> std::string {
    auto session = pg::Connection::open(server, patience);
    const auto rows = session ? session->query("SHOW search_path", patience) : fail(session.error());
    return rows ? rows->text(0, 0) : "";
  };
  ASSERT_TRUE(eventually([&] {
    auto session = pg::Connection::open(server, patience);
    return session && session->script("ALTER ROLE autoctl_node SET search_path = nowhere", patience);
  }));
  EXPECT_TRUE(eventually([&] { return path_of_new_session() == "nowhere"; }));
  EXPECT_TRUE(eventually([&] { return path_of_new_session().find("public") != std::string::npos; }, 40s));
}

TEST_F(MonitorDaemon, HoldsAReportUntilThereIsSomethingToDo) {
  ASSERT_NO_FATAL_FAILURE(begin());
  FakeNode first(monitor, "first", 7001);
  ASSERT_TRUE(first.report());
  first.reach_goal();
  ASSERT_TRUE(first.report());

  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(first.report(true));
  EXPECT_GT(std::chrono::steady_clock::now() - before, 500ms) << "there was nothing to say, and it was said at once";

  std::thread newcomer([&] {
    FakeNode second(monitor, "second", 7003);
    ASSERT_TRUE(second.report());
  });
  const bool heard = eventually([&] { return first.report(true) && !first.assignment.peers.empty(); });
  newcomer.join();
  EXPECT_TRUE(heard);
}

/// Groups of one node each, at rest. A hold that has just ended and is skipped is answered half a second later, and its
/// node is suspected meanwhile.
TEST_F(MonitorDaemon, AnswersEachHeartbeatInTimeAndSuspectsNobody) {
  constexpr int nodes = 12;
  constexpr auto measured = 20s;
  constexpr auto late = 1'300ms;  // a hold ends after 950 ms
  ASSERT_NO_FATAL_FAILURE(begin());
  std::mutex mutex;
  std::vector<Millis> holds;
  std::atomic<bool> over = false;
  std::vector<std::thread> keepers;
  for (int i = 0; i < nodes; ++i)
    keepers.emplace_back([&, i] {
      FakeNode node(monitor, worker(i));
      for (int before = 0; before < 2; ++before) {
        ASSERT_TRUE(node.report());
        node.reach_goal();
      }
      while (!over) {
        const auto start = std::chrono::steady_clock::now();
        ASSERT_TRUE(node.report(true));
        const auto took = std::chrono::duration_cast<Millis>(std::chrono::steady_clock::now() - start);
        const std::lock_guard lock(mutex);
        holds.push_back(took);
      }
    });
  auto watcher = monitor.api();
  const auto unhealthy = [&]() -> std::ptrdiff_t {
    const auto state = watcher.state("", std::nullopt, patience);
    if (!state) return nodes;
    return nodes - std::ranges::count_if(state->nodes, [](const auto& node) { return node.health == "healthy"; });
  };
  EXPECT_TRUE(eventually([&] { return unhealthy() == 0; })) << "all have come";
  std::ptrdiff_t suspicions = 0;
  const auto end = std::chrono::steady_clock::now() + measured;
  eventually(
      [&] {
        suspicions += unhealthy();
        return std::chrono::steady_clock::now() >= end;
      },
      measured + 10s);
  over = true;
  for (auto& keeper : keepers) keeper.join();
  const auto too_late = std::ranges::count_if(holds, [&](Millis hold) { return hold > late; });
  ASSERT_GT(holds.size(), 150U);
  EXPECT_EQ(too_late, 0) << "of " << holds.size() << ", the longest took " << std::ranges::max(holds).count() << " ms";
  EXPECT_EQ(suspicions, 0);
}

TEST_F(MonitorDaemon, KnowsEverythingAgainAfterSigkill) {
  ASSERT_NO_FATAL_FAILURE(begin());
  FakeNode first(monitor, "first", 7001);
  ASSERT_TRUE(first.report());
  first.reach_goal();
  ASSERT_TRUE(first.report());
  const auto before = monitor.api().state("", std::nullopt, patience);
  ASSERT_TRUE(before);
  const pid_t server = monitor.postgres_pid();

  monitor.kill();
  monitor.start();
  ASSERT_TRUE(eventually([&] { return monitor.answers(); }));
  EXPECT_EQ(monitor.postgres_pid(), server) << "its Postgres was not taken over";
  const auto after = monitor.api().state("", std::nullopt, patience);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->monitor_id, before->monitor_id);
  ASSERT_EQ(after->nodes.size(), 1U);
  EXPECT_EQ(after->nodes[0].name, "first");
  EXPECT_EQ(after->nodes[0].reported, NodeState::single);
  EXPECT_EQ(after->groups[0].term, before->groups[0].term);

  const auto known = first.last.known_version;
  ASSERT_TRUE(first.report());
  EXPECT_GT(first.assignment.version, known);
  EXPECT_EQ(first.assignment.goal.state, NodeState::single);
}

TEST_F(MonitorDaemon, BringsItsPostgresBackAndAnswersMeanwhile) {
  ASSERT_NO_FATAL_FAILURE(begin());
  FakeNode first(monitor, "first", 7001);
  ASSERT_TRUE(first.report());
  first.reach_goal();
  ASSERT_TRUE(first.report());

  const pid_t server = monitor.postgres_pid();
  ASSERT_EQ(::kill(server, SIGKILL), 0);
  ASSERT_TRUE(first.report()) << "no answer while the store is away";
  EXPECT_EQ(first.assignment.goal.state, NodeState::single);
  EXPECT_GT(first.assignment.lease, Millis{0});
  const auto back = [&] {
    const auto state = monitor.api().state("", std::nullopt, patience);
    const pid_t now = monitor.postgres_pid();  // 0 between the two servers
    return now != 0 && now != server && state && state->store_available;
  };
  EXPECT_TRUE(eventually(back));
  const auto second = monitor.api().register_node(request("second", 7003), patience);
  EXPECT_TRUE(second) << second.error().message;
  const auto events = monitor.api().events({.after = 0}, patience);
  ASSERT_TRUE(events) << events.error().message;
  EXPECT_TRUE(std::ranges::any_of(events->events, [](const auto& e) { return e.kind == "monitor"; }));
}

/// In a container nobody may reap a postmaster that died together with the daemon: its process id goes on being there.
TEST_F(MonitorDaemon, StartsBesideTheLockOfAPostmasterThatNobodyReaped) {
  ASSERT_NO_FATAL_FAILURE(begin());
  monitor.terminate();
  const pid_t unreaped = ::fork();
  if (unreaped == 0) ::_exit(0);
  const std::string socket = monitor.files().directory + "/.s.PGSQL." + std::to_string(monitor.config().pgport);
  ASSERT_TRUE(config::write_file(socket + ".lock", std::to_string(unreaped) + "\n", 0600));
  monitor.start();
  EXPECT_TRUE(eventually([&] { return monitor.answers(); }));
  ::waitpid(unreaped, nullptr, 0);
}

TEST_F(MonitorDaemon, AnswersFromMemoryWhileItsPostgresHangs) {
  ASSERT_NO_FATAL_FAILURE(begin());
  FakeNode first(monitor, "first", 7001);
  ASSERT_TRUE(first.report());
  first.reach_goal();
  ASSERT_TRUE(first.report());

  monitor.signal_postgres(SIGSTOP);
  const auto refused = monitor.api().register_node(request("second", 7003), patience);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::unavailable);
  const auto before = std::chrono::steady_clock::now();
  ASSERT_TRUE(first.report());
  EXPECT_LT(std::chrono::steady_clock::now() - before, 1s) << "a report waits for a disk";
  EXPECT_GT(first.assignment.lease, Millis{0});
  const auto state = monitor.api().state("", std::nullopt, patience);
  ASSERT_TRUE(state);
  EXPECT_FALSE(state->store_available);

  monitor.signal_postgres(SIGCONT);
  ASSERT_TRUE(eventually([&] {
    const auto answer = monitor.api().register_node(request("third", 7005), patience);
    return answer.has_value();
  }));
  const auto after = monitor.api().state("", std::nullopt, patience);
  ASSERT_TRUE(after);
  EXPECT_EQ(after->nodes.size(), 2U) << "what was refused has not happened all the same";
}

TEST_F(MonitorDaemon, RefusesWhatMakesNoSense) {
  ASSERT_NO_FATAL_FAILURE(begin());
  FakeNode first(monitor, "first", 7001);
  const auto code = [&](const protocol::RegisterRequest& r) {
    auto answer = monitor.api().register_node(r, patience);
    return answer ? Errc::internal : answer.error().code;
  };
  EXPECT_EQ(code(request("first", 7005)), Errc::conflict);
  EXPECT_EQ(code(request("other", 7001)), Errc::conflict);
  EXPECT_EQ(code(request("no\nname", 7005)), Errc::bad_usage);
  EXPECT_EQ(code(request("other", 0)), Errc::bad_usage);

  ASSERT_TRUE(first.report());
  first.last.sequence -= 2;
  EXPECT_EQ(first.report().error().code, Errc::conflict);
  first.api.set_token("guessed");
  first.last.sequence += 2;
  EXPECT_EQ(first.report().error().code, Errc::denied);
  EXPECT_EQ(monitor.api().drop_node(NodeId{99}, patience).error().code, Errc::not_found);
}

TEST(MonitorDaemonWithAuthentication, NeedsTheOperatorsCredential) {
  MonitorProcess monitor("scram-sha-256");
  ASSERT_NO_FATAL_FAILURE(monitor.create());
  monitor.start();
  ASSERT_TRUE(eventually([&] { return monitor.answers(); }));
  EXPECT_EQ(monitor.api().register_node(request("first", 7001), patience).error().code, Errc::denied);
  EXPECT_EQ(monitor.api("wrong").state("", std::nullopt, patience).error().code, Errc::denied);
  auto token = config::read_file(monitor.files().token()).value();
  token.pop_back();
  const auto registered = monitor.api(token).register_node(request("first", 7001), patience);
  ASSERT_TRUE(registered);
  EXPECT_TRUE(monitor.api(registered->token).state("", std::nullopt, patience));
  EXPECT_EQ(monitor.api(registered->token).register_node(request("x", 7005), patience).error().code, Errc::denied);
}

}  // namespace
}  // namespace autoctl
