#include <fmt/format.h>
#include <pwd.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <filesystem>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"

namespace autoctl::cli {

namespace {

struct ShowSystemdOptions {
  std::string pgdata;
};

std::string user_name() {
  const passwd* entry = ::getpwuid(::geteuid());
  return entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name;
}

// KillMode=mixed: only the daemon is asked to stop, and it stops Postgres in order. TimeoutStopSec leaves Postgres the
// time for its shutdown checkpoint. OOMScoreAdjust: losing the keeper or the postmaster would cost more than losing a
// backend, and PG_OOM_ADJUST_FILE makes the postmaster reset its children to normal.
constexpr const char* unit = R"([Unit]
Description = autoctl, automated failover for PostgreSQL
After = network-online.target
Wants = network-online.target
StartLimitIntervalSec = 0

[Service]
Type = notify
NotifyAccess = main
User = {user}
WorkingDirectory = {directory}
Environment = 'PGDATA={pgdata}'
Environment = 'PG_OOM_ADJUST_FILE=/proc/self/oom_score_adj' 'PG_OOM_ADJUST_VALUE=0'
ExecStart = {program} run
ExecReload = {program} reload
Restart = always
RestartSec = 1
RestartPreventExitStatus = {dropped}
KillMode = mixed
TimeoutStartSec = infinity
TimeoutStopSec = 300
WatchdogSec = 30
OOMScoreAdjust = -900
LimitNOFILE = 65536

[Install]
WantedBy = multi-user.target
)";

Result<ExitCode> show_systemd(const ShowSystemdOptions& options) {
  const auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return fail(Errc::system, "cannot tell where autoctl is installed: " + error.message());
  spdlog::info("To run it as a service, as root:");
  spdlog::info("  sudo -u {} autoctl -q show systemd --pgdata {} > /etc/systemd/system/autoctl.service", user_name(),
               config->pgdata);
  spdlog::info("  systemctl daemon-reload && systemctl enable --now autoctl");
  print(fmt::format(fmt::runtime(unit), fmt::arg("user", user_name()),
                    fmt::arg("directory", std::filesystem::path(config->pgdata).parent_path().string()),
                    fmt::arg("pgdata", config->pgdata), fmt::arg("program", program.string()),
                    fmt::arg("dropped", static_cast<int>(ExitCode::dropped))));
  return ExitCode::ok;
}

}  // namespace

void add_show_systemd(Verb show, Invocation& invocation) {
  add_command<ShowSystemdOptions>(
      show, invocation, "systemd", "a service unit that runs what was created in PGDATA",
      "sudo -u postgres autoctl -q show systemd --pgdata /srv/pg > /etc/systemd/system/autoctl.service",
      [](Verb command, ShowSystemdOptions& options) { add_pgdata(command, options.pgdata); }, show_systemd);
}

}  // namespace autoctl::cli
