// The store on a real Postgres: what is committed is read back, what is in doubt is found out, nobody else writes.
#include "monitor/store/postgres_store.h"

#include <gtest/gtest.h>

#include <tuple>

#include "common/tls/scram.h"
#include "monitor/store/migrations.h"
#include "own_postgres_fixture.h"

namespace autoctl::monitor {
namespace {

using namespace std::chrono_literals;
using test::eventually;

constexpr Millis patience{10'000};

/// One server for all tests of this file, a database for each.
class PostgresStoreTest : public OwnPostgresTest {
 protected:
  static void SetUpTestSuite() { start(); }

  void SetUp() override {
    static int number = 0;
    database = "test_" + std::to_string(++number);
    auto admin = pg::Connection::open(server->conninfo("postgres"), patience);
    ASSERT_TRUE(admin->script("CREATE DATABASE " + database, patience));
  }
  /// `credential`: what nodes are told; "" with --auth trust.
  PostgresStore make_store(const std::string& credential = "") {
    ApiEndpoint endpoint{"https://monitor:8000", "PEM", {}};
    if (!credential.empty()) endpoint.entry_credential = [credential] { return credential; };
    return PostgresStore(server->conninfo(database), endpoint);
  }
  pg::Connection connect() { return pg::Connection::open(server->conninfo(database), patience).value(); }

  static Change some_change() {
    Change change;
    change.formations.push_back({.name = "f", .kind = "citus", .dbname = "app", .replication_password = "secret"});
    change.formations[0].settings.heartbeat = Millis{700};
    GroupRow group{.formation = "f", .group = 2, .term = Term{18446744073709551615ULL}};
    group.quorum_confirmed = {1, {NodeId{3}}};
    group.quorum_assigned = {1, {NodeId{3}, NodeId{4}}};
    group.system_id = SystemId{7000000000000000001ULL};
    group.primary_given_up = true;
    change.groups.push_back(group);
    NodeRow node;
    node.id = NodeId{3};
    node.formation = "f";
    node.group = 2;
    node.name = "it's";
    node.host = "h\\1";
    node.role = "worker";
    node.ssl_mode = "require";
    node.port = 5432;
    node.goal = {.state = NodeState::secondary, .term = Term{9}, .upstream = NodeId{4}, .await_lsn = Lsn{77}};
    node.reported = NodeState::catchingup;
    node.reported_term = Term{8};
    node.epoch = 5;
    node.token_sha256 = "abc";
    node.replication_quorum = false;
    node.citus_secondary = true;
    node.citus_cluster = "reports";
    node.proxy_port = 6432;
    node.addresses = {*IpAddress::parse("10.0.0.2"), *IpAddress::parse("fd00::2")};
    node.verifier = tls::scram_verifier("pencil");
    change.nodes.push_back(node);
    OperationRow operation{
        .id = 6, .kind = OperationKind::switchover, .formation = "f", .group = 2, .target = NodeId{3}};
    operation.requested_at = std::chrono::system_clock::time_point(1'700'000'000'123ms);
    change.operations.push_back(operation);
    protocol::EventDocument event{.id = 11, .time = "2026-03-04T05:06:07.089Z", .formation = "f", .group = 2};
    event.node = NodeId{3};
    event.reported = NodeState::catchingup;
    event.assigned = NodeState::secondary;
    event.kind = "goal";
    event.rule = "standby_caught_up";
    event.description = "because 'it' is so: ü";
    event.who = "operator token 3 \"alice\"";
    event.from = "10.0.0.9";
    event.reason = "it's time";
    change.events.push_back(event);
    return change;
  }

  std::string database;
};

TEST_F(PostgresStoreTest, ReadsBackWhatWasCommitted) {
  auto store = make_store();
  const auto first = store.load();
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(first->formations.size(), 1U) << "the default formation is there from the beginning";
  const auto written = store.commit(some_change());
  ASSERT_TRUE(written) << written.error().message;

  auto other = make_store();
  { const auto ended = std::move(store); }
  const auto image = other.load();
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->monitor_id, first->monitor_id);
  EXPECT_EQ(image->last_node, NodeId{3});
  EXPECT_EQ(image->last_operation, 6);
  EXPECT_EQ(image->last_event, 11);
  const Change expected = some_change();
  ASSERT_EQ(image->formations.size(), 2U);
  EXPECT_EQ(image->formations[1].settings, expected.formations[0].settings);
  EXPECT_EQ(image->formations[1].replication_password, "secret");
  ASSERT_EQ(image->groups.size(), 1U);
  EXPECT_EQ(image->groups[0].term, expected.groups[0].term);
  EXPECT_EQ(image->groups[0].quorum_assigned, expected.groups[0].quorum_assigned);
  EXPECT_EQ(image->groups[0].quorum_confirmed, expected.groups[0].quorum_confirmed);
  EXPECT_EQ(image->groups[0].system_id, expected.groups[0].system_id);
  EXPECT_TRUE(image->groups[0].primary_given_up);
  ASSERT_EQ(image->nodes.size(), 1U);
  EXPECT_EQ(image->nodes[0].goal, expected.nodes[0].goal);
  EXPECT_EQ(image->nodes[0].name, "it's");
  EXPECT_EQ(image->nodes[0].host, "h\\1");
  EXPECT_EQ(image->nodes[0].reported, NodeState::catchingup);
  EXPECT_FALSE(image->nodes[0].replication_quorum);
  EXPECT_TRUE(image->nodes[0].citus_secondary);
  EXPECT_EQ(image->nodes[0].citus_cluster, "reports");
  EXPECT_EQ(image->nodes[0].proxy_port, 6432);
  EXPECT_EQ(image->nodes[0].verifier, tls::scram_verifier("pencil"));
  EXPECT_EQ(image->nodes[0].addresses, (std::vector{*IpAddress::parse("10.0.0.2"), *IpAddress::parse("fd00::2")}));
  ASSERT_EQ(image->operations.size(), 1U);
  EXPECT_EQ(image->operations[0].requested_at, expected.operations[0].requested_at);
  const auto events = other.events({.formation = "f", .group = 2});
  ASSERT_TRUE(events) << events.error().message;
  ASSERT_EQ(events->size(), 1U);
  EXPECT_EQ(events->at(0).time, "2026-03-04T05:06:07.089Z");
  EXPECT_EQ(events->at(0).description, expected.events[0].description);
  EXPECT_EQ(events->at(0).assigned, NodeState::secondary);
  EXPECT_EQ(events->at(0).who, expected.events[0].who);
  EXPECT_EQ(events->at(0).from, "10.0.0.9");
  EXPECT_EQ(events->at(0).reason, "it's time");
}

TEST_F(PostgresStoreTest, ARemovedNodesIdIsNotGivenAwayAgain) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  ASSERT_TRUE(store.commit(some_change()));
  Change removal;
  removal.removed.push_back(NodeId{3});
  ASSERT_TRUE(store.commit(removal));
  const auto image = store.load();
  ASSERT_TRUE(image);
  EXPECT_TRUE(image->nodes.empty());
  EXPECT_EQ(image->last_node, NodeId{3});
}

TEST_F(PostgresStoreTest, EventsArePagedFromBothEndsAndTrimmed) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  Change change;
  for (int id = 1; id <= 5; ++id)
    change.events.push_back({.id = id, .time = "2026-01-01T00:00:00.000Z", .kind = "monitor"});
  ASSERT_TRUE(store.commit(change));
  const auto ids = [&](const EventQuery& query) {
    std::vector<std::int64_t> found;
    const auto events = store.events(query).value();
    for (const auto& event : events) found.push_back(event.id);
    return found;
  };
  EXPECT_EQ(ids({.after = 2, .count = 2}), (std::vector<std::int64_t>{3, 4}));
  EXPECT_EQ(ids({.latest = true, .count = 2}), (std::vector<std::int64_t>{4, 5}));
  EXPECT_EQ(ids({.formation = "other"}), std::vector<std::int64_t>{});

  Change much_later;
  much_later.events.push_back({.id = 100'004, .time = "2026-01-01T00:00:00.000Z", .kind = "monitor"});
  ASSERT_TRUE(store.commit(much_later));
  EXPECT_EQ(ids({}), (std::vector<std::int64_t>{5, 100'004}));
}

TEST_F(PostgresStoreTest, ASchemaOfTheFutureIsLeftAlone) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  ASSERT_TRUE(connect().script("INSERT INTO autoctl.schema_version VALUES (9999, 'from the future')", patience));
  const auto image = store.load();
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().code, Errc::incompatible);
  EXPECT_NE(image.error().hint, "");
}

TEST_F(PostgresStoreTest, AValueThatIsNoneIsNamed) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  ASSERT_TRUE(store.commit(some_change()));
  const auto refused = [&](const std::string& sql) {
    EXPECT_TRUE(connect().script(sql, patience));
    const auto image = store.load();
    return image ? "" : image.error().message;
  };
  const auto names = [](const std::string& message, const char* what) { return message.find(what) != message.npos; };
  EXPECT_TRUE(names(refused("UPDATE autoctl.node SET reported = 'join_secondary'"), "\"join_secondary\""));
  EXPECT_TRUE(
      names(refused("UPDATE autoctl.node SET reported = 'primary', goal = goal || '{\"state\": \"apply_settings\"}'"),
            "autoctl.node.goal"));
  const std::string whole =
      "UPDATE autoctl.node SET goal = goal || '{\"state\": \"primary\"}'; ALTER TABLE autoctl.operation"
      " DROP CONSTRAINT operation_kind_check, DROP CONSTRAINT operation_status_check; ";
  EXPECT_TRUE(names(refused(whole + "UPDATE autoctl.operation SET kind = 'teleport'"),
                    "autoctl.operation.kind of id 6 is \"teleport\""));
  EXPECT_TRUE(names(refused("UPDATE autoctl.operation SET kind = 'promotion', status = 'hoped for'"),
                    "autoctl.operation.status of id 6 is \"hoped for\""));
  EXPECT_EQ(refused("UPDATE autoctl.operation SET status = 'done'"), "");
}

TEST_F(PostgresStoreTest, AFailedMigrationLeavesNothingBehind) {
  auto connection = connect();
  ASSERT_TRUE(connection.script("CREATE SCHEMA autoctl; CREATE TABLE autoctl.event (in_the_way int)", patience));
  ASSERT_FALSE(migrate(connection));
  const auto left = connection.query("SELECT to_regclass('autoctl.node') IS NULL", patience);
  ASSERT_TRUE(left) << left.error().message;
  EXPECT_TRUE(left->truth(0, 0));
  ASSERT_TRUE(connection.script("DROP TABLE autoctl.event", patience));
  EXPECT_TRUE(migrate(connection));
  EXPECT_TRUE(migrate(connection)) << "a second time there is nothing to do";
}

TEST_F(PostgresStoreTest, OneWriterAtATime) {
  auto first = std::make_unique<PostgresStore>(make_store());
  ASSERT_TRUE(first->load());
  auto second = make_store();
  EXPECT_FALSE(second.load()) << "the first one's session may still write";
  first.reset();
  EXPECT_TRUE(eventually([&] { return second.load().has_value(); }));
}

TEST_F(PostgresStoreTest, ACommitThatHangsIsNotMadeLater) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  auto blocker = connect();
  ASSERT_TRUE(blocker.script("BEGIN; LOCK TABLE autoctl.event IN EXCLUSIVE MODE", patience));
  EXPECT_FALSE(store.commit(some_change()));
  EXPECT_FALSE(store.commit({})) << "in doubt: load() comes first";
  ASSERT_TRUE(blocker.script("COMMIT", patience));
  std::optional<Image> image;
  ASSERT_TRUE(eventually([&] {
    if (auto loaded = store.load()) image = *std::move(loaded);
    return image.has_value();
  }));
  EXPECT_TRUE(image->nodes.empty());
  EXPECT_TRUE(store.commit(some_change()));
}

TEST_F(PostgresStoreTest, ACommitInDoubtThatHappenedIsSeenByLoad) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  auto admin = connect();
  const auto wait_for_nobody = [&](const std::string& names) {
    ASSERT_TRUE(admin.script("ALTER SYSTEM SET synchronous_standby_names = '" + names + "'", patience));
    ASSERT_TRUE(admin.script("SELECT pg_reload_conf()", patience));
    ASSERT_TRUE(eventually([&] {
      const auto shown = admin.query("SHOW synchronous_standby_names", patience);
      return shown && shown->text(0, 0) == names;
    }));
  };
  wait_for_nobody("nobody");
  // Commits do not wait before the checkpointer has read it, too.
  ASSERT_TRUE(eventually(
      [&] { return !connect().script("SELECT pg_logical_emit_message(true, 'test', 'does it wait?')", Millis(500)); }));
  // The transaction is durable, but the answer never comes.
  const auto hung = store.commit(some_change());
  wait_for_nobody("");
  ASSERT_FALSE(hung);
  std::optional<Image> image;
  ASSERT_TRUE(eventually([&] {
    if (auto loaded = store.load()) image = *std::move(loaded);
    return image.has_value();
  }));
  EXPECT_EQ(image->nodes.size(), 1U);
}

/// One request's data is no reason to lose sight of all formations.
TEST_F(PostgresStoreTest, DataThatItCannotHoldIsRefusedAndTheStoreGoesOn) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  Change too_long = some_change();
  std::string host;
  for (int i = 0; i < 20'000; ++i) host += std::to_string(i * 7919);  // does not compress to what an index can hold
  too_long.nodes[0].host = host;
  const auto refused = store.commit(too_long);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::bad_usage) << refused.error().message;
  EXPECT_TRUE(store.commit(some_change()));
  EXPECT_EQ(store.load()->nodes.size(), 1U);
}

TEST_F(PostgresStoreTest, ANodesRoleMayAskForTheAddressAndLook) {
  auto store = make_store("entry-credential");
  ASSERT_TRUE(store.load());
  ASSERT_TRUE(store.commit(some_change()));
  auto node = connect();
  ASSERT_TRUE(node.script("SET ROLE autoctl_node", patience));
  const auto endpoint = node.query("SELECT url, ca_pem, registration_token FROM autoctl.api_endpoint()", patience);
  ASSERT_TRUE(endpoint) << endpoint.error().message;
  EXPECT_EQ(endpoint->text(0, 0), "https://monitor:8000");
  EXPECT_EQ(endpoint->text(0, 2), "entry-credential");
  const auto shown =
      node.query("SELECT name, reported, assigned, settled, quorum FROM autoctl.state WHERE formation = 'f'", patience);
  ASSERT_TRUE(shown) << shown.error().message;
  ASSERT_EQ(shown->size(), 1);
  EXPECT_EQ(shown->text(0, 2), "secondary");
  EXPECT_EQ(shown->text(0, 4), "commits wait for it");
  const auto history = node.query("SELECT what, why FROM autoctl.history", patience);
  ASSERT_TRUE(history) << history.error().message;
  EXPECT_EQ(history->text(0, 0), "catchingup -> secondary");
  for (const char* secret :
       {"SELECT * FROM autoctl.node", "SELECT * FROM autoctl.formation", "SELECT * FROM autoctl.monitor",
        "SELECT * FROM autoctl.token", "DELETE FROM autoctl.state"})
    EXPECT_FALSE(node.query(secret, patience)) << secret;
  ASSERT_TRUE(node.script("RESET ROLE", patience));
  ASSERT_TRUE(hand_out(node, "the next one", "PEM"));
  EXPECT_EQ(node.query("SELECT registration_token FROM autoctl.api_endpoint()", patience)->text(0, 0), "the next one");
}

TEST_F(PostgresStoreTest, TokensAreReadBackAndUsedUpWithTheNodeOrNotAtAll) {
  auto store = make_store();
  ASSERT_TRUE(store.load());
  Change made;
  TokenRow token{.id = 4,
                 .label = "al\"ice",
                 .formations = {"f", "g"},
                 .group = 2,
                 .sha256 = "hash",
                 .nodes_left = 1,
                 .made_by = "an operator"};
  token.made_at = std::chrono::system_clock::time_point(1'700'000'000'123ms);
  token.expires_at = token.made_at + 1h;
  made.tokens.push_back(token);
  made.tokens.push_back({.id = 5, .role = "viewer", .sha256 = "other", .nodes_left = 3, .revoked = true});
  ASSERT_TRUE(store.commit(made));
  auto image = store.load();
  ASSERT_TRUE(image) << image.error().message;
  ASSERT_EQ(image->tokens.size(), 2U);
  const TokenRow& read = image->tokens[0];
  EXPECT_EQ(std::tie(read.id, read.role, read.label, read.formations, read.group, read.sha256, read.nodes_left,
                     read.revoked, read.made_by, read.made_at, read.expires_at),
            std::tie(token.id, token.role, token.label, token.formations, token.group, token.sha256, token.nodes_left,
                     token.revoked, token.made_by, token.made_at, token.expires_at));
  EXPECT_EQ(image->tokens[1].group, std::nullopt);
  EXPECT_TRUE(image->tokens[1].formations.empty());
  EXPECT_TRUE(image->tokens[1].revoked);

  Change too_often = some_change();
  too_often.tokens.push_back(token);
  too_often.tokens[0].nodes_left = -1;
  EXPECT_EQ(store.commit(too_often).error().code, Errc::bad_usage);
  Change used = some_change();
  used.tokens.push_back(token);
  used.tokens[0].nodes_left = 0;
  used.removed_tokens.push_back(5);
  EXPECT_TRUE(store.load()->nodes.empty()) << "a token that was used up registered a node";
  ASSERT_TRUE(store.commit(used));
  image = store.load();
  EXPECT_EQ(image->nodes.size(), 1U);
  ASSERT_EQ(image->tokens.size(), 1U);
  EXPECT_EQ(image->tokens[0].nodes_left, 0);
}

}  // namespace
}  // namespace autoctl::monitor
