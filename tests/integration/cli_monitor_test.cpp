// Commands against a real monitor, with keepers that only pretend to have a Postgres.
#include <gmock/gmock.h>

#include <atomic>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/invocation.h"
#include "issued_certificate.h"
#include "tests/support/monitor_process.h"

namespace autoctl::cli {
namespace {

using test::eventually;
using test::MonitorProcess;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr Millis patience{10'000};

/// Does whatever the monitor asks for, at once and by its own word. Keepers of one group share its timeline.
class PretendedKeeper {
 public:
  PretendedKeeper(const MonitorProcess& monitor, const std::string& formation, const std::string& name, int port,
                  std::atomic<std::uint32_t>& timeline)
      : api_(monitor.api()), port_(port), timeline_(timeline) {
    protocol::RegisterRequest request;
    request.formation = formation;
    request.name = name;
    request.host = "127.0.0.1";
    request.port = port;
    request.api_port = port + 1;
    request.ssl_mode = "require";
    const auto answer = api_.register_node(request, patience);
    EXPECT_TRUE(answer) << answer.error().message;
    node_ = answer->node;
    api_.set_token(answer->token);
    thread_ = std::thread([this] { run(); });
  }
  ~PretendedKeeper() {
    stop_ = true;
    api_.cancel();
    thread_.join();
  }

 private:
  void obey(const protocol::Assignment& assignment) {
    NodeFacts& facts = report_.facts;
    const Goal& goal = assignment.goal;
    const bool leads = may_accept_writes(goal.state);
    const bool follows = traits_of(goal.state).postgres == PostgresRole::standby;
    if (leads && facts.in_recovery) ++timeline_;
    facts.timeline = Timeline{timeline_};
    facts.state = goal.state;
    facts.term = goal.term;
    facts.postgres_running = leads || follows;
    facts.in_recovery = follows;
    facts.system_id = SystemId{42};
    facts.lsn = Lsn{0x3000148};
    facts.sync_in_force = goal.sync;
    facts.upstream = goal.upstream;
    facts.receiving = follows;
    facts.prepared_peers.clear();
    for (const auto& peer : assignment.peers)
      if (leads) facts.prepared_peers.push_back(peer.id);
    facts.streaming = facts.prepared_peers;
  }

  void run() {
    report_.epoch = 1;
    report_.host = "127.0.0.1";
    report_.port = port_;
    report_.api_port = port_ + 1;
    while (!stop_) {
      ++report_.sequence;
      const auto assignment = api_.report(node_, report_, patience);
      if (!assignment) continue;
      const NodeState before = report_.facts.state;
      obey(*assignment);
      report_.known_version = assignment->version;
      report_.wait = before == report_.facts.state;
    }
  }

  client::MonitorApi api_;
  int port_;
  std::atomic<std::uint32_t>& timeline_;
  NodeId node_;
  protocol::Report report_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

struct CommandResult {
  Result<ExitCode> code;
  std::string output;
};

CommandResult run_command(const MonitorProcess& monitor, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--pgdata", monitor.files().pgdata});
  const auto invocation = parse(arguments);
  if (!invocation) return {fail(invocation.error()), ""};
  testing::internal::CaptureStdout();
  auto code = invocation->run();
  return {std::move(code), testing::internal::GetCapturedStdout()};
}

std::unique_ptr<MonitorProcess> start_monitor() {
  auto monitor = std::make_unique<MonitorProcess>();
  monitor->create();
  monitor->start();
  EXPECT_TRUE(eventually([&] { return monitor->answers(); }));
  return monitor;
}

/// One monitor for all tests, as making one takes seconds; each test makes a formation of its own.
class CliMonitor : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root";
    monitor_ = start_monitor();
  }
  static void TearDownTestSuite() { monitor_.reset(); }
  void SetUp() override {
    const CommandResult made = run({"create", "formation"});
    ASSERT_TRUE(made.code) << made.code.error().message;
  }

  std::unique_ptr<PretendedKeeper> keeper(const std::string& name) {
    return std::make_unique<PretendedKeeper>(*monitor_, formation_, name, ++last_port_, timeline_);
  }
  bool reached(std::vector<NodeState> wanted) {
    const auto state = monitor_->api().state(formation_, 0, patience);
    if (!state || state->nodes.size() != wanted.size()) return false;
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (state->nodes[i].reported != wanted[i] || state->nodes[i].assigned != wanted[i]) return false;
    return true;
  }
  /// A pair at rest.
  void two_nodes() {
    first_ = keeper("node_1");
    second_ = keeper("node_2");
    ASSERT_TRUE(eventually([&] { return reached({NodeState::primary, NodeState::secondary}); }));
  }
  CommandResult run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--formation", formation_});
    return run_command(*monitor_, std::move(arguments));
  }

  static std::unique_ptr<MonitorProcess> monitor_;
  static int last_port_;
  std::string formation_ = testing::UnitTest::GetInstance()->current_test_info()->name();
  std::atomic<std::uint32_t> timeline_ = 1;
  std::unique_ptr<PretendedKeeper> first_, second_;
};
std::unique_ptr<MonitorProcess> CliMonitor::monitor_;
int CliMonitor::last_port_ = 7000;

TEST_F(CliMonitor, ShowsAPairAndHandsOver) {
  ASSERT_NO_FATAL_FAILURE(two_nodes());
  const CommandResult state = run({"show", "state"});
  ASSERT_TRUE(state.code) << state.code.error().message;
  EXPECT_THAT(state.output,
              HasSubstr("node_1 |     1 | 127.0.0.1:7001 |   1: 0/3000148 |   read-write |             primary"));

  const CommandResult uri = run({"show", "uri"});
  EXPECT_EQ(uri.output,
            "postgres://127.0.0.1:7001,127.0.0.1:7002/postgres?target_session_attrs=read-write&sslmode=require\n");

  const CommandResult names = run({"show", "standby-names"});
  EXPECT_EQ(names.output, "'ANY 1 (autoctl_standby_2)'\n");

  const CommandResult switchover = run({"perform", "switchover", "--wait", "20"});
  ASSERT_TRUE(switchover.code) << switchover.code.error().message << switchover.output;
  EXPECT_THAT(switchover.output, HasSubstr("    Time |   Name |  Node |      Host:Port |       Current State |"));
  EXPECT_THAT(switchover.output,
              HasSubstr("node_2 |     2 | 127.0.0.1:7002 |             primary |             primary"));
  const auto json = nlohmann::json::parse(run({"show", "state", "--json"}).output);
  EXPECT_EQ(json[1]["current_group_state"], "primary");
  EXPECT_EQ(json[0]["current_group_state"], "secondary");

  const CommandResult events = run({"show", "events", "--count", "50"});
  EXPECT_THAT(events.output, HasSubstr("switchover"));
  const auto settings = nlohmann::json::parse(run({"show", "settings", "--json"}).output);
  EXPECT_EQ(settings["nodes"].size(), 4U);
  EXPECT_EQ(settings["primary"][0]["setting"], "synchronous_standby_names");
}

TEST_F(CliMonitor, WhatCannotHappenEndsWithTheMonitorsReason) {
  first_ = keeper("node_1");
  ASSERT_TRUE(eventually([&] { return reached({NodeState::single}); }));
  const CommandResult alone = run({"perform", "switchover"});
  ASSERT_FALSE(alone.code);
  EXPECT_EQ(alone.code.error().code, Errc::conflict);
  const CommandResult nobody = run({"perform", "promotion", "--name", "node_9"});
  ASSERT_FALSE(nobody.code);
  EXPECT_EQ(nobody.code.error().code, Errc::not_found);
  const CommandResult nowhere = run({"show", "standby-names", "--group", "7"});
  ASSERT_FALSE(nowhere.code);
  EXPECT_EQ(nowhere.code.error().code, Errc::not_found);
}

TEST_F(CliMonitor, ASettingIsChangedAndAWrongOneIsNot) {
  first_ = keeper("node_1");
  ASSERT_TRUE(eventually([&] { return reached({NodeState::single}); }));
  ASSERT_TRUE(run({"set", "formation", "silence-timeout", "5000"}).code);
  EXPECT_THAT(run({"show", "settings"}).output, HasSubstr("silence_timeout | 5000"));
  const CommandResult no_number = run({"set", "formation", "silence-timeout", "soon"});
  ASSERT_FALSE(no_number.code);
  EXPECT_EQ(no_number.code.error().code, Errc::bad_usage);
  const CommandResult unknown = run({"set", "formation", "loud-timeout", "1"});
  ASSERT_FALSE(unknown.code);
  EXPECT_EQ(unknown.code.error().code, Errc::not_found);
}

TEST_F(CliMonitor, AStandbyIsDroppedByItsName) {
  ASSERT_NO_FATAL_FAILURE(two_nodes());
  const CommandResult wrong = run({"drop", "node", "--name", "node_9"});
  ASSERT_FALSE(wrong.code);
  EXPECT_EQ(wrong.code.error().code, Errc::not_found);
  const CommandResult dropped = run({"drop", "node", "--name", "node_2", "--wait", "20"});
  ASSERT_TRUE(dropped.code) << dropped.code.error().message;
  const auto json = nlohmann::json::parse(run({"show", "state", "--json"}).output);
  EXPECT_EQ(json.size(), 1U);
}

TEST_F(CliMonitor, AFormationIsMadeOnceAndDroppedWhenItHasNoNodes) {
  const CommandResult again = run({"create", "formation", "--kind", "citus"});
  ASSERT_FALSE(again.code);
  EXPECT_EQ(again.code.error().code, Errc::conflict);
  EXPECT_THAT(again.code.error().message, HasSubstr("of kind pgsql"));
  first_ = keeper("node_1");
  ASSERT_TRUE(eventually([&] { return reached({NodeState::single}); }));
  const CommandResult in_use = run({"drop", "formation"});
  ASSERT_FALSE(in_use.code);
  EXPECT_EQ(in_use.code.error().code, Errc::conflict);
  ASSERT_TRUE(run({"drop", "node", "--name", "node_1", "--wait", "20"}).code);
  const CommandResult dropped = run({"drop", "formation"});
  ASSERT_TRUE(dropped.code) << dropped.code.error().message;
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"drop", "formation"}, {"show", "state"}, {"show", "settings"}}) {
    const CommandResult gone = run(command);
    ASSERT_FALSE(gone.code);
    EXPECT_EQ(gone.code.error().code, Errc::not_found);
    EXPECT_THAT(gone.code.error().hint, HasSubstr("autoctl create formation"));
  }
  // What is dropped is dropped in the monitor's Postgres too: nothing of it is in the way of another of that name.
  ASSERT_TRUE(run({"create", "formation", "--kind", "citus", "--dbname", "shop"}).code);
  const auto state = monitor_->api().state(formation_, std::nullopt, patience);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->formations.front().kind, "citus");
  EXPECT_EQ(state->formations.front().dbname, "shop");
  EXPECT_TRUE(state->groups.empty());
}

TEST_F(CliMonitor, TheMonitorsPostgresLeadsToItsApi) {
  const CommandResult uri = run_command(*monitor_, {"show", "uri", "--monitor"});
  ASSERT_TRUE(uri.code) << uri.code.error().message;
  const std::string address = uri.output.substr(0, uri.output.size() - 1);
  std::optional<Result<client::MonitorEndpoint>> found;
  EXPECT_TRUE(eventually([&] {
    found = client::discover(address, {});
    return found->has_value();
  })) << found->error().message;
  ASSERT_TRUE(*found);
  auto api = client::MonitorApi::create(**found);
  ASSERT_TRUE(api);
  EXPECT_TRUE(api->state("", std::nullopt, patience));

  const auto nobody =
      client::discover("postgres://autoctl_node@127.0.0.1:" + std::to_string(test::free_port()) + "/x", {});
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, Errc::unavailable);
  // The other database on the same server has no monitor in it.
  const auto other = client::discover("postgres://localhost:" + std::to_string(monitor_->config().pgport) +
                                          "/postgres?user=autoctl_node&sslmode=require",
                                      {});
  ASSERT_FALSE(other);
}

/// A monitor with an authority, and its nodes trust that one.
class RenewedCertificate : public testing::Test {
 protected:
  void start(const tls::KeyPair& authority) {
    config::Ssl& ssl = monitor_.config().ssl;
    ssl.self_signed = false;
    ssl.server_cert = scratch_.path() + "/server.crt";
    ssl.server_key = scratch_.path() + "/server.key";
    ssl.ca_file = scratch_.path() + "/ca.pem";
    ASSERT_TRUE(config::write_file(ssl.ca_file, authority.certificate_pem));
    ASSERT_NO_FATAL_FAILURE(give(authority));
    ASSERT_NO_FATAL_FAILURE(monitor_.create());
    monitor_.start();
    ASSERT_TRUE(eventually([&] { return shows(authority.certificate_pem); }));
  }
  /// A new one in the monitor's files.
  void give(const tls::KeyPair& authority) {
    given_ = test::issue(authority, "localhost");
    ASSERT_TRUE(config::write_file(monitor_.config().ssl.server_cert, given_.certificate_pem));
    ASSERT_TRUE(config::write_file(monitor_.config().ssl.server_key, given_.key_pem));
  }
  /// To a new client that trusts nothing else.
  bool shows(const std::string& pem) {
    auto api = client::MonitorApi::create(
        {.url = "https://localhost:" + std::to_string(monitor_.config().api_port), .ca_pem = pem});
    return api && api->version(2s).has_value();
  }

  const test::ScratchDirectory scratch_;
  MonitorProcess monitor_;
  tls::KeyPair given_;
};

TEST_F(RenewedCertificate, IsShownFromAReloadOnIfTheNodesBelieveIt) {
  ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root";
  const auto authority = tls::make_self_signed({"authority"}), stranger = tls::make_self_signed({"stranger"});
  ASSERT_TRUE(authority && stranger);
  ASSERT_NO_FATAL_FAILURE(start(*authority));
  ASSERT_NO_FATAL_FAILURE(give(*authority));
  EXPECT_FALSE(shows(given_.certificate_pem)) << "nobody has said yet that it is there";
  EXPECT_EQ(*run_command(monitor_, {"reload"}).code, ExitCode::ok);
  EXPECT_TRUE(shows(given_.certificate_pem));
  const std::string believed = given_.certificate_pem;

  ASSERT_NO_FATAL_FAILURE(give(*stranger));
  const CommandResult refused = run_command(monitor_, {"reload"});
  EXPECT_EQ(*refused.code, ExitCode::bad_config) << refused.output;
  EXPECT_THAT(refused.output, HasSubstr("would not believe"));
  EXPECT_TRUE(shows(believed));
  EXPECT_TRUE(shows(authority->certificate_pem));
}

TEST(CliDaemon, StatusAndStopSeeIt) {
  ASSERT_NE(::geteuid(), 0U) << "run this as an ordinary user: Postgres refuses root";
  const auto monitor = start_monitor();
  EXPECT_EQ(*run_command(*monitor, {"status"}).code, ExitCode::ok);
  EXPECT_EQ(*run_command(*monitor, {"reload"}).code, ExitCode::ok);
  EXPECT_EQ(*run_command(*monitor, {"stop"}).code, ExitCode::ok);
  EXPECT_EQ(*run_command(*monitor, {"status"}).code, ExitCode::not_running);
  EXPECT_EQ(*run_command(*monitor, {"stop"}).code, ExitCode::not_running);
  EXPECT_EQ(*run_command(*monitor, {"reload"}).code, ExitCode::not_running);
}

}  // namespace
}  // namespace autoctl::cli
