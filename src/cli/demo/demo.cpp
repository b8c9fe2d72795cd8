#include "cli/demo/demo.h"

#include <fmt/format.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "cli/demo/screen.h"
#include "cli/demo/unprivileged.h"
#include "cli/output/state_document.h"
#include "cli/output/table.h"
#include "lab/cluster.h"
#include "lab/writers.h"

namespace autoctl::demo {

using namespace lab;

namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis start_timeout{120'000};
constexpr Millis failover_timeout{60'000};
constexpr std::size_t rows_between_steps = 300;

std::string seconds(Millis time) {
  return fmt::format("{:.2f} s", static_cast<double>(time.count()) / 1000);
}

/// Ctrl-C and similar signals wait here until they are asked for; threads started later inherit that.
class Signals {
 public:
  Signals() {
    sigemptyset(&set_);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
  }
  bool arrived() {
    const timespec now{};
    arrived_ = arrived_ || ::sigtimedwait(&set_, nullptr, &now) > 0;
    return arrived_;
  }

 private:
  sigset_t set_{};
  bool arrived_ = false;
};

/// What was done to the cluster, and what the application felt of it.
struct Deed {
  std::string what;
  Millis outage{0}, longest_statement{0};
  std::vector<Failure> failures;
};

class Demo {
 public:
  Demo(const DemoOptions& options, Stage stage)
      : options_(options), stage_(std::move(stage)), cluster_(stage_.binary, stage_.scratch.path()) {}

  Result<> play();
  Result<ExitCode> report();
  void leave_running();
  void clean_up();
  bool interrupted() { return signals_.arrived(); }

 private:
  Result<> create_plain();
  Result<> create_citus();
  Result<> create_node(const std::string& name, std::optional<GroupId> group);
  Result<> start_writers(Writers::Options options);
  Result<> switch_over(GroupId group);
  Result<> kill_primary(GroupId group);
  /// Lets the writers write a while, and notes what they felt since `start`.
  Result<> note_deed(std::string what, TimePoint start);
  Result<> wait(const std::string& what, Millis timeout, const std::function<bool()>& condition);
  Result<> wait_settled(Millis timeout);
  /// " of worker group 1", where that has to be said.
  std::string of_group(GroupId group) const;
  void draw();
  void write_stop_script() const;

  DemoOptions options_;
  Signals signals_;
  Screen screen_;
  Stage stage_;
  LocalCluster cluster_;
  int next_port_ = 0;
  std::optional<Writers> writers_;
  std::vector<Deed> deeds_;
};

void Demo::draw() {
  const auto state = cluster_.state();
  std::string news = state ? "" : state.error().message;
  if (state)
    for (const auto& node : state->nodes)
      news += fmt::format("{} {} {} {}\n", node.name, to_string(node.reported), to_string(node.assigned), node.health);
  const std::string status = writers_ ? fmt::format("writers: {} rows acknowledged, {} in doubt {}",
                                                    writers_->acknowledged(), writers_->in_doubt(), writers_->trouble())
                                      : "";
  screen_.picture(state ? cli::state_table(*state) : news, news, status);
}

Result<> Demo::wait(const std::string& what, Millis timeout, const std::function<bool()>& condition) {
  const bool ended = eventually(timeout, [&] {
    draw();
    return interrupted() || condition();
  });
  if (interrupted()) return fail(Errc::unavailable, "interrupted");
  if (!ended) return fail(Errc::timeout, fmt::format("{} has not happened within {}", what, seconds(timeout)));
  return {};
}

/// Nothing settles any more once a node has ended.
Result<> Demo::wait_settled(Millis timeout) {
  const AutoctlDaemon* dead = nullptr;
  AUTOCTL_TRY(wait("that every group has a primary and a secondary", timeout, [&] {
    for (const auto& node : cluster_.nodes())
      if (!node->running()) dead = node.get();
    return dead != nullptr || cluster_.settled();
  }));
  if (dead == nullptr) return {};
  return fail(Errc::unavailable, fmt::format("{} has ended; its log's end:\n{}", dead->name(), dead->log_tail(15)));
}

Result<> Demo::create_node(const std::string& name, std::optional<GroupId> group) {
  LocalCluster::Place place;
  place.pgport = next_port_++;
  place.role = !options_.citus ? "postgres" : group == 0 ? "coordinator" : "worker";
  if (place.role == "worker") place.group = group;
  screen_.line(fmt::format("==> autoctl create {} --name {} --pgport {}", place.role, name, place.pgport));
  const auto node = cluster_.create_node(name, place);
  return node ? Result<>{} : fail(node.error());
}

Result<> Demo::create_plain() {
  AUTOCTL_TRY(create_node("node_1", {}));
  AUTOCTL_TRY(wait_settled(start_timeout));
  Writers::Options options;
  options.servers = cluster_.servers();
  options.servers.push_back({options.servers[0].host, next_port_});
  AUTOCTL_TRY(start_writers(std::move(options)));
  AUTOCTL_TRY(create_node("node_2", {}));
  return wait_settled(start_timeout);
}

Result<> Demo::create_citus() {
  // The first node of a group is its primary.
  for (const char letter : {'a', 'b'}) {
    for (GroupId group = 0; group <= options_.workers; ++group)
      AUTOCTL_TRY(create_node(fmt::format("{}{}{}", group == 0 ? "coord" : "worker", group, letter), group));
    AUTOCTL_TRY(wait_settled(start_timeout));
  }
  AUTOCTL_TRY(wait("that the coordinator knows its workers", start_timeout,
                   [this] { return active_workers(cluster_.read_write()) == options_.workers; }));
  Writers::Options options;
  options.servers = cluster_.servers();
  options.per_group = 2;
  options.distributed = true;
  return start_writers(std::move(options));
}

Result<> Demo::start_writers(Writers::Options options) {
  auto writers = Writers::make(options);
  if (!writers) return fail(std::move(writers.error()));
  writers_.emplace(std::move(*writers));
  const std::size_t count = writers_->clients().size();
  screen_.line(fmt::format("==> {} commit{} a row every 5 ms through {}",
                           count == 1 ? "A writer" : std::to_string(count) + " writers", count == 1 ? "s" : "",
                           conninfo(options.servers, options.dbname)));
  writers_->start();
  return {};
}

std::string Demo::of_group(GroupId group) const {
  if (!options_.citus) return "";
  return group == 0 ? " of the coordinator" : fmt::format(" of worker group {}", group);
}

Result<> Demo::note_deed(std::string what, TimePoint start) {
  const auto enough = writers_->counts_after(rows_between_steps);
  AUTOCTL_TRY(wait("that every writer writes", failover_timeout, [&] { return writers_->reached(enough); }));
  deeds_.push_back({std::move(what), writers_->outage(start, Clock::now()), writers_->longest_statement(start),
                    writers_->failures(start)});
  return {};
}

Result<> Demo::switch_over(GroupId group) {
  const auto start = Clock::now();
  screen_.line("==> autoctl perform switchover" + (options_.citus ? fmt::format(" --group {}", group) : ""));
  AUTOCTL_TRY(cluster_.switchover(failover_timeout, group));
  AUTOCTL_TRY(wait_settled(failover_timeout));
  return note_deed("planned switchover" + of_group(group), start);
}

Result<> Demo::kill_primary(GroupId group) {
  AutoctlDaemon* victim = cluster_.primary(group);
  if (victim == nullptr) return fail(Errc::internal, "no node is the primary" + of_group(group));
  const auto start = Clock::now();
  screen_.line(fmt::format("==> kill -9: {}'s keeper and its Postgres", victim->name()));
  victim->signal_node(SIGKILL);
  AUTOCTL_TRY(wait("a failover", failover_timeout, [&] {
    const auto* primary = cluster_.primary(group);
    return primary != nullptr && primary != victim;
  }));
  AUTOCTL_TRY(note_deed("SIGKILL of the primary's Postgres and keeper" + of_group(group), start));
  const auto back = Clock::now();
  screen_.line(fmt::format("==> autoctl run: {} comes back", victim->name()));
  AUTOCTL_TRY(victim->run());
  AUTOCTL_TRY(wait_settled(start_timeout));
  return note_deed("its return as a secondary", back);
}

Result<> Demo::play() {
  screen_.line(fmt::format("A monitor and {} nodes in {}{}", options_.citus ? 2 * (options_.workers + 1) : 2,
                           stage_.scratch.path(), stage_.user.empty() ? "" : " (run by the user " + stage_.user + ")"));
  const auto ports = find_free_ports(6000, options_.citus ? 3 + 2 * options_.workers : 3);
  if (!ports) return fail(ports.error());
  next_port_ = *ports;
  LocalCluster::Place place;
  place.pgport = next_port_++;
  screen_.line(fmt::format("==> autoctl create monitor --pgport {}", place.pgport));
  AUTOCTL_TRY(cluster_.create_monitor(place));
  AUTOCTL_TRY(options_.citus ? create_citus() : create_plain());
  if (options_.citus) {
    AUTOCTL_TRY(switch_over(1));
    AUTOCTL_TRY(kill_primary(1));
  }
  AUTOCTL_TRY(switch_over(0));
  AUTOCTL_TRY(kill_primary(0));
  writers_->stop();
  return {};
}

Result<ExitCode> Demo::report() {
  const auto lost = writers_->lost();
  if (!lost) return fail(lost.error());
  const auto half = writers_->half_applied();
  if (!half) return fail(half.error());
  cli::Table table({{"Write outage"}, {"Longest statement"}, {"Errors"}, {"What was done", 0, true}});
  for (const auto& deed : deeds_)
    table.add({seconds(deed.outage), seconds(deed.longest_statement), std::to_string(deed.failures.size()), deed.what});
  screen_.line("\n" + table.text());
  for (const auto& deed : deeds_)
    if (!deed.failures.empty())
      screen_.line(fmt::format("The first error of: {}\n  {}", deed.what, deed.failures.front().message));
  screen_.line(fmt::format("Rows acknowledged {}, in doubt {} (sent, but the answer got lost), lost {}{}\n",
                           writers_->acknowledged(), writers_->in_doubt(), *lost,
                           options_.citus ? fmt::format("; on one of their two groups only: {}", *half) : ""));
  return *lost + *half == 0 ? ExitCode::ok : ExitCode::unhealthy;
}

/// Root has to become the daemons' user again to stop them.
void Demo::write_stop_script() const {
  const std::string path = stage_.scratch.path() + "/stop";
  std::ofstream script(path);
  script << "#!/bin/sh\n# Stops the demonstration and removes it.\n";
  script << (stage_.user.empty() ? "as=\n" : fmt::format("as='runuser -u {} --'\n", stage_.user));
  script << "cd /\n";
  for (const auto& node : cluster_.nodes())
    script << fmt::format("$as {} stop --pgdata {}\n", stage_.binary, node->pgdata());
  script << fmt::format("$as {} stop --pgdata {}/monitor\nrm -rf {}\n", stage_.binary, stage_.scratch.path(),
                        stage_.scratch.path());
  script.close();
  std::error_code ignored;
  std::filesystem::permissions(path, std::filesystem::perms{0755}, ignored);
}

void Demo::leave_running() {
  write_stop_script();
  stage_.scratch.keep();
  cluster_.abandon();
  const std::string as = stage_.user.empty() ? "" : fmt::format("runuser -u {} -- ", stage_.user);
  const std::string tool = fmt::format("{}{}", as, stage_.binary);
  const std::string directory = stage_.scratch.path();
  std::string hosts;
  for (const auto& server : cluster_.servers())
    hosts += fmt::format("{}{}:{}", hosts.empty() ? "" : ",", server.host, server.port);
  screen_.line(
      fmt::format("It is still running. Connect:\n  {}psql 'postgres://{}/postgres?target_session_attrs=read-write'\n"
                  "Look:\n  {} show state --pgdata {}/monitor\n  {} show events --pgdata {}/monitor\n"
                  "Try:\n  {} perform switchover --pgdata {}/monitor{}\n"
                  "  kill -9 $(head -1 {}/{}/postmaster.pid)\n"
                  "Stop and remove it:\n  {}/stop",
                  as, hosts, tool, directory, tool, directory, tool, directory, options_.citus ? " --group 1" : "",
                  directory, cluster_.nodes().back()->name(), directory));
}

void Demo::clean_up() {
  writers_.reset();
  screen_.line("==> Stopping and cleaning up");
  cluster_.stop();
}

}  // namespace

Result<ExitCode> run_demo(const DemoOptions& options) {
  auto stage = set_stage();
  if (!stage) return fail(std::move(stage.error()));
  Demo demo(options, std::move(*stage));
  if (auto played = demo.play(); !played) {
    const bool interrupted = demo.interrupted();
    demo.clean_up();
    if (interrupted) return ExitCode::interrupted;
    return fail(std::move(played.error()));
  }
  auto result = demo.report();
  if (options.keep) {
    demo.leave_running();
  } else {
    demo.clean_up();
  }
  return result;
}

}  // namespace autoctl::demo
