// What tests of whole clusters share: a scratch directory, a cluster in it, clients that prove what was promised, and
// the logs when something went wrong.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/cluster.h"

namespace autoctl::test {

/// Success, or the error's words.
template <class T>
testing::AssertionResult ok(const Result<T>& result) {
  if (result) return testing::AssertionSuccess();
  return testing::AssertionFailure() << result.error().message << " (" << result.error().hint << ")";
}

/// A writer that behaves, and on every node an observer that tries to write whatever the node's role. None of them may
/// lose an acknowledged row, and no two nodes may acknowledge at once.
class Load {
 public:
  explicit Load(lab::LocalCluster& cluster);

  /// Creates the table; the cluster must have a primary.
  void start();
  void stop();
  const lab::WritingClient& writer() const { return *writer_; }
  /// How many commits `node` has acknowledged, to any client, that were sent since then.
  std::size_t acknowledged_by(const lab::AutoctlDaemon& node, TimePoint since) const;
  /// Another `rows` rows were acknowledged within `timeout`.
  testing::AssertionResult progresses(std::size_t rows, Millis timeout) const;
  /// That two nodes acknowledged at once, to any client; nullopt if they did not.
  std::optional<std::string> split_brain() const;
  /// Expectations of this test; may be called while the clients write. The cluster must be settled.
  void verify();

 private:
  std::vector<const lab::WritingClient*> clients() const;

  lab::LocalCluster& cluster_;
  std::unique_ptr<lab::WritingClient> writer_;
  std::vector<std::unique_ptr<lab::WritingClient>> observers_;
};

/// The autoctl that was built beside this test.
std::string autoctl_under_test();

class ClusterTest : public testing::Test {
 protected:
  ClusterTest();
  ~ClusterTest() override;
  void SetUp() override;
  void TearDown() override;

  lab::LocalCluster& cluster() { return *cluster_; }
  const lab::LocalCluster& cluster() const { return *cluster_; }
  /// Of a cluster of one group. The test fails if there is none; then it is some node, so that the test can end.
  lab::AutoctlDaemon& primary() {
    lab::AutoctlDaemon* node = cluster().primary();
    EXPECT_NE(node, nullptr);
    return node != nullptr ? *node : *cluster().nodes().front();
  }
  lab::AutoctlDaemon& standby() {
    lab::AutoctlDaemon* node = cluster().standby();
    EXPECT_NE(node, nullptr);
    return node != nullptr ? *node : *cluster().nodes().back();
  }
  /// For tests that must outlive their cluster.
  void destroy_cluster() { cluster_.reset(); }
  std::string directory() const { return scratch_->path(); }

  /// A monitor, and `nodes` nodes named node_1…; returns when they have come to rest. Fatal failure otherwise: call it
  /// in ASSERT_NO_FATAL_FAILURE.
  void start_cluster(int nodes = 2, const std::vector<lab::LocalCluster::Place>& places = {});
  void expect_settled(Millis timeout = Millis(60'000));

  /// autoctl to its end, as a user would type it. The test fails if it cannot be started or hangs.
  Finished autoctl(const std::vector<std::string>& words, Millis timeout = Millis(60'000)) const;
  /// The same with the monitor's --pgdata.
  Finished at_monitor(std::vector<std::string> words);
  /// The same for a command that has to work. Fatal failure otherwise: call it in ASSERT_NO_FATAL_FAILURE.
  void say(const std::vector<std::string>& words);
  /// Its output has `what`, now or within `patience`.
  bool is_said(const std::vector<std::string>& words, const std::string& what, Millis patience = Millis(20'000));
  /// The same as autoctl() for any program in $PATH.
  Finished shell(const std::string& script, Millis timeout = Millis(60'000)) const;
  /// Rows of a query on `node`'s Postgres, first column only. The test fails on an error.
  std::vector<std::string> query(const lab::AutoctlDaemon& node, const std::string& sql,
                                 const std::string& dbname = "postgres") const;

 private:
  /// All logs of a cluster whose test has failed, in a file in the directory `where` ($AUTOCTL_KEEP_LOGS).
  void keep_logs(const std::string& where) const;

  std::optional<lab::ScratchDirectory> scratch_;
  std::optional<lab::LocalCluster> cluster_;
};

}  // namespace autoctl::test
