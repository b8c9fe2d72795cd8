// libpq with deadlines, against a real server.
#include <gmock/gmock.h>
#include <signal.h>

#include <atomic>

#include "postgres_node.h"

namespace autoctl::keeper::test {
namespace {

class PgConnection : public PostgresTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(PostgresTest::SetUp());
    ASSERT_NO_FATAL_FAILURE(node(1).make_primary());
    auto opened = nodes[0]->connect();
    ASSERT_TRUE(ok(opened));
    sql.emplace(std::move(*opened));
  }
  void TearDown() override {
    sql.reset();
    PostgresTest::TearDown();
  }
  std::optional<pg::Connection> sql;
};

TEST_F(PgConnection, ParametersRowsAndNulls) {
  const auto rows =
      sql->query("select $1::int + 1, $2::text, $3::text is null, null", {"41", "it's", std::nullopt}, 5s);
  ASSERT_TRUE(ok(rows));
  EXPECT_EQ(rows->number(0, 0), 42);
  EXPECT_EQ(rows->text(0, 1), "it's");
  EXPECT_TRUE(rows->truth(0, 2));
  EXPECT_FALSE(rows->get(0, 3));
  EXPECT_FALSE(rows->get(1, 0)) << "no such row";
  ASSERT_TRUE(ok(sql->script("create table t(i int); insert into t values (1), (2)", 5s)));
  EXPECT_EQ(sql->query("update t set i = i + 1", 5s)->affected(), 2);
  EXPECT_EQ(sql->server_version() / 10000, tools.major);
}

TEST_F(PgConnection, AnErrorHasTheServersWordsAndStateButNotTheStatement) {
  const auto failed = sql->query("select 'secret' frm nowhere", 5s);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::postgres);
  EXPECT_THAT(failed.error().message, testing::Not(testing::HasSubstr("secret")));
  EXPECT_EQ(sql->sqlstate(), "42601");
  EXPECT_TRUE(sql->is_open());
  EXPECT_TRUE(ok(sql->query("select 1", 5s)));
  EXPECT_EQ(sql->sqlstate(), "");
  EXPECT_FALSE(sql->script("begin; select 1/0; commit", 5s));
  EXPECT_EQ(sql->sqlstate(), "22012");
}

TEST_F(PgConnection, ATimeoutClosesIt) {
  const auto began = Clock::now();
  const auto late = sql->query("select pg_sleep(60)", 100ms);
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Errc::timeout);
  EXPECT_LT(Clock::now() - began, 5s);
  EXPECT_FALSE(sql->is_open());
  EXPECT_EQ(sql->query("select 1", 1s).error().code, Errc::unavailable);
}

TEST_F(PgConnection, IsGivenUpWhenNoLongerWanted) {
  std::atomic<int> asked = 0;
  sql->interrupt_when([&] { return ++asked > 2; });
  const auto given_up = sql->query("select pg_sleep(60)", 60s);
  ASSERT_FALSE(given_up);
  EXPECT_EQ(given_up.error().code, Errc::unavailable);
}

/// Else it would go on in the server, with its locks.
TEST_F(PgConnection, WhatIsGivenUpEndsInTheServerToo) {
  const auto sleeps = [&](const std::string& seconds) {
    return nodes[0]->sql("select count(*) from pg_stat_activity where pid <> pg_backend_pid() and query like '%sleep(" +
                         seconds + ")%'") != "0";
  };
  sql->cancel_what_is_given_up();
  EXPECT_FALSE(sql->query("select pg_sleep(57)", 200ms));
  EXPECT_TRUE(eventually([&] { return !sleeps("57"); })) << "it was not answered in time";

  auto again =
      pg::Connection::open(fmt::format("host={} port={} dbname=postgres", scratch, nodes[0]->config.pgport), 5s);
  ASSERT_TRUE(ok(again));
  again->cancel_what_is_given_up();
  std::atomic<int> asked = 0;
  again->interrupt_when([&] { return ++asked > 2; });
  EXPECT_FALSE(again->query("select pg_sleep(58)", 60s));
  EXPECT_TRUE(eventually([&] { return !sleeps("58"); })) << "it was interrupted";
}

TEST_F(PgConnection, BigStatementsAndAnswersPass) {
  const std::string big(8 * 1024 * 1024, 'x');
  const auto rows = sql->query("select $1::text", {big}, 30s);
  ASSERT_TRUE(ok(rows));
  EXPECT_EQ(rows->get(0, 0), big);
}

TEST_F(PgConnection, ADyingServerIsUnavailableAndAFrozenOneTimesOut) {
  std::thread killer([&] {
    EXPECT_TRUE(eventually([&] {
      return nodes[0]->sql(
                 "select count(*) from pg_stat_activity where query like '%sleep(59)%' "
                 "and pid <> pg_backend_pid()") == "1";
    }));
    nodes[0]->sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where query like '%sleep(59)%' "
        "and pid <> pg_backend_pid()");
  });
  const auto terminated = sql->query("select pg_sleep(59)", 60s);
  killer.join();
  ASSERT_FALSE(terminated);
  EXPECT_EQ(terminated.error().code, Errc::unavailable);
  EXPECT_THAT(terminated.error().message, testing::HasSubstr("terminating connection"));
  EXPECT_FALSE(sql->is_open());

  ::kill(nodes[0]->postmaster_pid(), SIGSTOP);
  const auto frozen =
      pg::Connection::open(fmt::format("host={} port={} dbname=postgres", scratch, nodes[0]->config.pgport), 200ms);
  ASSERT_FALSE(frozen);
  EXPECT_EQ(frozen.error().code, Errc::timeout);
  ::kill(nodes[0]->postmaster_pid(), SIGCONT);
}

TEST_F(PgConnection, RefusalsAreToldApart) {
  const auto open = [&](const std::string& rest) {
    return pg::Connection::open(fmt::format("host={} port={} {}", scratch, nodes[0]->config.pgport, rest), 5s);
  };
  EXPECT_EQ(open("dbname=postgres user=nobody_at_all").error().code, Errc::denied);
  EXPECT_EQ(open("dbname=nowhere").error().code, Errc::postgres);
  ASSERT_TRUE(ok(nodes[0]->postgres->stop(StopMode::fast, 10s)));
  EXPECT_EQ(open("dbname=postgres").error().code, Errc::unavailable);
}

}  // namespace
}  // namespace autoctl::keeper::test
