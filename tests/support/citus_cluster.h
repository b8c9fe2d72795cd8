// A Citus formation under test: a coordinator pair and pairs of workers, an application that writes through the
// coordinator, and what must be true whenever all is at rest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lab/writers.h"
#include "support/citus_server.h"
#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {

class CitusTest : public ClusterTest {
 protected:
  void SetUp() override;

  /// Before start_citus(): the monitor is at place 0 of the network, and each node at the next one.
  void use(const Network& network) { network_ = &network; }
  /// A monitor and `nodes_per_group` nodes for the coordinator and each of `workers` groups: coord0a, coord0b,
  /// worker1a… Returns when all rest and pg_dist_node has the workers. For ASSERT_NO_FATAL_FAILURE.
  void start_citus(int workers = 2, int nodes_per_group = 2, const std::vector<std::string>& words = {});
  /// One more node; does not wait.
  void create_citus_node(const std::string& name, GroupId group, const std::vector<std::string>& words = {});

  /// Writers for each group, and one of two groups at once; without real sharding on the coordinator only.
  void start_writers(int per_group = 4);
  lab::Writers& writers() { return *writers_; }
  /// Stops them; every acknowledged row is there, once no prepared transaction is left, and none is half applied.
  void verify_writers();

  /// pg_dist_node, on the coordinator and on every worker, has exactly the groups' primaries, each in its own group,
  /// active and synced.
  void expect_metadata_follows(Millis timeout = Millis(10'000));
  /// No node has a prepared transaction, a session that holds statements back or a lock that keeps anybody from writing.
  /// Writers must not write.
  void expect_nothing_left(Millis timeout = Millis(10'000));
  /// Everything at rest: states, pg_dist_node.
  void expect_citus_settled(Millis timeout = Millis(60'000));

  lab::AutoctlDaemon& primary(GroupId group);
  /// One column of a query on the group's primary.
  std::vector<std::string> query_primary(GroupId group, const std::string& sql);
  /// Connects like an application.
  std::string coordinator() const { return lab::conninfo(cluster().servers(), dbname_); }

  std::string dbname_ = "postgres";

 private:
  std::string metadata_trouble();
  std::string leftovers();

  lab::LocalCluster::Place next_place();

  std::optional<lab::Writers> writers_;
  const Network* network_ = nullptr;
  int places_taken_ = 0;
};

}  // namespace autoctl::test
