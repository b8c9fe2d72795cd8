#include "support/citus_cluster.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <set>

namespace autoctl::test {
namespace {

// nodecluster and secondaries are for the tests of read replicas.
constexpr const char* primaries_in_metadata =
    "SELECT format('group %s at %s:%s%s%s', groupid, nodename, nodeport, CASE WHEN NOT isactive THEN ' inactive' END, "
    "CASE WHEN groupid <> 0 AND NOT metadatasynced THEN ' not synced' END) "
    "FROM pg_dist_node WHERE noderole = 'primary' ORDER BY 1";
constexpr const char* left_over =
    "SELECT 'prepared transaction ' || gid FROM pg_prepared_xacts WHERE database = current_database() "
    "UNION ALL SELECT 'session ' || application_name FROM pg_stat_activity WHERE application_name LIKE 'autoctl_hold%' "
    "UNION ALL SELECT format('%s on %s', l.mode, coalesce(l.relation::regclass::text, l.locktype)) FROM pg_locks l "
    "JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() WHERE l.pid IS DISTINCT FROM "
    "pg_backend_pid() AND l.mode NOT IN ('AccessShareLock', 'RowShareLock')";

/// Rows as one text, or why there are none: for polling, where an error is no failure yet.
std::string ask(const lab::AutoctlDaemon& node, const std::string& dbname, const std::string& sql) {
  auto connection = pg::Connection::open(lab::conninfo({{node.host(), node.pgport()}}, dbname, "any"), Millis(5'000));
  if (!connection) return node.name() + ": " + connection.error().message;
  const auto rows = connection->query(sql, Millis(10'000));
  if (!rows) return node.name() + ": " + rows.error().message;
  std::vector<std::string> values;
  for (int row = 0; row < rows->size(); ++row) values.push_back(rows->text(row, 0));
  return fmt::format("{}", fmt::join(values, ", "));
}

}  // namespace

void CitusTest::SetUp() {
  ASSERT_NO_FATAL_FAILURE(ClusterTest::SetUp());
  ASSERT_FALSE(citus_server().pg_ctl.empty()) << citus_server().description;
  say_which_citus(citus_server());
}

lab::LocalCluster::Place CitusTest::next_place() {
  return network_ == nullptr ? lab::LocalCluster::Place{} : network_->place(places_taken_++);
}

void CitusTest::create_citus_node(const std::string& name, GroupId group, const std::vector<std::string>& words) {
  lab::LocalCluster::Place place = next_place();
  place.role = group == 0 ? "coordinator" : "worker";
  if (group != 0) place.group = group;
  place.words = {"--pgctl", citus_server().pg_ctl, "--dbname", dbname_};
  place.words.insert(place.words.end(), words.begin(), words.end());
  ASSERT_TRUE(ok(cluster().create_node(name, place)));
}

void CitusTest::start_citus(int workers, int nodes_per_group, const std::vector<std::string>& words) {
  ASSERT_TRUE(ok(cluster().create_monitor(next_place())));
  for (int number = 0; number < nodes_per_group; ++number) {
    for (GroupId group = 0; group <= workers; ++group) {
      const auto letter = static_cast<char>('a' + number);
      ASSERT_NO_FATAL_FAILURE(
          create_citus_node(fmt::format("{}{}{}", group == 0 ? "coord" : "worker", group, letter), group, words));
    }
    // The first of each group has to be its primary.
    ASSERT_NO_FATAL_FAILURE(expect_settled(Millis(120'000)));
  }
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows());
  // Each shard is a table in two Postgres and a session that makes it: 32 keep two cores busy for seconds.
  if (citus_server().real) query_primary(0, fmt::format("ALTER DATABASE \"{}\" SET citus.shard_count = 8", dbname_));
}

void CitusTest::start_writers(int per_group) {
  lab::Writers::Options options;
  options.servers = cluster().servers();
  options.dbname = dbname_;
  options.per_group = per_group;
  options.distributed = citus_server().real;
  options.interval = Millis(50);  // what is measured is how long they wait for a node, not for a core
  auto made = lab::Writers::make(options);
  ASSERT_TRUE(ok(made));
  writers_.emplace(std::move(*made));
  writers_->start();
  ASSERT_TRUE(writers_->progress(20, Millis(20'000))) << writers_->trouble();
}

void CitusTest::verify_writers() {
  writers_->stop();
  // A transaction that is prepared on a worker and committed on the coordinator is not visible before it is finished.
  expect_nothing_left();
  const auto lost = writers_->lost();
  ASSERT_TRUE(ok(lost));
  EXPECT_EQ(*lost, 0U) << "of " << writers_->acknowledged() << " acknowledged rows";
  const auto half = writers_->half_applied();
  ASSERT_TRUE(ok(half));
  EXPECT_EQ(*half, 0U) << "transactions are on one of their groups only";
}

std::string CitusTest::metadata_trouble() {
  const auto state = cluster().state();
  if (!state) return state.error().message;
  std::set<std::string> expected;
  std::vector<const lab::AutoctlDaemon*> primaries;
  for (const auto& node : state->nodes) {
    if (!is_leader_state(node.assigned)) continue;
    expected.insert(fmt::format("group {} at {}:{}", node.group, node.host, node.port));
    primaries.push_back(cluster().find(node.name));
  }
  const std::string wanted = fmt::format("{}", fmt::join(expected, ", "));
  for (const auto* node : primaries)
    if (const auto found = ask(*node, dbname_, primaries_in_metadata); found != wanted)
      return fmt::format("pg_dist_node on {} has\n  {}\nand should have\n  {}", node->name(), found, wanted);
  return {};
}

void CitusTest::expect_metadata_follows(Millis timeout) {
  std::string trouble;
  const bool follows = lab::eventually(timeout, [&] { return (trouble = metadata_trouble()).empty(); });
  ASSERT_TRUE(follows) << trouble;
}

std::string CitusTest::leftovers() {
  std::string found;
  for (const auto& node : cluster().nodes())
    if (const auto rows = ask(*node, dbname_, left_over); !rows.empty()) found += node->name() + ": " + rows + "\n";
  return found;
}

void CitusTest::expect_nothing_left(Millis timeout) {
  std::string found;
  const bool clean = lab::eventually(timeout, [&] { return (found = leftovers()).empty(); });
  ASSERT_TRUE(clean) << found;
}

void CitusTest::expect_citus_settled(Millis timeout) {
  ASSERT_NO_FATAL_FAILURE(expect_settled(timeout));
  ASSERT_NO_FATAL_FAILURE(expect_metadata_follows());
}

lab::AutoctlDaemon& CitusTest::primary(GroupId group) {
  lab::AutoctlDaemon* node = cluster().primary(group);
  EXPECT_NE(node, nullptr) << "group " << group << " has no primary";
  return node != nullptr ? *node : *cluster().nodes().front();
}

std::vector<std::string> CitusTest::query_primary(GroupId group, const std::string& sql) {
  return query(primary(group), sql, dbname_);
}

}  // namespace autoctl::test
