// Simulated worlds, seed after seed, for as long as asked; ./scripts/soak builds and starts it.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <vector>

#include "simulation.h"

namespace {

using namespace autoctl::simulator;
using Clock = std::chrono::steady_clock;

struct Wishes {
  double minutes = 0;
  std::uint64_t events = 0;
  std::uint64_t seed = 0;
  int groups = 0;
  int nodes = 0;
  std::optional<int> citus_workers;
  int jobs = 0;

  /// Without an end in sight one seed is replayed.
  bool replay() const { return seed != 0 && minutes == 0 && events == 0; }
  WorldPlan plan_of(std::uint64_t of_seed) const {
    WorldPlan plan = random_plan(of_seed);
    if (groups != 0) plan.groups = groups;
    if (nodes != 0) plan.nodes = nodes;
    if (citus_workers) plan.citus_workers = *citus_workers;
    plan.number_sync_standbys = std::min(plan.number_sync_standbys, plan.nodes - 1);
    return plan;
  }
};

/// What all threads know together.
class Soak {
 public:
  explicit Soak(const Wishes& wishes) : wishes_(wishes), next_seed_(std::max<std::uint64_t>(wishes.seed, 1)) {
    if (wishes.minutes > 0)
      end_ = start_ + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(wishes.minutes * 60));
  }

  void work() {
    while (!over()) take(simulate(wishes_.plan_of(next_seed_++)));
  }

  int report() const {
    const std::lock_guard lock(mutex_);
    const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
    std::printf(
        "%llu events in %.0f s (%.0f per second), %llu worlds up to seed %llu, %llu virtual hours\n"
        "%llu faults, %llu crashes of the monitor, %llu reports, %llu decisions, %llu promotions\n"
        "%llu commits acknowledged, %llu changes of pg_dist_node, %llu holds; whole again %llu times, at the latest "
        "%.1f s after the last fault\n"
        "violations: %d\n",
        number(all_.events), elapsed(), rate(), number(worlds_), number(next_seed_ - 1),
        number(all_.virtual_seconds / 3600), number(all_.faults), number(all_.monitor_crashes), number(all_.reports),
        number(all_.decisions), number(all_.promotions), number(all_.commits_acknowledged), number(all_.routes),
        number(all_.holds), number(all_.convergences), static_cast<double>(all_.slowest_convergence) / 1e6,
        violations_);
    return violations_ == 0 ? 0 : 1;
  }

 private:
  static constexpr int violations_max = 10;

  bool over() const {
    const std::lock_guard lock(mutex_);
    if (violations_ >= violations_max || (wishes_.replay() && worlds_ == 1)) return true;
    return (end_ && Clock::now() >= *end_) || (wishes_.events != 0 && all_.events >= wishes_.events);
  }

  void take(const RunResult& outcome) {
    const std::lock_guard lock(mutex_);
    all_ += outcome.tally;
    ++worlds_;
    if (outcome.violation) {
      ++violations_;
      std::printf("VIOLATION, %s", outcome.violation->c_str());
    }
    if (elapsed() - told_at_ < 10 && !outcome.violation) return;
    told_at_ = elapsed();
    std::printf("%llu events, %.0f per second, violations: %d\n", static_cast<unsigned long long>(all_.events), rate(),
                violations_);
    std::fflush(stdout);
  }

  double elapsed() const { return std::chrono::duration<double>(Clock::now() - start_).count(); }
  double rate() const { return static_cast<double>(all_.events) / std::max(elapsed(), 0.001); }

  const Wishes wishes_;
  const Clock::time_point start_ = Clock::now();
  std::optional<Clock::time_point> end_;
  std::atomic<std::uint64_t> next_seed_;
  mutable std::mutex mutex_;
  Tally all_;
  std::uint64_t worlds_ = 0;
  int violations_ = 0;
  double told_at_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Wishes wishes;
  CLI::App app(
      "Runs the real monitor engine and the real keeper transitions in simulated worlds: crashes, partitions, freezes, "
      "full\n"
      "disks, lost and doubled messages; and checks the safety rules at every step, and after each round of faults "
      "that every\n"
      "group is whole again. A seed makes a world, always the same one.\n\n"
      "  ./scripts/soak --minutes 10                        as many worlds of all shapes as fit, on all cores\n"
      "  ./scripts/soak --minutes 10 --groups 50 --nodes 7  of one shape\n"
      "  ./scripts/soak --seed 4711                         this one world again, as a violation names it\n\n"
      "Exits with 0 when nothing was violated, 1 when something was, 2 on wrong options.");
  app.name("./scripts/soak");
  app.add_option("--minutes", wishes.minutes, "go on for so long (default: 1)")->check(CLI::PositiveNumber);
  app.add_option("--events", wishes.events, "go on for so many events")->check(CLI::PositiveNumber);
  app.add_option("--seed", wishes.seed, "replay this world; with --minutes or --events: begin with it")
      ->check(CLI::PositiveNumber);
  app.add_option("--groups", wishes.groups, "groups in every world (default: the seed's choice)")
      ->check(CLI::Range(1, 50));
  app.add_option("--nodes", wishes.nodes, "nodes in every group (default: the seed's choice)")
      ->check(CLI::Range(1, group_size_max));
  app.add_option("--citus-workers", wishes.citus_workers,
                 "groups of workers beside each coordinator's; 0: no Citus (default: the seed's choice)")
      ->check(CLI::Range(0, 10));
  app.add_option("--jobs", wishes.jobs, "worlds at a time (default: as many as there are cores)")
      ->check(CLI::PositiveNumber);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (wishes.minutes == 0 && wishes.events == 0 && wishes.seed == 0) wishes.minutes = 1;

  Soak soak(wishes);
  const int jobs = wishes.replay()    ? 1
                   : wishes.jobs != 0 ? wishes.jobs
                                      : static_cast<int>(std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (int i = 0; i < std::max(jobs, 1); ++i) threads.emplace_back([&soak] { soak.work(); });
  for (std::thread& thread : threads) thread.join();
  return soak.report();
}
