// A node's credential in bad hands: what the role autoctl_node can do to the monitor's store on a real Postgres.
#include "monitor/store/node_role.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "common/monitor_client/monitor_api.h"
#include "monitor/store/postgres_store.h"
#include "own_postgres_fixture.h"

namespace autoctl::monitor {
namespace {

using namespace std::chrono_literals;
using test::eventually;
using testing::HasSubstr;

constexpr Millis patience{10'000};
constexpr const char* stores_lock = "SELECT pg_advisory_lock(hashtext('autoctl monitor store'))";
constexpr const char* role_row =
    "SELECT coalesce(rolpassword, ''), setconfig::text, setdatabase::text FROM pg_authid r"
    " LEFT JOIN pg_db_role_setting s ON s.setrole = r.oid WHERE rolname = 'autoctl_node'";

/// One server for all tests of this file. Each begins with a monitor's database that is new.
class NodeRole : public OwnPostgresTest {
 protected:
  static void SetUpTestSuite() { start("trust"); }

  void SetUp() override {
    auto admin = pg::Connection::open(server->conninfo("postgres"), patience).value();
    ASSERT_TRUE(admin.script(fmt::format("DROP DATABASE IF EXISTS {} WITH (FORCE)", OwnPostgres::database), patience));
    ASSERT_TRUE(admin.script("DROP ROLE IF EXISTS autoctl_node", patience));
    ASSERT_TRUE(server->create_database());
    const auto loaded = store.load();
    ASSERT_TRUE(loaded) << loaded.error().message;
  }

  static pg::Connection owner() {
    return pg::Connection::open(server->conninfo(OwnPostgres::database), patience).value();
  }
  static std::string node_uri(const std::string& database = OwnPostgres::database) {
    return fmt::format("postgres://autoctl_node:own@127.0.0.1:{}/{}", port, database);
  }
  static Result<pg::Connection> try_node(const std::string& database = OwnPostgres::database) {
    return pg::Connection::open(node_uri(database), patience);
  }
  /// Waits until the server has noticed that the session before it has ended.
  static pg::Connection node() {
    std::optional<Result<pg::Connection>> opened;
    EXPECT_TRUE(eventually([&] { return (opened = try_node())->has_value(); })) << opened->error().message;
    return std::move(*opened).value();
  }
  /// What the server says to a statement of the role's; "" when it has done it.
  static std::string refusal(const std::string& sql) {
    auto session = node();
    const auto done = session.script(sql, patience);
    return done ? "" : done.error().message;
  }
  Result<> commit() {
    Change change;
    change.events.push_back({.id = ++event, .time = "2026-01-01T00:00:00.000Z", .kind = "monitor"});
    return store.commit(change);
  }
  /// The schema as it was two versions before this role was restricted, with the rights that it had.
  static void age_schema() {
    const auto aged = owner().script(
        "DROP EVENT TRIGGER autoctl_refuse_node; DROP TABLE autoctl.node_role; DROP TABLE autoctl.token;"
        "DROP FUNCTION autoctl.keep_node_role, autoctl.keep_node_password, autoctl.keep_node_settings,"
        "  autoctl.keep_node_rights, autoctl.set_node_password, autoctl.refuse_node;"
        "ALTER TABLE autoctl.node DROP COLUMN addresses, DROP COLUMN verifier;"
        "DROP VIEW autoctl.history;"
        "ALTER TABLE autoctl.event DROP COLUMN who, DROP COLUMN origin, DROP COLUMN reason;"
        "CREATE VIEW autoctl.history AS SELECT id, at::timestamptz(3) AS at, formation, \"group\", node_name AS node,"
        "  kind AS what, description AS why, rule, term FROM autoctl.event ORDER BY id DESC;"
        "DELETE FROM autoctl.schema_version WHERE version >= 9;"
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA pg_catalog TO PUBLIC;"
        "ALTER ROLE autoctl_node RESET ALL; ALTER ROLE autoctl_node CONNECTION LIMIT -1;"
        "GRANT CONNECT ON DATABASE pg_auto_failover TO PUBLIC",
        patience);
    ASSERT_TRUE(aged) << aged.error().message;
  }

  PostgresStore store{server->conninfo(OwnPostgres::database), {"https://monitor:8000", "PEM", {}}};
  std::int64_t event = 0;
};

TEST_F(NodeRole, LearnsWhereTheApiIsAndLooks) {
  EXPECT_EQ(refusal("SELECT * FROM autoctl.state"), "");
  EXPECT_EQ(refusal("SELECT * FROM autoctl.history"), "");
  const auto found = client::discover(node_uri(), {});
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->url, "https://monitor:8000");
}

TEST_F(NodeRole, CannotTakeALockThatTheStoreWaitsFor) {
  { const auto ended = std::move(store); }
  auto attacker = node();
  for (const char* function : {"pg_advisory_lock(1)", "pg_advisory_lock_shared(1, 2)", "pg_advisory_xact_lock(1)",
                               "pg_try_advisory_lock(1)", "pg_try_advisory_xact_lock_shared(1)"})
    EXPECT_FALSE(attacker.query("SELECT " + std::string(function), patience)) << function;
  EXPECT_FALSE(attacker.query(stores_lock, patience));
  EXPECT_FALSE(attacker.query("SELECT pg_advisory_lock(hashtext('autoctl schema migration'))", patience));
  PostgresStore next(server->conninfo(OwnPostgres::database), {});
  EXPECT_TRUE(eventually([&] { return next.load().has_value(); }));
}

TEST_F(NodeRole, ALockThatItHeldBeforeTheUpgradeDoesNotStopTheUpgrade) {
  { const auto ended = std::move(store); }
  ASSERT_NO_FATAL_FAILURE(age_schema());
  std::atomic<bool> over = false;
  std::atomic<bool> held = false;
  std::vector<std::jthread> attackers;
  for (int i = 0; i < 4; ++i)
    attackers.emplace_back([&] {
      while (!over)
        if (auto session = try_node())
          if (session->query(stores_lock, patience)) {
            held = true;
            std::ignore = session->query("SELECT pg_sleep(600)", patience);
          }
    });
  EXPECT_TRUE(eventually([&] { return held.load(); }));
  PostgresStore next(server->conninfo(OwnPostgres::database), {});
  EXPECT_TRUE(eventually([&] { return next.load().has_value(); }));
  over = true;
  attackers.clear();
  EXPECT_THAT(refusal(stores_lock), HasSubstr("permission denied"));
}

TEST_F(NodeRole, ALookThatItDoesNotEndDoesNotStopTheUpgrade) {
  { const auto ended = std::move(store); }
  ASSERT_NO_FATAL_FAILURE(age_schema());
  auto attacker = node();
  ASSERT_TRUE(attacker.script("BEGIN; SELECT * FROM autoctl.state", patience));
  PostgresStore next(server->conninfo(OwnPostgres::database), {});
  EXPECT_TRUE(eventually([&] { return next.load().has_value(); }));
  EXPECT_FALSE(attacker.script("SELECT 1", patience)) << "its session was ended";
}

TEST_F(NodeRole, CannotHoldOneLockAndWaitForAnother) {
  auto holder = node();
  ASSERT_TRUE(holder.script("BEGIN; SELECT * FROM autoctl.history; SELECT FROM pg_roles", patience));
  const auto waiter = try_node();
  ASSERT_FALSE(waiter) << "CREATE RULE here would stop every commit, and on pg_authid every login";
  EXPECT_THAT(waiter.error().message, HasSubstr("too many connections"));
  EXPECT_TRUE(commit());
}

TEST_F(NodeRole, CannotWaitForALockBehindTheOwner) {
  auto dump = owner();
  ASSERT_TRUE(dump.script("BEGIN; LOCK TABLE autoctl.event IN ACCESS SHARE MODE", patience));
  auto attacker = node();
  const auto asked = attacker.script("CREATE RULE r AS ON INSERT TO autoctl.event DO NOTHING", Millis(3'000));
  ASSERT_FALSE(asked);
  EXPECT_THAT(asked.error().message, HasSubstr("may only look"));
  EXPECT_TRUE(commit());
}

TEST_F(NodeRole, CannotWriteAnythingAnywhere) {
  for (const char* sql : {"SELECT lo_create(0)",
                          "SELECT lo_from_bytea(0, 'x')",
                          "SELECT lo_import('/etc/hostname')",
                          "SELECT pg_notify('a', 'b')",
                          "SELECT pg_logical_emit_message(false, 'a', 'b')",
                          "SELECT pg_export_snapshot()",
                          "SELECT txid_current()",
                          "SELECT pg_current_xact_id()",
                          "CREATE TEMP TABLE t ()",
                          "CREATE TABLE public.t ()",
                          "CREATE TABLE autoctl.t ()",
                          "CREATE SCHEMA s",
                          "DO 'BEGIN END'",
                          "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
                          "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC",
                          "SELECT * FROM autoctl.state FOR UPDATE",
                          "SELECT * FROM autoctl.node_role",
                          "SELECT autoctl.set_node_password('x')",
                          "SELECT * FROM autoctl.keep_node_role()",
                          "ALTER ROLE autoctl_node CONNECTION LIMIT 50",
                          "DROP EVENT TRIGGER autoctl_refuse_node"})
    EXPECT_NE(refusal(sql), "") << sql;
}

TEST_F(NodeRole, CannotFillTheDiskWithASortOrALog) {
  EXPECT_THAT(refusal("SELECT count(*) FROM (SELECT a FROM generate_series(1, 3000000) a ORDER BY -a) x"),
              HasSubstr("temp_file_limit"));
  for (const char* sql : {"SET temp_file_limit = -1", "SET log_min_messages = debug5", "SET log_statement = 'all'"})
    EXPECT_THAT(refusal(sql), HasSubstr("permission denied")) << sql;
}

TEST_F(NodeRole, LeavesTheOwnersConnectionsAlone) {
  std::vector<Result<pg::Connection>> attackers;
  for (int i = 0; i < 100; ++i) attackers.push_back(try_node());
  EXPECT_LE(std::ranges::count_if(attackers, [](const auto& session) { return session.has_value(); }), 1);
  const auto mine = pg::Connection::open(server->conninfo(OwnPostgres::database), patience);
  EXPECT_TRUE(mine) << mine.error().message;
}

TEST_F(NodeRole, CannotEnterAnotherDatabaseWithItsPassword) {
  ASSERT_TRUE(owner().script("SELECT autoctl.set_node_password('own')", patience));
  for (const char* database : {"postgres", "template1"}) EXPECT_FALSE(try_node(database)) << database;
}

TEST_F(NodeRole, ASessionThatIsLongOrWritesIsEnded) {
  auto idle = node();
  auto admin = owner();
  ASSERT_TRUE(idle.script("SET statement_timeout = 0; SET idle_session_timeout = 0; LISTEN x", patience));
  ASSERT_TRUE(tend_node_role(admin));
  EXPECT_TRUE(idle.script("SELECT 1", patience)) << "it is young";
  ASSERT_TRUE(tend_node_role(admin, Millis(0)));
  EXPECT_FALSE(idle.script("SELECT 1", patience));

  auto writer = node();
  ASSERT_TRUE(writer.script("BEGIN; ALTER ROLE autoctl_node PASSWORD 'stolen'", patience));
  ASSERT_TRUE(eventually([&] { return tend_node_role(admin).has_value(); }));
  EXPECT_FALSE(writer.script("COMMIT", patience));
}

TEST_F(NodeRole, WhatItChangesOfItselfIsPutBack) {
  auto admin = owner();
  ASSERT_TRUE(admin.script("SELECT autoctl.set_node_password('own')", patience));
  const auto before = admin.query(role_row, patience).value();
  ASSERT_EQ(refusal("ALTER ROLE autoctl_node PASSWORD 'stolen'"), "") << "Postgres lets every role do this";
  ASSERT_EQ(refusal("ALTER ROLE autoctl_node SET search_path = nowhere"), "");
  ASSERT_EQ(refusal("ALTER ROLE autoctl_node IN DATABASE pg_auto_failover SET default_transaction_deferrable = on"),
            "");
  ASSERT_TRUE(tend_node_role(admin));
  const auto after = admin.query(role_row, patience).value();
  ASSERT_EQ(after.size(), 1);
  for (int column = 0; column < 3; ++column) EXPECT_EQ(after.text(0, column), before.text(0, column));
}

TEST_F(NodeRole, ThePasswordThatTheOwnerSetsIsKept) {
  auto admin = owner();
  ASSERT_TRUE(admin.script("ALTER ROLE autoctl_node PASSWORD 'first'", patience));
  ASSERT_TRUE(tend_node_role(admin));
  const auto first = admin.query(role_row, patience)->text(0, 0);
  ASSERT_NE(first, "");
  ASSERT_TRUE(admin.script("SELECT autoctl.set_node_password('second')", patience));
  const auto second = admin.query(role_row, patience)->text(0, 0);
  EXPECT_NE(second, first);
  ASSERT_TRUE(tend_node_role(admin));
  EXPECT_EQ(admin.query(role_row, patience)->text(0, 0), second);
}

TEST_F(NodeRole, IsMadeAgainWithItsPasswordWhereARestoreHasLeftItOut) {
  auto admin = owner();
  ASSERT_TRUE(admin.script("SELECT autoctl.set_node_password('own')", patience));
  const auto password = admin.query(role_row, patience)->text(0, 0);
  ASSERT_TRUE(admin.script("DROP OWNED BY autoctl_node; DROP ROLE autoctl_node", patience));
  const auto tended = tend_node_role(admin);
  ASSERT_TRUE(tended) << tended.error().message;
  EXPECT_EQ(admin.query(role_row, patience)->text(0, 0), password);
  EXPECT_EQ(refusal("SELECT autoctl.api_endpoint(), * FROM autoctl.state"), "");
}

TEST_F(NodeRole, NodesThatJoinAtOnceTakeTurns) {
  std::atomic<int> found = 0;
  {
    std::vector<std::jthread> joining;
    for (int i = 0; i < 10; ++i)
      joining.emplace_back([&] { found += client::discover(node_uri(), {.timeout = patience}).has_value() ? 1 : 0; });
  }
  EXPECT_EQ(found, 10);
}

}  // namespace
}  // namespace autoctl::monitor
