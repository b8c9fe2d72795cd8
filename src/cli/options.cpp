#include "cli/options.h"

#include <cstdlib>

#include "common/config/checks.h"

namespace autoctl::cli {

namespace {

bool is_set(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr && *value != '\0';
}

}  // namespace

CLI::Option* from_environment(CLI::Option* option, const std::string& name) {
  return option->envname(!is_set("AUTOCTL_" + name) && is_set("PG_AUTOCTL_" + name) ? "PG_AUTOCTL_" + name
                                                                                    : "AUTOCTL_" + name);
}

CLI::Option* from_libpq_environment(CLI::Option* option, const std::string& name) {
  return option->envname(is_set("AUTOCTL_" + name) ? "AUTOCTL_" + name : name);
}

CLI::Validator checked(std::string (*check)(const std::string& text)) {
  return CLI::Validator([check](std::string& text) { return check(text); }, "");
}

CLI::Option* add_pgdata(CLI::App& command, std::string& pgdata) {
  return from_libpq_environment(command.add_option("-D,--pgdata", pgdata, "Postgres data directory"), "PGDATA")
      ->type_name("DIR");
}

void add_target(CLI::App& command, MonitorTarget& target) {
  add_pgdata(command, target.pgdata);
  from_environment(command.add_option("--monitor", target.monitor,
                                      "monitor to ask: https://host:port or postgres://…; default: the one in PGDATA's "
                                      "configuration"),
                   "MONITOR")
      ->check(checked(config::check_monitor))
      ->type_name("URI");
  from_environment(command.add_option("--monitor-ca-file", target.monitor_ca_file,
                                      "certificates to trust for an https:// monitor; default: the system's"),
                   "MONITOR_CA_FILE")
      ->type_name("FILE");
  from_environment(command.add_option("--token-file", target.token_file,
                                      "file with the credential to send; default: the one beside PGDATA"),
                   "TOKEN_FILE")
      ->type_name("FILE");
}

CLI::Option* add_formation(CLI::App& command, std::string& formation) {
  return from_environment(command.add_option("--formation", formation, "formation; default: \"default\""), "FORMATION")
      ->check(checked(config::check_name))
      ->type_name("NAME");
}

void add_scope(CLI::App& command, Scope& scope) {
  add_formation(command, scope.formation);
  from_environment(command.add_option("--group", scope.group, "group in the formation; default: all, or the only one"),
                   "GROUP")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
}

CLI::Option* add_json(CLI::App& command, bool& json) {
  return command.add_flag("--json", json, "print JSON, with the key names of pg_autoctl");
}

}  // namespace autoctl::cli
