// Citus: what eight writers through the coordinator feel of role changes among its workers and its own.
#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <iostream>

#include "lab/cluster.h"
#include "lab/writers.h"
#include "sheet.h"
#include "support/citus_server.h"

namespace autoctl::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int workers = 2;
constexpr int writers_per_group = 4;
constexpr Millis recovery_timeout{600'000};
constexpr Millis switchover_timeout{60'000};
constexpr std::size_t rows_around = 100;
constexpr const char* system_name = "autoctl";

class CitusTrial {
 public:
  CitusTrial(const Options& options, Sheet& sheet, const std::string& directory)
      : options_(options), sheet_(sheet), cluster_(AUTOCTL_BINARY, directory) {}

  Result<> run() {
    AUTOCTL_TRY(start());
    if (options_.has("citus-switchover")) AUTOCTL_TRY(repeat("worker switchover", [this] { return switch_over(1); }));
    if (options_.has("citus-worker-death")) AUTOCTL_TRY(repeat("worker dies", [this] { return kill_primary(1); }));
    if (options_.has("citus-coordinator-switchover"))
      AUTOCTL_TRY(repeat("coordinator switchover", [this] { return switch_over(0); }));
    if (options_.has("citus-coordinator-death"))
      AUTOCTL_TRY(repeat("coordinator dies", [this] { return kill_primary(0); }));
    writers_->stop();
    return check_rows();
  }

 private:
  Result<> start() {
    AUTOCTL_TRY(cluster_.create_monitor({}));
    for (const char letter : {'a', 'b'}) {
      for (GroupId group = 0; group <= workers; ++group) {
        lab::LocalCluster::Place place;
        place.role = group == 0 ? "coordinator" : "worker";
        if (group != 0) place.group = group;
        const auto name = fmt::format("{}{}{}", group == 0 ? "coord" : "worker", group, letter);
        if (auto node = cluster_.create_node(name, place); !node) return fail(std::move(node.error()));
      }
      AUTOCTL_TRY(cluster_.wait_settled(recovery_timeout));
    }
    if (!lab::eventually(recovery_timeout, [this] { return lab::active_workers(cluster_.read_write()) == workers; }))
      return fail(Errc::timeout, "the coordinator does not know its workers");
    lab::Writers::Options options;
    options.servers = cluster_.servers();
    options.per_group = writers_per_group;
    options.distributed = true;
    auto writers = lab::Writers::make(options);
    if (!writers) return fail(std::move(writers.error()));
    writers_.emplace(std::move(*writers));
    writers_->start();
    return {};
  }

  Result<> write() {
    if (writers_->progress(rows_around, recovery_timeout)) return {};
    return fail(Errc::timeout, "no writes:\n" + writers_->trouble());
  }

  Result<> repeat(const std::string& what, const std::function<Result<>()>& strike) {
    std::vector<Millis> outages, service, longest;
    std::size_t errors = 0;
    for (int number = 1; number <= options_.runs; ++number) {
      AUTOCTL_TRY(cluster_.wait_settled(recovery_timeout));
      AUTOCTL_TRY(write());
      const auto start = Clock::now();
      AUTOCTL_TRY(strike());
      AUTOCTL_TRY(write());
      outages.push_back(writers_->outage(start, Clock::now()));
      service.push_back(writers_->service_outage(start, Clock::now()));
      longest.push_back(writers_->longest_statement(start));
      const auto failed = writers_->failures(start).size();
      errors += failed;
      fmt::print("{:<18} {:<32} run {}: {} s, of all writers {} s, longest statement {} s, {} errors\n", system_name,
                 "citus, " + what, number, seconds(outages.back()), seconds(service.back()), seconds(longest.back()),
                 failed);
      std::cout << std::flush;
      // Its return is another matter.
      AUTOCTL_TRY(cluster_.heal());
    }
    sheet_.add_times("citus, " + what, system_name, std::move(outages));  // of the writer that suffered most
    sheet_.add_times("  nobody wrote, " + what, system_name, std::move(service));
    sheet_.add_times("  longest statement, " + what, system_name, std::move(longest));
    sheet_.add("  errors, all runs, " + what, system_name, std::to_string(errors));
    return {};
  }

  Result<> switch_over(GroupId group) { return cluster_.switchover(switchover_timeout, group); }

  Result<> kill_primary(GroupId group) {
    auto* node = cluster_.primary(group);
    if (node == nullptr) return fail(Errc::unavailable, fmt::format("group {} has no primary", group));
    node->signal_node(SIGKILL);
    return {};
  }

  Result<> check_rows() {
    const auto lost = writers_->lost();
    if (!lost) return fail(lost.error());
    const auto half = writers_->half_applied();
    if (!half) return fail(half.error());
    sheet_.add("citus, rows acknowledged", system_name, std::to_string(writers_->acknowledged()));
    sheet_.add("citus, rows lost", system_name, std::to_string(*lost));
    sheet_.add("citus, rows on one of two groups", system_name, std::to_string(*half));
    return {};
  }

  const Options& options_;
  Sheet& sheet_;
  lab::LocalCluster cluster_;
  std::optional<lab::Writers> writers_;
};

}  // namespace

Result<> measure_citus(const Options& options, Sheet& sheet) {
  if (std::ranges::none_of(options.scenarios, [](const auto& name) { return name.starts_with("citus-"); })) return {};
  if (const auto real = test::find_real_citus(); !real) {
    fmt::print("citus is left out: {}\n", real.error().message);
    return {};
  }
  auto scratch = lab::ScratchDirectory::make("bench-");
  if (!scratch) return fail(std::move(scratch.error()));
  return CitusTrial(options, sheet, scratch->path()).run();
}

}  // namespace autoctl::bench
