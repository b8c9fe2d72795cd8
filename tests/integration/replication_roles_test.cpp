// Each node's own role on a real Postgres: what its password opens, and what becomes of one that replicates in another
// node's name.
#include <gmock/gmock.h>

#include <atomic>

#include "common/postgres/tools.h"
#include "keeper/agent/instance_server.h"
#include "keeper/agent/password_watch.h"
#include "keeper/agent/sender_watch.h"
#include "keeper/agent/worker.h"
#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

using testing::HasSubstr;

class ReplicationRoleTest : public PostgresTest {
 protected:
  /// Of a running server's: it asks for passwords.
  Node& safe_node(int number) {
    Node& made = node(number);
    made.config.auth = "scram-sha-256";
    made.open();
    return made;
  }
  static Result<pg::Connection> login(const Node& server, const std::string& role, const std::string& password) {
    return pg::Connection::open(
        fmt::format("host=127.0.0.1 port={} user={} dbname=postgres password={}", server.config.pgport, role, password),
        5s);
  }
  static testing::AssertionResult denied(const Node& server, const std::string& role, const std::string& password) {
    const auto session = login(server, role, password);
    if (session) return testing::AssertionFailure() << role << " is let in";
    if (session.error().code != Errc::denied) return testing::AssertionFailure() << session.error().message;
    return testing::AssertionSuccess();
  }
};

TEST_F(ReplicationRoleTest, APasswordOpensItsNodesRoleOnlyAndNothingOnceTheNodeIsGone) {
  Node &one = safe_node(1), &two = safe_node(2), &three = safe_node(3);
  ASSERT_NO_FATAL_FAILURE(one.make_primary({two.peer(), three.peer()}));
  ASSERT_NO_FATAL_FAILURE(two.make_standby(one, {one.peer(), three.peer()}));
  EXPECT_EQ(one.seen().walsenders.at(0).role, "autoctl_standby_2");
  EXPECT_TRUE(one.seen().walsenders.at(0).holds_slot);
  EXPECT_TRUE(ok(login(one, "autoctl_standby_3", three.own_password()))) << "the verifier is one that Postgres takes";
  EXPECT_TRUE(denied(one, "autoctl_standby_2", three.own_password()));
  EXPECT_TRUE(denied(one, replicator, "secret")) << "nobody needs it";
  EXPECT_EQ(one.sql("select rolcanlogin or rolreplication from pg_roles where rolname = 'pgautofailover_replicator'"),
            "f");

  auto session = login(one, "autoctl_standby_3", three.own_password());
  ASSERT_TRUE(ok(session));
  ASSERT_TRUE(ok(one.postgres->keep_replication_roles(one.roles({two.peer()}))));
  EXPECT_FALSE(session->query("select 1", 5s)) << "its sessions are ended";
  EXPECT_TRUE(denied(one, "autoctl_standby_3", three.own_password()));
  EXPECT_EQ(one.sql("select count(*) from pg_roles where rolname = 'autoctl_standby_3'"), "0");
  EXPECT_TRUE(two.streams());
  EXPECT_THAT(one.postgres->take_news(), testing::IsEmpty());
}

TEST_F(ReplicationRoleTest, ANodeOfAnEarlierVersionUsesTheSharedRole) {
  Node &one = safe_node(1), &two = safe_node(2);
  protocol::Peer old = two.peer();
  old.verifier = {};
  ASSERT_NO_FATAL_FAILURE(one.make_primary({old}));
  EXPECT_TRUE(ok(login(one, replicator, "secret")));
  EXPECT_TRUE(denied(one, "autoctl_standby_2", two.own_password()));
  // It is upgraded.
  ASSERT_TRUE(ok(one.postgres->configure({two.peer()})));
  ASSERT_TRUE(ok(one.postgres->keep_replication_roles(one.roles({two.peer()}))));
  EXPECT_TRUE(eventually([&] { return denied(one, replicator, "secret") == true; }));
  EXPECT_TRUE(eventually([&] { return login(one, "autoctl_standby_2", two.own_password()).has_value(); }));
  EXPECT_THAT(one.postgres->take_news(), testing::IsEmpty()) << "that was no stranger's work";
}

/// A primary's keeper, without a monitor, and what another node does with its own credentials.
class Impostor : public ReplicationRoleTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(PostgresTest::SetUp());
    for (int number : {1, 2, 3}) safe_node(number);
    ASSERT_NO_FATAL_FAILURE(one().make_primary({two().peer(), three().peer()}));
    const SavedState saved{.state = NodeState::wait_primary,
                           .term = Term{1},
                           .goal = {.state = NodeState::wait_primary, .term = Term{1}},
                           .peers = {two().peer(), three().peer()},
                           .epoch = 1};
    board.emplace(Identity{.node = one().id, .pgdata = one().config.pgdata, .has_monitor = false}, saved);
    live.emplace(one().config);
    server.emplace(*one().postgres, one().config, one().files, rights);
    worker.emplace(*board, *server, one().files);
    work = std::thread([this] { worker->run(); });
    watch.emplace(*board, rights, *live, one().files.pgdata);
    ASSERT_TRUE(eventually([&] { return board->facts().prepared_peers.size() == 2; }));
  }
  void TearDown() override {
    stop_attack = true;
    if (attack.joinable()) attack.join();
    if (board) board->stop();
    if (work.joinable()) work.join();
    watch.reset();
    PostgresTest::TearDown();
  }
  Node& one() { return *nodes[0]; }
  Node& two() { return *nodes[1]; }
  Node& three() { return *nodes[2]; }
  /// pg_receivewal as node 3, again and again.
  void begin_attack(const std::string& application_name, const std::string& slot = "") {
    attack = std::thread([=, this] {
      const std::string directory = scratch + "/stolen";
      std::filesystem::create_directory(directory);
      while (!stop_attack) {
        std::vector<std::string> words = {"--synchronous",
                                          "--no-loop",
                                          "-D",
                                          directory,
                                          "-d",
                                          fmt::format("host=127.0.0.1 port={} user=autoctl_standby_3 password={} "
                                                      "application_name={}",
                                                      one().config.pgport, three().own_password(), application_name)};
        if (!slot.empty()) words.push_back("--slot=" + slot);
        const auto done =
            run(postgres::tool_command(tools, "pg_receivewal", words), 60s, [this] { return stop_attack.load(); });
        if (done && done->output.find("not permitted to log in") != std::string::npos) ++refused;
      }
    });
  }
  /// How long a WAL sender of that name is seen, from its first sight on.
  Millis time_of(const std::string& application_name) {
    auto session = one().connect();
    EXPECT_TRUE(ok(session));
    const auto is_there = [&] {
      const auto found =
          session->query("select from pg_stat_replication where application_name = $1", {application_name}, 5s);
      EXPECT_TRUE(ok(found));
      return found && !found->empty();
    };
    EXPECT_TRUE(eventually(is_there, 20s)) << "the attack begins";
    const auto began = Clock::now();
    EXPECT_TRUE(eventually([&] { return !is_there(); }));
    return std::chrono::duration_cast<Millis>(Clock::now() - began);
  }
  std::string news() {
    std::string text;
    for (const auto& each : board->next_report(false).news) text += each.text + "\n";
    return text;
  }

  StandbyRights rights;
  std::optional<Board> board;
  std::optional<LiveConfig> live;
  std::optional<InstanceServer> server;
  std::optional<Worker> worker;
  std::optional<SenderWatch> watch;
  std::thread work, attack;
  std::atomic<bool> stop_attack = false;
  std::atomic<int> refused = 0;
};

TEST_F(Impostor, IsEndedKeptOutAndNamed) {
  begin_attack("Autoctl_Standby_2");
  const Millis believed = time_of("Autoctl_Standby_2");
  std::printf("an impostor streamed for %ld ms\n", believed.count());
  EXPECT_LT(believed, 1s);
  EXPECT_TRUE(eventually([&] { return refused > 1; })) << "its role may not log in";
  EXPECT_TRUE(board->facts().streaming.empty());
  EXPECT_THAT(news(),
              HasSubstr("somebody at 127.0.0.1 replicated as autoctl_standby_3 in the name of Autoctl_Standby_2"));
  // Node 2 is let in meanwhile, and the keeper does not let the other in again.
  EXPECT_TRUE(ok(login(one(), "autoctl_standby_2", two().own_password())));
  ASSERT_NO_FATAL_FAILURE(two().make_standby(one(), {one().peer()}));
  EXPECT_TRUE(eventually([&] { return board->facts().streaming == std::vector{NodeId{2}}; }));
  EXPECT_THAT(news(), testing::Not(HasSubstr("changed by somebody else")));
}

/// With its slot, too, of which PostgreSQL knows no owner.
TEST_F(Impostor, GetsNothingByTheOthersSlot) {
  begin_attack("autoctl_standby_2", "autoctl_standby_2");
  EXPECT_LT(time_of("autoctl_standby_2"), 1s);
  EXPECT_TRUE(eventually([&] { return refused > 1; }));
  EXPECT_TRUE(board->facts().streaming.empty());
  ASSERT_NO_FATAL_FAILURE(two().make_standby(one(), {one().peer()}));
  EXPECT_TRUE(eventually([&] { return board->facts().streaming == std::vector{NodeId{2}}; }));
}

/// It says that it flushes, and is no standby: it counts for nothing and is ended, in its own name as well.
TEST_F(Impostor, ASenderWithoutItsSlotIsNoStandby) {
  begin_attack("autoctl_standby_3");
  EXPECT_LT(time_of("autoctl_standby_3"), 1s);
  EXPECT_TRUE(board->facts().streaming.empty());
  EXPECT_TRUE(ok(login(one(), "autoctl_standby_3", three().own_password()))) << "it harms itself alone";
}

}  // namespace
}  // namespace autoctl::keeper::test
