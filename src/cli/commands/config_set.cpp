#include <spdlog/spdlog.h>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "common/config/files.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

struct ConfigSetOptions {
  std::string pgdata;
  std::string key;
  std::string value;
};

Result<ExitCode> config_set(const ConfigSetOptions& options) {
  auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  const std::string value = without_password(options.value);  // of no use after the node has joined
  AUTOCTL_TRY(config::set(*config, options.key, value));
  AUTOCTL_TRY(config::save(config::Files(options.pgdata), *config));
  spdlog::info("{} is now {}; `autoctl reload` makes a running daemon read it", options.key,
               value.empty() ? "empty" : value);
  return ExitCode::ok;
}

void declare(Verb command, ConfigSetOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_option("key", options.key, "the setting, e.g. postgresql.listen").required().type_name("");
  command.add_option("value", options.value, "its new value").required().type_name("");
}

}  // namespace

void add_config_set(Verb config, Invocation& invocation) {
  add_command<ConfigSetOptions>(config, invocation, "set", "change one setting",
                                "autoctl config set replication.maximum_backup_rate 50M --pgdata /srv/pg", declare,
                                config_set);
}

}  // namespace autoctl::cli
