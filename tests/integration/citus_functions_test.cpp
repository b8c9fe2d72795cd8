// The functions of Citus that autoctl relies on, and that the stand-in behaves as the real ones do.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gmock/gmock.h>

#include <fstream>

#include "common/postgres/tools.h"
#include "lab/cluster.h"
#include "support/citus_server.h"
#include "support/scratch.h"

namespace autoctl::test {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

/// A Postgres with the extension, as bare as can be.
class CitusPostgres {
 public:
  CitusPostgres(const postgres::Tools& tools, std::string directory)
      : tools_(tools), directory_(std::move(directory)), port_(free_port()) {
    run("initdb", {"--auth", "trust", "--no-sync", "--pgdata", directory_});
    std::ofstream(directory_ + "/postgresql.conf", std::ios::app)
        << "shared_preload_libraries = citus\nlisten_addresses = '127.0.0.1'\nport = " << port_
        << "\nunix_socket_directories = ''\nmax_prepared_transactions = 10\nwal_level = logical\nfsync = off\n"
        << "citus.node_conninfo = 'sslmode=prefer'\n";
    run("pg_ctl", {"--pgdata", directory_, "--log", directory_ + ".log", "--wait", "start"});
    EXPECT_EQ(sql("CREATE EXTENSION citus"), "");
  }
  ~CitusPostgres() { run("pg_ctl", {"--pgdata", directory_, "--mode", "immediate", "stop"}); }
  CitusPostgres(const CitusPostgres&) = delete;
  CitusPostgres& operator=(const CitusPostgres&) = delete;

  int port() const { return port_; }
  std::string words() const { return fmt::format("'127.0.0.1', {}", port_); }

  /// The first column, or the error's words.
  std::string sql(const std::string& statement) const {
    auto connection = pg::Connection::open(lab::conninfo({{"127.0.0.1", port_}}, "postgres", "any"), 10s);
    if (!connection) return connection.error().message;
    const auto rows = connection->query(statement, 30s);
    if (!rows) return rows.error().message;
    std::vector<std::string> values;
    for (int row = 0; row < rows->size(); ++row) values.push_back(rows->text(row, 0));
    return fmt::format("{}", fmt::join(values, ", "));
  }
  /// pg_dist_node, a few words a row.
  std::string nodes() const {
    return sql(
        "SELECT format('%s/%s %s %s%s', nodeid, groupid, nodeport, noderole, CASE WHEN NOT isactive THEN ' inactive' "
        "END) FROM pg_dist_node ORDER BY nodeid");
  }

 private:
  void run(const std::string& tool, const std::vector<std::string>& words) const {
    const auto finished = autoctl::run(postgres::tool_command(tools_, tool, words), 60s);
    ASSERT_TRUE(finished) << finished.error().message;
    ASSERT_TRUE(finished->ok()) << finished->output;
  }

  const postgres::Tools& tools_;
  const std::string directory_;
  const int port_;
};

/// The parameter: is it the real one?
class CitusFunctions : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_NE(::geteuid(), 0U) << "Postgres refuses to run as root: use ./scripts/test";
    const auto server = GetParam() ? find_real_citus() : make_citus_stand_in();
    if (!server && GetParam()) GTEST_SKIP() << needs_real_citus;
    ASSERT_TRUE(server) << server.error().message;
    auto tools = postgres::find_tools(server->pg_ctl);
    ASSERT_TRUE(tools) << tools.error().message;
    tools_ = *tools;
    coordinator_.emplace(tools_, scratch_.path() + "/coordinator");
    first_.emplace(tools_, scratch_.path() + "/first");
    second_.emplace(tools_, scratch_.path() + "/second");
    EXPECT_EQ(coordinator_->sql("SELECT citus_set_coordinator_host(" + coordinator_->words() + ")"), "");
    EXPECT_EQ(coordinator_->sql("SELECT citus_add_node(" + first_->words() + ", 1)"), "2");
  }
  std::string expected_nodes(int first_port) const {
    return fmt::format("1/0 {} primary, 2/1 {} primary", coordinator_->port(), first_port);
  }

  ScratchDirectory scratch_;
  postgres::Tools tools_;
  std::optional<CitusPostgres> coordinator_, first_, second_;
};

// Few tests that each do much: what takes time here is to make the servers.

TEST_P(CitusFunctions, ChangesOfNodesAreKnownEverywhere) {
  EXPECT_EQ(coordinator_->nodes(), expected_nodes(first_->port()));
  EXPECT_EQ(first_->nodes(), expected_nodes(first_->port()));
  EXPECT_EQ(first_->sql("SELECT groupid FROM pg_dist_local_group"), "1");
  for (const char* function : {"citus_get_active_worker_nodes", "master_get_active_worker_nodes"})
    EXPECT_EQ(coordinator_->sql(fmt::format("SELECT node_port FROM {}()", function)), std::to_string(first_->port()));

  EXPECT_EQ(coordinator_->sql("SELECT citus_add_secondary_node(" + second_->words() + ", " + first_->words() + ")"),
            "3");
  EXPECT_EQ(coordinator_->nodes(), expected_nodes(first_->port()) + fmt::format(", 3/1 {} secondary", second_->port()));
  EXPECT_EQ(first_->nodes(), coordinator_->nodes());
  EXPECT_EQ(coordinator_->sql("SELECT citus_remove_node(" + second_->words() + ")"), "");
  EXPECT_EQ(coordinator_->nodes(), expected_nodes(first_->port()));
  EXPECT_EQ(first_->nodes(), expected_nodes(first_->port()));

  EXPECT_EQ(coordinator_->sql(fmt::format("SELECT citus_set_coordinator_host('localhost', {})", coordinator_->port())),
            "");
  for (const auto* server : {&*coordinator_, &*first_})
    EXPECT_EQ(server->sql("SELECT nodename FROM pg_dist_node WHERE groupid = 0"), "localhost");

  // Other than all above, this is not told to anybody: not before they are synced.
  EXPECT_EQ(coordinator_->sql("SELECT citus_update_node(2, " + second_->words() + ")"), "");
  EXPECT_EQ(coordinator_->nodes(), expected_nodes(second_->port()));
  EXPECT_EQ(coordinator_->sql("SELECT start_metadata_sync_to_all_nodes()"), "t");
  EXPECT_EQ(coordinator_->sql("SELECT bool_and(metadatasynced) FROM pg_dist_node"), "t");
  EXPECT_EQ(second_->nodes(), expected_nodes(second_->port()));
}

TEST_P(CitusFunctions, WhatCannotBeIsRefused) {
  EXPECT_EQ(coordinator_->sql("SELECT citus_add_node(" + first_->words() + ", 1)"), "2") << "again is no error";
  EXPECT_THAT(coordinator_->sql("SELECT citus_add_node(" + second_->words() + ", 1)"),
              HasSubstr("group 1 already has a primary node"));
  EXPECT_THAT(coordinator_->sql(fmt::format("SELECT citus_add_node('127.0.0.1', {}, 2)", free_port())),
              HasSubstr("connection"));
  EXPECT_THAT(coordinator_->sql("SELECT citus_add_secondary_node(" + second_->words() + ", 'elsewhere', 1)"),
              HasSubstr("does not exist"));
  EXPECT_THAT(first_->sql("SELECT citus_add_node(" + second_->words() + ")"),
              HasSubstr("operation is not allowed on this node"));

  EXPECT_EQ(coordinator_->sql("SELECT citus_update_node(2, " + first_->words() + ")"), "");
  EXPECT_THAT(coordinator_->sql("SELECT citus_update_node(2, " + coordinator_->words() + ")"),
              HasSubstr("there is already another node with the specified hostname and port"));
  EXPECT_THAT(coordinator_->sql("SELECT citus_update_node(7, 'elsewhere', 1)"), HasSubstr("node 7 not found"));

  EXPECT_EQ(coordinator_->nodes(), expected_nodes(first_->port()));
  EXPECT_EQ(coordinator_->sql("SELECT bool_and(metadatasynced) FROM pg_dist_node"), "t") << "nothing was changed";
}

TEST_P(CitusFunctions, PreparedTransactionsOfNobodyAreRolledBack) {
  auto session = pg::Connection::open(lab::conninfo({{"127.0.0.1", first_->port()}}, "postgres", "any"), 10s);
  ASSERT_TRUE(session);
  ASSERT_TRUE(session->script("BEGIN; CREATE TABLE u (); PREPARE TRANSACTION 'citus_0_1_2_3'", 10s));
  EXPECT_EQ(coordinator_->sql("SELECT recover_prepared_transactions()"), "1");
  EXPECT_EQ(first_->sql("SELECT count(*) FROM pg_prepared_xacts"), "0");
  EXPECT_EQ(first_->sql("SELECT to_regclass('u') IS NULL"), "t");
}

INSTANTIATE_TEST_SUITE_P(Citus, CitusFunctions, testing::Bool(),
                         [](const auto& kind) { return kind.param ? "Real" : "StandIn"; });

}  // namespace
}  // namespace autoctl::test
