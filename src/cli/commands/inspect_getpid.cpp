// inspect getpid: pg_autoctl has a process for each of these; here one daemon is all of them.
#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "common/util/pid_file.h"

namespace autoctl::cli {

namespace {

struct GetpidOptions {
  std::string pgdata;
  bool json = false;
};

Result<ExitCode> getpid(const GetpidOptions& options) {
  const auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  const auto pid = locked_pid(config::Files(options.pgdata).pid());
  if (!pid) return fail(pid.error());
  if (options.json) {
    nlohmann::json document = {{"pid", nullptr}};
    if (*pid) document["pid"] = **pid;
    print(pretty(document));
  } else if (*pid) {
    print(std::to_string(**pid) + '\n');
  }
  return *pid ? ExitCode::ok : ExitCode::not_running;
}

void declare(Verb command, GetpidOptions& options) {
  add_pgdata(command, options.pgdata);
  add_json(command, options.json);
}

}  // namespace

void add_inspect_getpid(Verb inspect, Invocation& invocation) {
  Verb group = inspect.add_group("getpid", "the process id of the daemon of PGDATA");
  add_command<GetpidOptions>(group, invocation, "postgres", "of the daemon, which starts and stops Postgres",
                             "autoctl inspect getpid postgres --pgdata /srv/pg", declare, getpid);
  add_command<GetpidOptions>(group, invocation, "listener", "of the daemon, which serves the monitor's API",
                             "autoctl inspect getpid listener --pgdata /srv/monitor", declare, getpid);
  add_command<GetpidOptions>(group, invocation, "node-active", "of the daemon, which reports to the monitor",
                             "autoctl inspect getpid node-active --pgdata /srv/pg", declare, getpid);
}

}  // namespace autoctl::cli
