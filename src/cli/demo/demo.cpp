#include "cli/demo/demo.h"

#include <fmt/format.h>
#include <signal.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>

#include "cli/demo/cluster.h"
#include "cli/demo/screen.h"
#include "cli/demo/unprivileged.h"
#include "cli/output/state.h"
#include "cli/output/table.h"

namespace autoctl::demo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Millis start_timeout{120'000};
constexpr Millis failover_timeout{60'000};
constexpr std::size_t rows_between_steps = 300;

std::string seconds(Millis time) {
  return fmt::format("{:.2f} s", static_cast<double>(time.count()) / 1000);
}

/// Ctrl-C and its kin wait here until somebody asks; threads started later inherit that.
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

/// What was done to the cluster, and what the writer felt of it.
struct Deed {
  std::string what;
  Millis outage{0};
};

class Demo {
 public:
  explicit Demo(Stage stage) : stage_(std::move(stage)), cluster_(stage_.binary, stage_.scratch.path()) {}

  Result<> play();
  Result<ExitCode> report();
  void leave_running();
  void clean_up();
  bool interrupted() { return signals_.arrived(); }

 private:
  Result<> create();
  Result<> create_node(const std::string& name, int port, const std::function<bool()>& ready);
  Result<> switch_over();
  Result<> kill_primary();
  Result<> write_a_while();
  Result<> wait(const std::string& what, Millis timeout, const std::function<bool()>& condition);
  Result<> wait_settled(Millis timeout);
  void draw();
  void write_stop_script() const;

  Signals signals_;
  Screen screen_;
  Stage stage_;
  LocalCluster cluster_;
  std::optional<Client> writer_;
  std::vector<Deed> deeds_;
};

void Demo::draw() {
  const auto state = cluster_.state();
  std::string news = state ? "" : state.error().message;
  if (state)
    for (const auto& node : state->nodes)
      news += fmt::format("{} {} {} {}\n", node.name, to_string(node.reported), to_string(node.assigned), node.health);
  const std::string status = writer_ ? fmt::format("writer: {} rows acknowledged, {} in doubt {}",
                                                   writer_->acknowledged(), writer_->in_doubt(), writer_->trouble())
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

Result<> Demo::wait_settled(Millis timeout) {
  return wait("one primary and one secondary", timeout, [this] { return cluster_.settled(); });
}

Result<> Demo::write_a_while() {
  const std::size_t enough = writer_->acknowledged() + rows_between_steps;
  return wait("that the writer writes", failover_timeout, [&] { return writer_->acknowledged() >= enough; });
}

Result<> Demo::create() {
  const auto ports = find_free_ports(6000, 3);
  if (!ports) return fail(ports.error());
  LocalCluster::Place place;
  place.pgport = *ports;
  screen_.line(fmt::format("==> autoctl create monitor --pgport {}", place.pgport));
  AUTOCTL_TRY(cluster_.create_monitor(place));

  AUTOCTL_TRY(create_node("node_1", *ports + 1, [this] { return Client::prepare(cluster_.read_write()).has_value(); }));
  screen_.line("==> A writer commits a row every 5 ms through " + cluster_.read_write());
  ClientOptions options;
  options.servers = cluster_.servers();
  options.servers.push_back({"127.0.0.1", *ports + 2});
  writer_.emplace(std::move(options));
  writer_->start();
  AUTOCTL_TRY(create_node("node_2", *ports + 2, [this] { return cluster_.settled(); }));
  return write_a_while();
}

Result<> Demo::create_node(const std::string& name, int port, const std::function<bool()>& ready) {
  LocalCluster::Place place;
  place.pgport = port;
  screen_.line(fmt::format("==> autoctl create postgres --name {} --pgport {}", name, port));
  const auto node = cluster_.create_node(name, place);
  if (!node) return fail(node.error());
  AUTOCTL_TRY(wait(name + "'s start", start_timeout, [&] { return !(*node)->running() || ready(); }));
  if (!(*node)->running())
    return fail(Errc::unavailable, fmt::format("{} has ended; its log's end:\n{}", name, (*node)->log_tail(15)));
  return {};
}

Result<> Demo::switch_over() {
  const auto start = Clock::now();
  screen_.line("==> autoctl perform switchover");
  AUTOCTL_TRY(cluster_.switchover(failover_timeout));
  AUTOCTL_TRY(wait_settled(failover_timeout));
  AUTOCTL_TRY(write_a_while());
  deeds_.push_back({"planned switchover (autoctl perform switchover)", writer_->outage(start, Clock::now())});
  return {};
}

Result<> Demo::kill_primary() {
  Agent* victim = cluster_.primary();
  if (victim == nullptr) return fail(Errc::internal, "no node is the primary");
  const auto start = Clock::now();
  screen_.line(fmt::format("==> kill -9: {}'s keeper and its Postgres", victim->name()));
  victim->signal_node(SIGKILL);
  AUTOCTL_TRY(wait("a failover", failover_timeout, [&] {
    const auto* primary = cluster_.primary();
    return primary != nullptr && primary != victim;
  }));
  AUTOCTL_TRY(write_a_while());
  deeds_.push_back({"SIGKILL of the primary's Postgres and keeper", writer_->outage(start, Clock::now())});
  const auto back = Clock::now();
  screen_.line(fmt::format("==> autoctl run: {} comes back", victim->name()));
  AUTOCTL_TRY(victim->run());
  AUTOCTL_TRY(wait_settled(start_timeout));
  AUTOCTL_TRY(write_a_while());
  deeds_.push_back({"its return as a secondary", writer_->outage(back, Clock::now())});
  return {};
}

Result<> Demo::play() {
  screen_.line(fmt::format("A monitor and two nodes in {}{}", stage_.scratch.path(),
                           stage_.user.empty() ? "" : " (run by the user " + stage_.user + ")"));
  AUTOCTL_TRY(create());
  AUTOCTL_TRY(switch_over());
  AUTOCTL_TRY(kill_primary());
  writer_->stop();
  return {};
}

Result<ExitCode> Demo::report() {
  const auto lost = writer_->lost(cluster_.read_write());
  if (!lost) return fail(lost.error());
  cli::Table table({{"Write outage"}, {"What was done", 0, true}});
  for (const auto& deed : deeds_) table.add({seconds(deed.outage), deed.what});
  screen_.line("\n" + table.text());
  screen_.line(fmt::format("Rows acknowledged {}, in doubt {} (sent, but the answer got lost), lost {}\n",
                           writer_->acknowledged(), writer_->in_doubt(), lost->size()));
  return lost->empty() ? ExitCode::ok : ExitCode::unhealthy;
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
                  "Try:\n  {} perform switchover --pgdata {}/monitor\n"
                  "  kill -9 $(head -1 {}/node_1/postmaster.pid)\n"
                  "Stop and remove it:\n  {}/stop",
                  as, hosts, tool, directory, tool, directory, tool, directory, directory, directory));
}

void Demo::clean_up() {
  writer_.reset();
  screen_.line("==> Stopping and cleaning up");
  cluster_.stop();
}

}  // namespace

Result<ExitCode> run_demo(const DemoOptions& options) {
  auto stage = set_stage();
  if (!stage) return fail(std::move(stage.error()));
  Demo demo(std::move(*stage));
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
