#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/config.h"
#include "cli/output/print.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

struct ConfigGetOptions {
  std::string pgdata;
  std::string key;
  bool json = false;
};

Result<ExitCode> config_get(const ConfigGetOptions& options) {
  auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  config->monitor = redact(config->monitor);
  if (options.key.empty()) {
    print(options.json ? pretty(config_json(*config)) : config::to_toml(*config));
    return ExitCode::ok;
  }
  const auto value = config::get(*config, options.key);
  if (!value) return fail(value.error());
  print(options.json ? pretty({{options.key, *value}}) : *value + '\n');
  return ExitCode::ok;
}

void declare(Verb command, ConfigGetOptions& options) {
  add_pgdata(command, options.pgdata);
  command.add_option("key", options.key, "one setting, e.g. postgresql.port; default: all").type_name("");
  add_json(command, options.json);
}

}  // namespace

void add_config_get(Verb config, Invocation& invocation) {
  add_command<ConfigGetOptions>(config, invocation, "get", "print one setting, or all",
                                "autoctl config get postgresql.port --pgdata /srv/pg", declare, config_get);
}

}  // namespace autoctl::cli
