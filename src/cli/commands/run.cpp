#include "cli/commands/commands.h"
#include "cli/create_checks.h"
#include "cli/monitor_connection.h"
#include "cli/node_metadata.h"
#include "keeper/agent/daemon.h"
#include "monitor/daemon.h"

namespace autoctl::cli {

namespace {

struct RunOptions {
  std::string pgdata;
  MetadataOptions metadata;
};

/// Only what differs from what the node is: a service may be started with the same options each time.
Result<> become(const config::Config& config, const RunOptions& options) {
  MetadataOptions changes = options.metadata;
  changes.target.pgdata = options.pgdata;
  if (changes.name == config.name) changes.name.clear();
  if (changes.hostname == config.hostname) changes.hostname.clear();
  if (changes.pgport == config.pgport) changes.pgport = 0;
  if (changes.name.empty() && changes.hostname.empty() && changes.pgport == 0) return {};
  if (const auto changed = change_metadata(changes); !changed) return fail(changed.error());
  return {};
}

Result<ExitCode> run(const RunOptions& options) {
  AUTOCTL_TRY(refuse_root());
  const auto files = files_of(options.pgdata);
  if (!files) return fail(files.error());
  const auto config = config::load(*files);
  if (!config) return fail(config.error());
  AUTOCTL_TRY(check_ownership(files->pgdata));
  AUTOCTL_TRY(become(*config, options));
  return ExitCode{config->is_monitor() ? monitor::run_monitor(*files) : keeper::run_keeper(*files)};
}

void declare(Verb command, RunOptions& options) {
  add_pgdata(command, options.pgdata);
  declare_metadata(command, options.metadata);
}

}  // namespace

void add_run(Verb root, Invocation& invocation) {
  add_command<RunOptions>(root, invocation, "run",
                          "run the monitor or the node that was created in PGDATA, until SIGTERM",
                          "autoctl run --pgdata /srv/pg", declare, run);
}

}  // namespace autoctl::cli
