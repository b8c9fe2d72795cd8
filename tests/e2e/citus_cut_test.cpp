// A worker's primary that is cut off without a word, among sessions that the coordinator keeps to it.
#include <algorithm>
#include <iostream>

#include "support/citus_cluster.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

/// silence_timeout is 4 s; a heartbeat, the election, and who is in the way of the move ends after 1 s.
constexpr Millis writes_are_back{5'500};
constexpr Millis other_groups_wait{1'000};
constexpr Millis tables_can_be_distributed{2'000};
constexpr std::size_t clients_per_group = 4;

/// Of nodes per group.
class CitusCut : public CitusTest, public testing::WithParamInterface<int> {
 protected:
  void SetUp() override {
    if (!may_make_networks()) GTEST_SKIP() << "partitions need network namespaces: run ./scripts/test where they exist";
    ASSERT_NO_FATAL_FAILURE(CitusTest::SetUp());
    if (!citus_server().real) GTEST_SKIP() << needs_real_citus;
    auto network = Network::make(1 + groups * GetParam());
    ASSERT_TRUE(ok(network));
    links_.emplace(std::move(*network));
    use(*links_);
    ASSERT_NO_FATAL_FAILURE(start_citus(groups - 1, GetParam()));
    ASSERT_NO_FATAL_FAILURE(start_writers(clients_per_group));
  }
  /// Of the clients of one group, or of all others that need that group not.
  template <class Measure>
  Millis longest(GroupId group, bool others, Measure measure) {
    Millis worst{0};
    for (std::size_t i = 0; i < clients_per_group * (groups - 1); ++i) {
      const bool is_of_it = i / clients_per_group + 1 == static_cast<std::size_t>(group);
      if (is_of_it != others) worst = std::max(worst, measure(*writers().clients()[i]));
    }
    return worst;
  }
  static int place_of(const lab::AutoctlDaemon& node) { return node.pgport() - 5432; }
  void cut_off_a_workers_primary(int round) {
    SCOPED_TRACE("cut " + std::to_string(round));
    const GroupId group = 1 + round % (groups - 1);
    const int place = place_of(primary(group));
    const TimePoint cut = Clock::now();
    ASSERT_TRUE(ok(links_->isolate(place)));
    ASSERT_TRUE(writers().progress(20, Millis(60'000))) << writers().trouble();
    const TimePoint back = Clock::now();
    const Millis outage = longest(group, false, [&](const auto& client) { return client.outage(cut, back); });
    const Millis waited = longest(group, true, [&](const auto& client) { return client.longest_statement(cut); });
    const Millis table = distribute_a_table(round);
    std::cout << "group " << group << ": write outage " << outage.count() << " ms, longest statement to another group "
              << waited.count() << " ms, create_distributed_table " << table.count() << " ms later\n";
    EXPECT_LT(outage, writes_are_back);
    EXPECT_LT(waited, other_groups_wait);
    EXPECT_LT(table, tables_can_be_distributed);
    ASSERT_TRUE(ok(links_->heal()));
    ASSERT_NO_FATAL_FAILURE(expect_citus_settled());
  }
  /// How long it is refused, or takes.
  Millis distribute_a_table(int round) {
    const TimePoint start = Clock::now();
    const std::string name = "distributed_" + std::to_string(round);
    const bool done = lab::eventually(Millis(60'000), [&] {
      auto sql = pg::Connection::open(coordinator(), Millis(5'000));
      return sql && sql->script("create table if not exists " + name + " (id int primary key)", Millis(5'000)) &&
             sql->script("select create_distributed_table('" + name + "', 'id')", Millis(30'000));
    });
    EXPECT_TRUE(done);
    return std::chrono::duration_cast<Millis>(Clock::now() - start);
  }

  static constexpr int groups = 3;  // the coordinator's and two of workers

 private:
  std::optional<Network> links_;
};

TEST_P(CitusCut, OfAWorkersPrimaryHoldsUpNothingButThatGroup) {
  for (int round = 0; round < 4; ++round) ASSERT_NO_FATAL_FAILURE(cut_off_a_workers_primary(round));
  verify_writers();
}

INSTANTIATE_TEST_SUITE_P(NodesPerGroup, CitusCut, testing::Values(2, 3), testing::PrintToStringParamName());

}  // namespace
}  // namespace autoctl::test
