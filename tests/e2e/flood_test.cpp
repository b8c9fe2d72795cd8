// A stranger floods the ports of the monitor and of the keepers, from an address of its own, while a primary dies: the
// failover takes no notice, load balancers are answered, and the memory comes back.
#include "support/flood.h"

#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

#include "common/config/files.h"
#include "common/http/client.h"
#include "support/cluster_test.h"
#include "support/network.h"

namespace autoctl::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int monitor = 0;
constexpr int stranger = 3;
constexpr std::size_t connections_by_default = 10'000;  // AUTOCTL_FLOOD_CONNECTIONS
constexpr Millis flood_patience{120'000};
/// Half a second where the machine is idle beside the test. Here the stranger, the clients, and six servers share it.
constexpr Millis outage_max{2'000};
constexpr long memory_kept_max_kb = 20 * 1024;
constexpr Millis memory_back_within{30'000};
constexpr int probes = 12;
constexpr Millis probe_patience{3'000};

std::size_t connections_wanted() {
  const char* text = std::getenv("AUTOCTL_FLOOD_CONNECTIONS");
  return text != nullptr ? std::strtoul(text, nullptr, 10) : connections_by_default;
}

long resident_kb(pid_t pid) {
  std::ifstream status("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  return 0;
}

class FloodOfStrangers : public ClusterTest {
 protected:
  void start() {
    if (!may_make_networks()) GTEST_SKIP() << "a stranger's address needs network namespaces: see ./scripts/test";
    rlimit files{};
    ::getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
    held_ = std::min<std::size_t>(held_, files.rlim_cur / 8);  // of each of five kinds
    auto network = Network::make(stranger + 1);
    ASSERT_TRUE(ok(network));
    network_.emplace(std::move(*network));
    std::vector<lab::LocalCluster::Place> places;
    for (int place = monitor; place < stranger; ++place) places.push_back(network_->place(place));
    ASSERT_NO_FATAL_FAILURE(start_cluster(2, places));
    daemons_ = {&cluster().monitor(), cluster().find("node_1"), cluster().find("node_2")};
    for (const auto* daemon : daemons_) before_[daemon] = resident_kb(daemon->pid());
  }
  FloodOptions flood_options() const {
    FloodOptions options;
    for (const auto* daemon : daemons_) options.targets.push_back({daemon->host(), daemon->api_port()});
    options.held = held_;
    options.network = network_->namespace_of(stranger);
    return options;
  }
  /// As load balancers ask: each time anew, and without a credential.
  void expect_probes_answered() {
    for (const auto* daemon : daemons_) {
      const auto pem = config::read_file(daemon->files().certificate());
      ASSERT_TRUE(ok(pem));
      int answered = 0;
      Millis slowest{0};
      for (int i = 0; i < probes; ++i) {
        const auto asked = Clock::now();
        http::Client client({.host = daemon->host(), .port = daemon->api_port(), .trusted_pem = *pem, .bearer = ""});
        const auto answer = client.send({.method = "GET", .path = "/healthz"}, probe_patience);
        if (answer && answer->status == 200) ++answered;
        slowest = std::max(slowest, std::chrono::duration_cast<Millis>(Clock::now() - asked));
      }
      EXPECT_EQ(answered, probes) << daemon->name();
      std::printf("%s: %d of %d probes were answered, the slowest in %lld ms\n", daemon->name().c_str(), answered,
                  probes, static_cast<long long>(slowest.count()));
    }
  }
  void note_memory() {
    for (const auto* daemon : daemons_) most_[daemon] = std::max(most_[daemon], resident_kb(daemon->pid()));
  }
  /// Of those that were not killed.
  void expect_memory_back(const lab::AutoctlDaemon& killed) {
    for (const auto* daemon : daemons_) {
      if (daemon == &killed) continue;
      const auto kept = [&] { return resident_kb(daemon->pid()) - before_[daemon]; };
      EXPECT_TRUE(lab::eventually(memory_back_within, [&] { return kept() <= memory_kept_max_kb; })) << kept() << " kB";
      std::printf("%s: %ld kB before, %ld kB at most, %ld kB after\n", daemon->name().c_str(), before_[daemon],
                  most_[daemon], before_[daemon] + kept());
    }
  }
  bool reaches(const Flood& flood, std::size_t connections) {
    return lab::eventually(flood_patience, [&] {
      note_memory();
      return flood.connections() >= connections;
    });
  }

  std::size_t held_ = 1'000;
  std::optional<Network> network_;
  std::vector<lab::AutoctlDaemon*> daemons_;
  std::map<const lab::AutoctlDaemon*, long> before_, most_;
};

TEST_F(FloodOfStrangers, HoldsUpNoFailoverAndNoLoadBalancer) {
  ASSERT_NO_FATAL_FAILURE(start());
  if (IsSkipped()) return;
  Load load(cluster());
  ASSERT_NO_FATAL_FAILURE(load.start());
  ASSERT_TRUE(load.progresses(50, Millis(20'000)));
  lab::AutoctlDaemon& victim = primary();
  lab::AutoctlDaemon& other = standby();

  std::optional<Flood> flood(std::in_place, flood_options());
  ASSERT_TRUE(reaches(*flood, connections_wanted() / 2)) << flood->connections();
  ASSERT_NO_FATAL_FAILURE(expect_probes_answered());
  EXPECT_EQ(cluster().primary(), &victim) << "nothing else has happened";

  const std::size_t made_before = flood->connections();
  const auto fault = Clock::now();
  victim.signal_node(SIGKILL);
  ASSERT_TRUE(lab::eventually(Millis(20'000), [&] { return load.acknowledged_by(other, fault) > 0; }))
      << cluster().monitor().log_tail(30);
  EXPECT_TRUE(load.progresses(20, Millis(10'000)));
  const Millis outage = load.writer().outage(fault, Clock::now());
  std::printf("writes elsewhere after %lld ms; %zu connections came meanwhile\n",
              static_cast<long long>(outage.count()), flood->connections() - made_before);
  EXPECT_LT(outage, outage_max);
  EXPECT_GT(flood->connections(), made_before);

  ASSERT_TRUE(reaches(*flood, connections_wanted())) << flood->connections();
  std::printf("%zu connections, %zu handshakes\n", flood->connections(), flood->handshakes());
  flood.reset();
  EXPECT_NE(cluster().monitor().log_tail(10'000).find("A flood of strangers"), std::string::npos);
  EXPECT_EQ(cluster().monitor().log_tail(10'000).find("is overloaded"), std::string::npos);
  expect_memory_back(victim);
  ASSERT_TRUE(ok(cluster().heal()));
  ASSERT_NO_FATAL_FAILURE(expect_settled());
  load.stop();
  load.verify();
}

}  // namespace
}  // namespace autoctl::test
