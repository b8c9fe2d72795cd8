#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/create_checks.h"
#include "cli/create_options.h"
#include "cli/local_address.h"
#include "cli/output/uri.h"
#include "monitor/daemon.h"

namespace autoctl::cli {

namespace {

Result<> create(config::Config config) {
  if (config.hostname.empty()) {
    auto own = default_hostname("");
    if (!own) return fail(std::move(own.error()));
    config.hostname = *own;
    spdlog::info("Using --hostname \"{}\", which the nodes must be able to connect to", config.hostname);
  }
  const auto created = monitor::create_monitor(std::move(config));
  if (!created) return fail(created.error());
  if (created->ssl.issued) {
    const config::Files files(created->pgdata);
    spdlog::info("The monitor has been created in \"{}\", with a certificate authority in {} (keep a copy of it)",
                 created->pgdata, files.authority());
    spdlog::info("For each node: autoctl token create --pgdata {}, once the monitor runs", created->pgdata);
    return {};
  }
  spdlog::info("The monitor has been created in \"{}\"; nodes reach it with", created->pgdata);
  spdlog::info("  --monitor '{}'", monitor_uri(*created));
  return {};
}

Result<ExitCode> create_monitor(const CreateOptions& options) {
  AUTOCTL_TRY(refuse_root());
  auto config = to_config(options, "monitor");
  if (!config) return fail(std::move(config.error()));
  AUTOCTL_TRY(check_ownership(config->pgdata));

  const config::Files files(config->pgdata);
  const auto existing = find_created(files);
  if (!existing) return fail(existing.error());
  if (*existing) {
    AUTOCTL_TRY(check_same(**existing, *config));
    spdlog::info("The monitor has been created in \"{}\" before: nothing to do", config->pgdata);
  } else {
    AUTOCTL_TRY(create(std::move(*config)));
  }
  if (options.run) return ExitCode{monitor::run_monitor(files)};
  if (!*existing) spdlog::info("Next: autoctl run --pgdata {}", files.pgdata);
  return ExitCode::ok;
}

}  // namespace

void add_create_monitor(Verb create, Invocation& invocation) {
  add_command<CreateOptions>(create, invocation, "monitor", "create a monitor, with a small Postgres of its own",
                             "autoctl create monitor --pgdata /srv/monitor --run", declare_create_monitor,
                             create_monitor);
}

}  // namespace autoctl::cli
