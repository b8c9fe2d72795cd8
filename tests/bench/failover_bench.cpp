// How long can nobody write? Measures autoctl and, where they are installed, pg_auto_failover and Patroni, in one run,
// on loopback, at default settings, with one client that commits a row about every 5 ms and never repeats one.
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <map>
#include <thread>

#include "lab/cluster.h"
#include "sheet.h"
#include "support/network.h"
#include "system.h"

namespace autoctl::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis recovery_timeout{600'000};
constexpr std::size_t rows_before = 200;
constexpr std::size_t rows_after = 100;
constexpr int dirty_rows = 60'000;  // about 1 kB each
constexpr Millis idle_time{60'000};

/// One system with its writer.
class Trial {
 public:
  static constexpr auto scenarios = {"switchover", "switchover-dirty", "node-death", "postmaster-death", "idle"};

  Trial(System& system, const Options& options, Sheet& sheet) : system_(system), options_(options), sheet_(sheet) {}

  Result<> run() {
    lab::ClientOptions client;
    client.servers = system_.servers();
    AUTOCTL_TRY(lab::WritingClient::prepare(lab::conninfo(client.servers, "postgres")));
    writer_.emplace(std::move(client));
    if (options_.has("idle")) measure_idle();
    writer_->start();
    if (options_.has("switchover")) AUTOCTL_TRY(repeat("planned switchover", [this] { return system_.switchover(); }));
    if (options_.has("switchover-dirty")) {
      AUTOCTL_TRY(repeat(
          "planned switchover, 60 MB dirty", [this] { return system_.switchover(); }, [this] { return make_dirty(); }));
    }
    if (options_.has("postmaster-death")) {
      AUTOCTL_TRY(repeat("postmaster dies",
                         [this] { return with_primary([](auto& node) { node.signal_postmaster(SIGKILL); }); }));
    }
    if (options_.has("node-death")) AUTOCTL_TRY(repeat("node dies", [this] { return kill_node(); }));
    writer_->stop();
    return check_rows();
  }

 private:
  using Step = std::function<Result<>()>;

  Result<> repeat(const std::string& row, const Step& strike, const Step& prepare = {}) {
    std::vector<Millis> times;
    for (int number = 1; number <= options_.runs; ++number) {
      if (!system_.wait_settled(recovery_timeout)) return fail(Errc::timeout, system_.name() + " is not at rest");
      if (prepare) AUTOCTL_TRY(prepare());
      AUTOCTL_TRY(write(rows_before));
      const auto start = Clock::now();
      AUTOCTL_TRY(strike());
      AUTOCTL_TRY(write(rows_after));
      if (!system_.wait_settled(recovery_timeout))
        return fail(Errc::timeout, system_.name() + " does not come to rest");
      times.push_back(strike_outage_ ? *std::exchange(strike_outage_, std::nullopt)
                                     : writer_->outage(start, Clock::now()));
      fmt::print("{:<18} {:<32} run {}: {} s\n", system_.name(), row, number, seconds(times.back()));
      std::cout << std::flush;
    }
    sheet_.add_times(row, system_.name(), std::move(times));
    return {};
  }

  Result<> write(std::size_t rows) {
    const std::size_t enough = writer_->acknowledged() + rows;
    if (lab::eventually(recovery_timeout, [&] { return writer_->acknowledged() >= enough; })) return {};
    return fail(Errc::timeout, system_.name() + " takes no writes: " + writer_->trouble());
  }

  Result<> with_primary(const std::function<void(lab::FailoverDaemon&)>& action) {
    auto* node = system_.primary();
    if (node == nullptr) return fail(Errc::unavailable, system_.name() + " has no primary");
    action(*node);
    return {};
  }

  /// The outage ends before the dead node is started again: its return is another matter.
  Result<> kill_node() {
    auto* node = system_.primary();
    if (node == nullptr) return fail(Errc::unavailable, system_.name() + " has no primary");
    const auto start = Clock::now();
    node->signal_node(SIGKILL);
    AUTOCTL_TRY(write(rows_after));
    strike_outage_ = writer_->outage(start, Clock::now());
    return system_.restart(*node);
  }

  /// An INSERT goes through the ordinary buffers; CREATE TABLE AS would write its pages out itself.
  Result<> make_dirty() {
    auto connection = pg::Connection::open(lab::conninfo(system_.servers(), "postgres"), Millis(10'000));
    if (!connection) return fail(std::move(connection.error()));
    return connection->script(
        fmt::format("DROP TABLE IF EXISTS autoctl_demo.dirty; CREATE TABLE autoctl_demo.dirty (i int, filler text);"
                    "INSERT INTO autoctl_demo.dirty SELECT i, repeat('x', 950) FROM generate_series(1, {}) i",
                    dirty_rows),
        Millis(120'000));
  }

  void measure_idle() {
    std::map<std::string, std::pair<Millis, std::int64_t>> before, after;
    const auto measure = [this](auto& into) {
      for (const auto& part : system_.parts()) {
        auto& [cpu, memory] = into[part.name];
        for (const auto& process : lab::process_tree(part.root, part.except)) {
          cpu += process.cpu_time;
          memory += process.resident_bytes;
        }
      }
    };
    measure(before);
    std::this_thread::sleep_for(idle_time);
    measure(after);
    for (const auto& [name, now] : after) {
      const auto cpu = (now.first - before[name].first) * 60'000 / idle_time;
      sheet_.add("at rest, " + name, system_.name(),
                 fmt::format("{} CPU s/min, {} MB", seconds(Millis(cpu)), now.second / 1024 / 1024));
    }
  }

  Result<> check_rows() {
    const auto lost = writer_->lost(lab::conninfo(system_.servers(), "postgres"));
    if (!lost) return fail(lost.error());
    sheet_.add("rows acknowledged", system_.name(), std::to_string(writer_->acknowledged()));
    sheet_.add("rows in doubt", system_.name(), std::to_string(writer_->in_doubt()));
    sheet_.add("rows lost", system_.name(), std::to_string(lost->size()));
    if (const auto split = lab::find_split_brain(writer_->acknowledgements()))
      sheet_.add("SPLIT BRAIN", system_.name(), *split);
    return {};
  }

  System& system_;
  const Options& options_;
  Sheet& sheet_;
  std::optional<lab::WritingClient> writer_;
  std::optional<Millis> strike_outage_;
};

/// A primary whose packets vanish without a word; autoctl only, every node in a network namespace of its own.
Result<> measure_link(const Options& options, Sheet& sheet) {
  auto scratch = lab::ScratchDirectory::make("bench-");
  if (!scratch) return fail(std::move(scratch.error()));
  auto network = test::Network::make(3);
  if (!network) return fail(std::move(network.error()));
  lab::LocalCluster cluster(AUTOCTL_BINARY, scratch->path());
  AUTOCTL_TRY(cluster.create_monitor(network->place(0)));
  for (int number = 1; number <= 2; ++number) {
    if (auto node = cluster.create_node(fmt::format("node_{}", number), network->place(number)); !node)
      return fail(std::move(node.error()));
    AUTOCTL_TRY(cluster.wait_settled(recovery_timeout));
  }
  lab::ClientOptions client;
  client.servers = cluster.servers();
  client.open_timeout = client.statement_timeout = Millis(500);
  AUTOCTL_TRY(lab::WritingClient::prepare(cluster.read_write()));
  lab::WritingClient writer(client);
  writer.start();
  std::vector<Millis> times;
  for (int run = 1; run <= options.runs; ++run) {
    const auto writes = [&](std::size_t rows) {
      const std::size_t enough = writer.acknowledged() + rows;
      return lab::eventually(recovery_timeout, [&] { return writer.acknowledged() >= enough; });
    };
    if (!writes(rows_before)) return fail(Errc::timeout, "no writes: " + writer.trouble());
    const auto start = Clock::now();
    AUTOCTL_TRY(network->isolate(cluster.primary() == cluster.find("node_1") ? 1 : 2));
    if (!writes(rows_after)) return fail(Errc::timeout, "no writes: " + writer.trouble());
    times.push_back(writer.outage(start, Clock::now()));
    fmt::print("{:<18} {:<32} run {}: {} s\n", "autoctl", "primary's link drops silently", run, seconds(times.back()));
    AUTOCTL_TRY(network->heal());
    AUTOCTL_TRY(cluster.wait_settled(recovery_timeout));
  }
  writer.stop();
  const auto lost = writer.lost(cluster.read_write());
  if (!lost) return fail(lost.error());
  sheet.add_times("primary's link drops silently", "autoctl", std::move(times));
  sheet.add("rows lost, cut links", "autoctl", std::to_string(lost->size()));
  return {};
}

Result<> measure(const Options& options, Sheet& sheet) {
  const std::vector<std::tuple<std::string, std::string, std::function<std::unique_ptr<System>()>>> known = {
      {"autoctl", AUTOCTL_BINARY, [&] { return make_autoctl(options.nodes); }},
      {"pg_auto_failover", "pg_autoctl", make_pg_auto_failover},
      {"patroni", "patroni", make_patroni}};
  for (const auto& [name, program, make] : known) {
    if (std::ranges::find(options.systems, name) == options.systems.end()) continue;
    if (!program.starts_with("/") && !installed(program)) {
      fmt::print("{} is not installed and left out\n", name);
      continue;
    }
    if (std::ranges::any_of(Trial::scenarios, [&](const char* scenario) { return options.has(scenario); })) {
      auto scratch = lab::ScratchDirectory::make("bench-");
      if (!scratch) return fail(std::move(scratch.error()));
      const auto system = make();
      AUTOCTL_TRY(system->start(scratch->path()));
      AUTOCTL_TRY(Trial(*system, options, sheet).run());
    }
    if (name == "autoctl" && options.has("link") && test::may_make_networks())
      AUTOCTL_TRY(measure_link(options, sheet));
    if (name == "autoctl") AUTOCTL_TRY(measure_citus(options, sheet));
  }
  return {};
}

}  // namespace
}  // namespace autoctl::bench

int main(int argc, char** argv) {
  autoctl::bench::Options options;
  CLI::App app("Write outages of failover systems; run it through ./scripts/bench");
  app.add_option("--runs", options.runs, "of each scenario")->capture_default_str();
  app.add_option("--nodes", options.nodes, "of autoctl's group; the peers have two")
      ->check(CLI::Range(2, 9))
      ->capture_default_str();
  app.add_option("--system", options.systems, "which to measure")->capture_default_str();
  app.add_option("--scenario", options.scenarios, "what to measure")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (::geteuid() == 0) {
    fmt::print(stderr, "Postgres refuses to run as root: use ./scripts/bench\n");
    return 2;
  }
  autoctl::bench::Sheet sheet;
  const auto measured = autoctl::bench::measure(options, sheet);
  fmt::print("\n");
  sheet.print();
  if (measured) return 0;
  fmt::print(stderr, "{}\n", measured.error().message);
  return 1;
}
