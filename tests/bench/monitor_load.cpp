// What a monitor does under more nodes than it can carry: a real formation of two nodes beside a crowd of pretended
// ones, while the crowd is there and after it has gone. Run it in ./scripts/sandbox.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

#include "common/config/files.h"
#include "common/pg/connection.h"
#include "lab/cluster.h"
#include "support/crowd.h"

namespace autoctl::bench {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr Millis look_interval{250};
constexpr Millis call_patience{3'000};
constexpr Millis quick{100};
constexpr Millis print_interval{5'000};

struct Options {
  std::string autoctl = AUTOCTL_BINARY;
  int nodes = 2500;
  int join = 120;
  int seconds_ = 60;
  int after = 180;
  bool show_log = false;
};

long ms(Clock::duration d) {
  return static_cast<long>(std::chrono::duration_cast<Millis>(d).count());
}

class Trial {
 public:
  Trial(const Options& options, const std::string& directory)
      : options_(options), cluster_(options.autoctl, directory) {}

  Result<> run() {
    AUTOCTL_TRY(cluster_.create_monitor({}));
    for (const char* name : {"node_1", "node_2"})
      if (auto made = cluster_.create_node(name, {}); !made) return fail(std::move(made.error()));
    AUTOCTL_TRY(cluster_.wait_settled(seconds(60)));
    AUTOCTL_TRY(make_commits_cheap());
    auto pem = config::read_file(cluster_.monitor().files().certificate());
    if (!pem) return fail(std::move(pem.error()));
    test::Crowd crowd({.port = cluster_.monitor().api_port(), .ca_pem = *pem, .nodes = options_.nodes});
    began_ = Clock::now();
    std::thread joining([&] {
      const auto joined = crowd.join(began_ + seconds(options_.join));
      if (!joined) fmt::print("the crowd did not join: {}\n", joined.error().message);
      all_in_ = true;
    });
    while (!all_in_) look(&crowd);
    joining.join();
    fmt::print("{:6.1f} s  {} of {} nodes are in\n", now(), crowd.joined(), options_.nodes);
    const auto full = Clock::now();
    while (Clock::now() < full + seconds(options_.seconds_)) look(&crowd);
    tell(&crowd);
    fmt::print("{:6.1f} s  the crowd leaves\n", now());
    crowd.leave();
    heal();
    show_events();
    if (options_.show_log) fmt::print("{}\n", cluster_.monitor().log_tail(4000));
    return {};
  }

 private:
  /// The monitor's Postgres waits for no disk: thousands of registrations would otherwise take minutes.
  Result<> make_commits_cheap() {
    const auto& monitor = cluster_.monitor();
    auto server = pg::Connection::open(
        fmt::format("host={} port={} dbname=postgres", monitor.files().directory, monitor.pgport()), call_patience);
    if (!server) return fail(std::move(server.error()));
    AUTOCTL_TRY(server->script("ALTER SYSTEM SET fsync = off", call_patience));
    return server->script("SELECT pg_reload_conf()", call_patience);
  }

  double now() const { return static_cast<double>(ms(Clock::now() - began_)) / 1000; }

  /// One look at the real formation, as an operator would take it.
  bool look(test::Crowd* crowd) {
    const auto asked = Clock::now();
    const auto state = cluster_.api().state("default", std::nullopt, call_patience);
    const auto took = Clock::now() - asked;
    ++looks_;
    if (state) ++looks_answered_;
    slowest_ = std::max(slowest_, took);
    const bool healthy = state && lab::is_settled(*state) && state->trusts_itself;
    if (state && !healthy) ++unhealthy_;
    if (!state) last_trouble_ = state.error().message;
    if (state && !healthy) last_trouble_ = lab::describe(*state) + (state->trusts_itself ? "" : "  no trust\n");
    if (Clock::now() - told_ >= print_interval) tell(crowd);
    std::this_thread::sleep_until(asked + look_interval);
    return healthy && took <= quick;
  }

  void tell(test::Crowd* crowd) {
    const double passed = std::max(0.001, static_cast<double>(ms(Clock::now() - told_)) / 1000);
    told_ = Clock::now();
    const auto counts = crowd != nullptr ? crowd->counts() : test::CrowdCounts{};
    if (crowd != nullptr)
      fmt::print(
          "{:6.1f} s  {} in, {} at rest; {:.0f} answers/s, {:.0f} shed/s, refused {}, timeouts {}, broken {}, "
          "handshakes {}; ms p50 {} p99 {} max {}\n",
          now(), crowd->joined(), crowd->at_rest(), static_cast<double>(counts.answers) / passed,
          static_cast<double>(counts.shed) / passed, counts.refused, counts.timeouts, counts.broken, counts.connections,
          counts.wait(0.5), counts.wait(0.99), counts.wait(1.0));
    fmt::print("{:6.1f} s    looks {} of {} answered, slowest {} ms, {} saw it not whole; monitor {} MB\n{}", now(),
               looks_answered_, looks_, ms(slowest_), unhealthy_, memory_mb(),
               last_trouble_.empty() ? "" : last_trouble_ + "\n");
    std::fflush(stdout);
    looks_ = looks_answered_ = unhealthy_ = 0;
    slowest_ = {};
    last_trouble_.clear();
  }

  /// Until all is as it was.
  void heal() {
    const auto gone = Clock::now();
    int good = 0;
    while (good < 8 && Clock::now() < gone + seconds(options_.after)) good = look(nullptr) ? good + 1 : 0;
    tell(nullptr);
    if (good < 8) {
      fmt::print("{:6.1f} s  NOT whole after {} s\n", now(), options_.after);
    } else {
      fmt::print("{:6.1f} s  whole again {} ms after the crowd left\n", now(),
                 ms(Clock::now() - gone) - 8 * look_interval.count());
    }
    const auto asked = Clock::now();
    const auto switched = cluster_.switchover(seconds(30));
    fmt::print("{:6.1f} s  a switchover: {} ({} ms)\n", now(), switched ? "done" : switched.error().message,
               ms(Clock::now() - asked));
  }

  void show_events() {
    const auto events = cluster_.api().events({.formation = "default", .count = 60}, seconds(10));
    if (!events) return;
    for (const auto& e : events->events)
      fmt::print("  {} {} {} {} {}\n", e.time, e.kind, e.node_name, e.rule, e.description);
  }

  long memory_mb() {
    auto text = config::read_file("/proc/" + std::to_string(cluster_.monitor().pid()) + "/status");
    if (!text) return -1;
    const auto at = text->find("VmRSS:");
    return at == std::string::npos ? -1 : std::atol(text->c_str() + at + 6) / 1024;
  }

  const Options options_;
  lab::LocalCluster cluster_;
  std::atomic<bool> all_in_ = false;
  Clock::time_point began_ = Clock::now(), told_ = Clock::now();
  int looks_ = 0, looks_answered_ = 0, unhealthy_ = 0;
  Clock::duration slowest_{};
  std::string last_trouble_;
};

int main(int argc, char** argv) {
  Options options;
  CLI::App app{"A monitor under more nodes than it can carry"};
  app.add_option("--autoctl", options.autoctl, "the program");
  app.add_option("--nodes", options.nodes, "pretended nodes");
  app.add_option("--join", options.join, "seconds within which they come");
  app.add_option("--seconds", options.seconds_, "for how long all of them stay");
  app.add_option("--after", options.after, "seconds to wait for the monitor afterwards");
  app.add_flag("--log", options.show_log, "the monitor's log at the end");
  CLI11_PARSE(app, argc, argv);
  auto scratch = lab::ScratchDirectory::make("monitor-load");
  if (!scratch) return 1;
  Trial trial(options, scratch->path());
  if (const auto done = trial.run(); !done) {
    fmt::print("{}\n", done.error().message);
    return 1;
  }
  return 0;
}

}  // namespace
}  // namespace autoctl::bench

int main(int argc, char** argv) {
  return autoctl::bench::main(argc, argv);
}
