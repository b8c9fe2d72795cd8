#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <thread>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "common/tls/certificate.h"
#include "common/util/pid_file.h"
#include "keeper/postgres/pgpass.h"

namespace autoctl::cli {

namespace {

constexpr Millis password_poll_interval{50};
constexpr const char* round_setting = "password_round";

struct RotatePasswordOptions {
  MonitorTarget target;
  std::optional<std::string> formation;
  int wait_seconds = 60;
};

Result<> check_node(const config::Config& config, const config::Files& files) {
  if (config.role == "monitor")
    return fail(Errc::bad_usage, files.pgdata + " is a monitor's",
                "--formation NAME rotates the passwords of a formation's nodes; --pgdata of a node rotates its own");
  if (config.auth == "cert")
    return fail(Errc::conflict, "this node logs in with a certificate (--auth cert) and has no replication password",
                "replace the certificate instead: docs/operations/service.md");
  if (config.monitor_url.empty())
    return fail(Errc::conflict, "this node has no monitor: nobody would tell the primary of its new password",
                "`autoctl enable monitor` first");
  const auto pid = locked_pid(files.pid());
  if (!pid) return fail(pid.error());
  if (!*pid)
    return fail(Errc::conflict, "autoctl is not running for \"" + files.pgdata + "\": its keeper changes the password",
                "`autoctl run --pgdata " + files.pgdata + "`");
  return {};
}

/// The keeper sees the new one beside the present one, and does the rest.
Result<> write_next(const config::Files& files, const config::Config& config) {
  if (::access(files.next_pgpass().c_str(), F_OK) == 0) {
    spdlog::info("A new password is under way already");
    return {};
  }
  auto passwords = keeper::load_passwords(files.pgpass(), config.node);
  if (!passwords) return fail(passwords.error());
  passwords->own = tls::random_token();
  return keeper::save_passwords(files.next_pgpass(), config.node, *passwords);
}

Result<ExitCode> rotate_own(const RotatePasswordOptions& options) {
  const auto config = load_config(options.target.pgdata);
  if (!config) return fail(config.error());
  const config::Files files(options.target.pgdata);
  AUTOCTL_TRY(check_node(*config, files));
  AUTOCTL_TRY(write_next(files, *config));
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(options.wait_seconds);
  while (::access(files.next_pgpass().c_str(), F_OK) == 0) {
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(Errc::timeout,
                  "the primary does not know the new password yet; " + config->name + " uses its old one",
                  "it goes on by itself when monitor and primary are there: `autoctl show state`");
    std::this_thread::sleep_for(password_poll_interval);
  }
  spdlog::info("{} has a new replication password", config->name);
  return ExitCode::ok;
}

/// Each node does it for itself, as soon as it hears of a higher round.
Result<ExitCode> rotate_all(const RotatePasswordOptions& options) {
  auto api = connect_monitor(options.target);
  if (!api) return fail(api.error());
  const auto present = api->settings(*options.formation, call_timeout);
  if (!present) return fail(present.error());
  const auto found = std::ranges::find(present->values, round_setting, &std::pair<std::string, std::string>::first);
  std::uint64_t round = 0;
  if (found != present->values.end())
    std::from_chars(found->second.data(), found->second.data() + found->second.size(), round);
  const auto changed =
      api->change_settings({*options.formation, {{round_setting, std::to_string(round + 1)}}}, call_timeout);
  if (!changed) return fail(changed.error());
  spdlog::info(
      "Every node of formation \"{}\" makes a new replication password: `autoctl show events` says when it has",
      *options.formation);
  return ExitCode::ok;
}

Result<ExitCode> rotate(const RotatePasswordOptions& options) {
  return options.formation ? rotate_all(options) : rotate_own(options);
}

void declare(Verb command, RotatePasswordOptions& options) {
  add_target(command, options.target);
  command
      .add_option("--formation", options.formation,
                  "of all nodes of this formation, by an operator; without it: of the node in --pgdata")
      .type_name("NAME");
  command.add_option("--wait", options.wait_seconds, "how many seconds to wait for the node's primary; default: 60")
      .positive()
      .type_name("SECONDS");
}

}  // namespace

void add_rotate_password(Verb rotate_group, Invocation& invocation) {
  add_command<RotatePasswordOptions>(
      rotate_group, invocation, "password",
      "give a node, or each node of a formation, a new replication password; no connection is lost",
      "autoctl rotate password --formation default --pgdata /srv/monitor", declare, rotate);
}

}  // namespace autoctl::cli
