#include "cli/options.h"

#include <cstdlib>

#include "common/config/checks.h"
#include "common/protocol/text_rule.h"

namespace autoctl::cli {

namespace {

bool is_set(const std::string& name) {
  const char* value = std::getenv(name.c_str());
  return value != nullptr && *value != '\0';
}

}  // namespace

Option from_environment(Option option, const std::string& name) {
  return option.from(!is_set("AUTOCTL_" + name) && is_set("PG_AUTOCTL_" + name) ? "PG_AUTOCTL_" + name
                                                                                : "AUTOCTL_" + name);
}

Option from_libpq_environment(Option option, const std::string& name) {
  return option.from(is_set("AUTOCTL_" + name) ? "AUTOCTL_" + name : name);
}

Option add_pgdata(Verb command, std::string& pgdata) {
  return from_libpq_environment(command.add_option("-D,--pgdata", pgdata, "Postgres data directory"), "PGDATA")
      .type_name("DIR");
}

void add_target(Verb command, MonitorTarget& target) {
  add_pgdata(command, target.pgdata);
  from_environment(command.add_option("--monitor", target.monitor,
                                      "monitor to ask: https://host:port or postgres://…; default: the one in PGDATA's "
                                      "configuration"),
                   "MONITOR")
      .check(config::check_monitor)
      .type_name("URI");
  from_environment(command.add_option("--monitor-ca-file", target.monitor_ca_file,
                                      "certificates to trust for an https:// monitor; default: the system's"),
                   "MONITOR_CA_FILE")
      .type_name("FILE");
  from_environment(command.add_option("--token-file", target.token_file,
                                      "file with the credential to send; default: the one beside PGDATA"),
                   "TOKEN_FILE")
      .type_name("FILE");
}

void add_changing_target(Verb command, MonitorTarget& target) {
  add_target(command, target);
  command.add_option("--reason", target.reason, "why, for the event log; a formation may require it (require_reason)")
      .check([](const std::string& text) { return protocol::why_not(text, protocol::rules::reason); })
      .type_name("TEXT");
}

namespace {

constexpr const char* group_of_a_node =
    "that of a node that is named, else 0, which in a Citus formation is the coordinator's";

Option add_formation_as(Verb command, const char* names, std::string& formation) {
  return from_environment(command.add_option(names, formation, "formation; default: \"default\""), "FORMATION")
      .check(config::check_name)
      .type_name("NAME");
}

void add_group(Verb command, Scope& scope, const std::string& otherwise) {
  from_environment(command.add_option("--group", scope.group, "group in the formation; default: " + otherwise), "GROUP")
      .not_negative()
      .type_name("N");
}

}  // namespace

Option add_formation(Verb command, std::string& formation) {
  return add_formation_as(command, "--formation", formation);
}

void add_scope(Verb command, Scope& scope) {
  add_formation(command, scope.formation);
  add_group(command, scope, "all");
}

void add_group_scope(Verb command, Scope& scope) {
  add_formation(command, scope.formation);
  add_group(command, scope, group_of_a_node);
}

Option add_worded_formation(Verb command, std::string& formation) {
  return add_formation_as(command, "--formation,formation", formation);
}

void add_worded_scope(Verb command, Scope& scope) {
  add_worded_formation(command, scope.formation);
  add_group(command, scope, "all, or the only one");
}

Option add_json(Verb command, bool& json) {
  return command.add_flag("--json", json, "print JSON, with the key names of pg_autoctl");
}

}  // namespace autoctl::cli
