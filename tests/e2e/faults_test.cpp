// A long run of random kills, freezes, restarts and cut links. Whatever happens: no acknowledged row is lost, no two
// nodes acknowledge at once, and when the harm ends the group comes back to one primary and one secondary.
//   AUTOCTL_FAULTS=500 AUTOCTL_SEED=1 ./scripts/sandbox build/dev/tests/e2e_tests --gtest_filter='Faults.*'
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

constexpr int default_faults = 40;
constexpr Millis settle_timeout{120'000};
constexpr int verify_interval = 50;  // faults
constexpr int places = 3;            // the monitor's is 0, node_<n>'s is n

long from_environment(const char* name, long otherwise) {
  const char* value = std::getenv(name);
  return value != nullptr ? std::strtol(value, nullptr, 10) : otherwise;
}

class Faults : public ClusterTest {
 protected:
  struct Fault {
    std::string name;
    std::function<void()> strike;
  };

  void SetUp() override {
    ClusterTest::SetUp();
    if (HasFatalFailure()) return;
    std::vector<demo::LocalCluster::Place> where;
    if (may_make_networks()) {
      auto network = Network::make(places);
      ASSERT_TRUE(ok(network));
      network_.emplace(std::move(*network));
      for (int number = 0; number < places; ++number) where.push_back(network_->place(number));
    } else {
      std::cout << "WITHOUT cut links: there are no network namespaces here\n";
    }
    ASSERT_NO_FATAL_FAILURE(start_cluster(2, where));
    add_faults();
  }

  int roll(int sides) { return static_cast<int>(random_() % static_cast<unsigned>(sides)); }
  demo::Agent& random_node() { return *cluster().nodes()[static_cast<std::size_t>(roll(2))]; }
  demo::Agent& primary_or_any() {
    demo::Agent* primary = cluster().primary();
    return primary != nullptr ? *primary : random_node();
  }

  void add_faults() {
    const auto add = [this](std::string name, std::function<void()> strike) {
      faults_.push_back({std::move(name), std::move(strike)});
    };
    add("primary dies", [this] { primary_or_any().signal_node(SIGKILL); });
    add("node dies", [this] { random_node().signal_node(SIGKILL); });
    add("postmaster dies", [this] { random_node().signal_postmaster(SIGKILL); });
    add("keeper dies", [this] { random_node().signal_daemon(SIGKILL); });
    add("primary freezes", [this] { primary_or_any().signal_node(SIGSTOP); });
    add("node freezes", [this] { random_node().signal_node(SIGSTOP); });
    add("keeper freezes", [this] { random_node().signal_daemon(SIGSTOP); });
    add("postmaster freezes", [this] { random_node().signal_postmaster(SIGSTOP); });
    add("node is stopped", [this] { random_node().signal_daemon(SIGTERM); });
    add("Postgres is stopped behind the keeper's back", [this] { random_node().signal_postmaster(SIGINT); });
    add("monitor daemon dies", [this] { cluster().monitor().signal_daemon(SIGKILL); });
    add("monitor dies", [this] { cluster().monitor().signal_node(SIGKILL); });
    add("monitor's Postgres dies", [this] { cluster().monitor().signal_postmaster(SIGKILL); });
    add("monitor freezes", [this] { cluster().monitor().signal_node(SIGSTOP); });
    add("everything dies", [this] {
      cluster().monitor().signal_node(SIGKILL);
      for (const auto& node : cluster().nodes()) node->signal_node(SIGKILL);
    });
    add("switchover", [this] { (void)cluster().api().start_operation({}, Millis(2000)); });
    if (!network_) return;
    add("a place is cut off", [this] { EXPECT_TRUE(ok(network_->isolate(roll(places)))); });
    add("a link is cut", [this] { cut_random_link(true); });
    add("a link is cut one way", [this] { cut_random_link(false); });
  }

  void cut_random_link(bool both_ways) {
    const int from = roll(places);
    const int to = (from + 1 + roll(places - 1)) % places;
    EXPECT_TRUE(ok(network_->cut(from, to)));
    if (both_ways) {
      EXPECT_TRUE(ok(network_->cut(to, from)));
    }
  }

  /// One fault, or two of them within a second; some time; then the end of all harm.
  std::string harm() {
    std::string what;
    for (int count = roll(4) == 0 ? 2 : 1; count > 0; --count) {
      const Fault& fault = faults_[static_cast<std::size_t>(roll(static_cast<int>(faults_.size())))];
      what += (what.empty() ? "" : " + ") + fault.name;
      fault.strike();
      if (count > 1) std::this_thread::sleep_for(Millis(roll(1000)));
    }
    const Millis lasts(roll(3) == 0 ? roll(10'000) : roll(1500));
    std::this_thread::sleep_for(lasts);
    if (network_) {
      EXPECT_TRUE(ok(network_->heal()));
    }
    EXPECT_TRUE(ok(cluster().heal()));
    return what + fmt::format(" for {} ms", lasts.count());
  }

  void report() const {
    for (auto [name, outages] : outages_) {
      std::ranges::sort(outages);
      std::cout << fmt::format("  {:>4} x {:<55} write outage: median {:>6}, worst {:>6} ms\n", outages.size(), name,
                               outages[outages.size() / 2].count(), outages.back().count());
    }
  }

  std::mt19937 random_;
  std::vector<Fault> faults_;
  std::optional<Network> network_;
  std::map<std::string, std::vector<Millis>> outages_;  // by the fault's name
};

TEST_F(Faults, AtRandomLoseNothing) {
  const auto seed = static_cast<unsigned>(from_environment("AUTOCTL_SEED", std::random_device{}()));
  const long count = from_environment("AUTOCTL_FAULTS", default_faults);
  std::cout << fmt::format("{} faults, AUTOCTL_SEED={}\n", count, seed);
  random_.seed(seed);
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  for (long number = 1; number <= count; ++number) {
    ASSERT_TRUE(load.progresses(1 + static_cast<std::size_t>(roll(50)), Millis(30'000))) << "before fault " << number;
    const auto start = std::chrono::steady_clock::now();
    const std::string what = harm();
    std::cout << fmt::format("{:>4} {}", number, what) << std::flush;
    // One time in six the next fault hits a group that has not come to rest.
    if (roll(6) != 0) {
      ASSERT_NO_FATAL_FAILURE(expect_settled(settle_timeout)) << "after fault " << number << ", seed " << seed;
      ASSERT_TRUE(load.progresses(20, Millis(30'000))) << "after fault " << number << ", seed " << seed;
    }
    const auto now = std::chrono::steady_clock::now();
    const Millis outage = load.writer().outage(start, now);
    outages_[what.find(" + ") == std::string::npos ? what.substr(0, what.rfind(" for ")) : "two at once"].push_back(
        outage);
    std::cout << fmt::format("; write outage {} ms, at rest after {} ms\n", outage.count(),
                             std::chrono::duration_cast<Millis>(now - start).count());
    if (number % verify_interval != 0) continue;
    ASSERT_NO_FATAL_FAILURE(expect_settled(settle_timeout));
    ASSERT_NO_FATAL_FAILURE(load.verify());
    ASSERT_FALSE(HasFailure());
  }
  ASSERT_NO_FATAL_FAILURE(expect_settled(settle_timeout));
  load.stop();
  load.verify();
  report();
  std::cout << fmt::format("{} faults, seed {}: {} rows acknowledged, {} in doubt\n", count, seed,
                           load.writer().acknowledged(), load.writer().in_doubt());
}

}  // namespace
}  // namespace autoctl::test
