// stop postgres, start postgres, restart postgres: a node's Postgres on purpose, while its keeper goes on.
#include <fmt/format.h>
#include <signal.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/daemon_control.h"
#include "cli/monitor_connection.h"
#include "common/postgres/lock_file.h"
#include "common/util/pid_file.h"
#include "keeper/postgres/markers.h"

namespace autoctl::cli {

namespace {

using keeper::Marker;

constexpr Millis restart_poll_interval{20};

struct ServiceOptions {
  std::string pgdata;
  int wait_seconds = 60;
};

struct Service {
  config::Files files;
  pid_t keeper = 0;
};

/// A node whose keeper runs: only that one starts and stops its Postgres.
Result<Service> find_keeper(const ServiceOptions& options) {
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  const auto config = config::load(*files);
  if (!config) return fail(config.error());
  if (config->is_monitor())
    return fail(Errc::bad_usage, files->pgdata + " is the monitor's: its Postgres runs as long as the monitor",
                "`autoctl stop` stops both");
  const auto pid = locked_pid(files->pid());
  if (!pid) return fail(pid.error());
  return Service{*files, pid->value_or(0)};
}

Result<ExitCode> not_running(const Service& service) {
  spdlog::info("autoctl is not running for \"{}\"", service.files.pgdata);
  return ExitCode::not_running;
}

Result<> wait_until(const ServiceOptions& options, const std::string& what, const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_seconds);
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(Errc::timeout, fmt::format("Postgres {} within {} s", what, options.wait_seconds),
                  "see the log of `autoctl run`, and `autoctl show state`");
    std::this_thread::sleep_for(restart_poll_interval);
  }
  return {};
}

/// The postmaster that has started all the way; 0 if there is none.
pid_t ready_server(const config::Files& files) {
  const auto lock = postgres::read_lock_file(files.pgdata);
  return lock && (lock->status == "ready" || lock->status == "standby") ? lock->pid : 0;
}

Result<ExitCode> stop_postgres(const ServiceOptions& options) {
  const auto service = find_keeper(options);
  if (!service) return fail(service.error());
  if (service->keeper == 0) return not_running(*service);
  AUTOCTL_TRY(keeper::set_marker(service->files, Marker::stopped));
  AUTOCTL_TRY(wait_until(options, "has not stopped",
                         [&] { return !postgres::read_lock_file(service->files.pgdata).has_value(); }));
  spdlog::info("Postgres has stopped, and stays so until `autoctl start postgres`");
  return ExitCode::ok;
}

Result<ExitCode> start_postgres(const ServiceOptions& options) {
  const auto service = find_keeper(options);
  if (!service) return fail(service.error());
  AUTOCTL_TRY(keeper::clear_marker(service->files, Marker::stopped));
  if (service->keeper == 0) return not_running(*service);
  AUTOCTL_TRY(wait_until(options, "has not started", [&] { return ready_server(service->files) != 0; }));
  spdlog::info("Postgres runs");
  return ExitCode::ok;
}

Result<ExitCode> restart_postgres(const ServiceOptions& options) {
  const auto service = find_keeper(options);
  if (!service) return fail(service.error());
  if (service->keeper == 0) return not_running(*service);
  if (keeper::is_marked(service->files, Marker::stopped))
    return fail(Errc::conflict, "Postgres was stopped by an operator", "`autoctl start postgres` starts it");
  const pid_t before = ready_server(service->files);
  AUTOCTL_TRY(signal_daemon(service->keeper, SIGUSR1));
  AUTOCTL_TRY(wait_until(options, "has not restarted", [&] {
    const pid_t now = ready_server(service->files);
    return now != 0 && now != before;
  }));
  spdlog::info("Postgres has restarted");
  return ExitCode::ok;
}

void declare(Verb command, ServiceOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_option("--wait", options.wait_seconds, "how many seconds to wait for it; default: 60")
      .positive()
      .type_name("SECONDS");
}

}  // namespace

void add_stop_postgres(Verb stop, Invocation& invocation) {
  add_command<ServiceOptions>(
      stop, invocation, "postgres",
      "stop the Postgres of the node in PGDATA, not its keeper, until `autoctl start postgres`; a primary is replaced",
      "autoctl stop postgres --pgdata /srv/pg", declare, stop_postgres);
}

void add_start_postgres(Verb start, Invocation& invocation) {
  add_command<ServiceOptions>(start, invocation, "postgres", "undo `autoctl stop postgres`",
                              "autoctl start postgres --pgdata /srv/pg", declare, start_postgres);
}

void add_restart_postgres(Verb restart, Invocation& invocation) {
  add_command<ServiceOptions>(restart, invocation, "postgres",
                              "stop the Postgres of the node in PGDATA in order and start it again; it keeps its role",
                              "autoctl restart postgres --pgdata /srv/pg", declare, restart_postgres);
}

Verb add_manual_service(Verb manual, Invocation& invocation) {
  Verb service = manual.add_group("service", "the Postgres of a node, apart from its keeper");
  Verb pgctl = service.add_group("pgctl", "whether the keeper keeps Postgres running");
  add_command<ServiceOptions>(pgctl, invocation, "on", "as `autoctl start postgres`",
                              "autoctl manual service pgctl on --pgdata /srv/pg", declare, start_postgres);
  add_command<ServiceOptions>(pgctl, invocation, "off", "as `autoctl stop postgres`",
                              "autoctl manual service pgctl off --pgdata /srv/pg", declare, stop_postgres);
  Verb restart = service.add_group("restart", "begin a part of the service anew");
  add_command<ServiceOptions>(restart, invocation, "postgres", "as `autoctl restart postgres`",
                              "autoctl manual service restart postgres --pgdata /srv/pg", declare, restart_postgres);
  return restart;
}

}  // namespace autoctl::cli
