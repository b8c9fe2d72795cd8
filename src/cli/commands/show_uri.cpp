#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "cli/output/table.h"
#include "cli/output/uri.h"
#include "common/util/redact.h"

namespace autoctl::cli {

namespace {

struct ShowUriOptions {
  MonitorTarget target;
  std::optional<std::string> formation;
  std::optional<std::string> monitor;  // without a value: print the monitor's URI only
  bool read_only = false;
  bool json = false;
};

struct Uri {
  std::string type, name, uri;
};

/// As nodes would give it to --monitor: known on the monitor, and on each node as it was given there.
Result<std::string> find_monitor_uri(const MonitorTarget& target) {
  if (!target.monitor.empty()) return redact(target.monitor);
  const auto config = load_config(target.pgdata);
  if (!config) return fail(config.error());
  return config->is_monitor() ? monitor_uri(*config) : redact(config->monitor);
}

/// On this machine; empty where none is known.
std::string authority_file(const MonitorTarget& target) {
  const auto config = target.pgdata.empty() ? fail(Errc::not_found, "") : load_config(target.pgdata);
  return config && config->ssl.issued ? config->ssl.ca_file : "";
}

Result<std::vector<Uri>> formation_uris(const MonitorTarget& target, const std::optional<std::string>& only,
                                        SessionAttrs access) {
  auto api = connect_monitor(target);
  if (!api) return fail(api.error());
  const auto state = api->state(only.value_or(""), std::nullopt, call_timeout);
  if (!state) return fail(state.error());
  std::vector<Uri> uris;
  const std::string authority = authority_file(target);
  for (const auto& formation : state->formations)
    if (!only || formation.name == *only)
      uris.push_back({"formation", formation.name, formation_uri(*state, formation.name, access, authority)});
  if (only && (uris.empty() || uris.front().uri.empty()))
    return fail(Errc::not_found, "formation \"" + *only + "\" has no node yet");
  return uris;
}

/// pg_autoctl's: the monitor's, and that of the formation which was asked for, by their names.
nlohmann::json json_of_one(const Uri& monitor, const Uri& wanted) {
  return {{"monitor", monitor.uri}, {wanted.name, wanted.uri}};
}

std::string json_of(const std::vector<Uri>& uris) {
  nlohmann::json array = nlohmann::json::array();
  for (const Uri& uri : uris) array.push_back({{"type", uri.type}, {"name", uri.name}, {"uri", uri.uri}});
  return pretty(array);
}

std::string table_of(const std::vector<Uri>& uris) {
  Table table({{"Type", 12}, {"Name", 7}, {"Connection String", 30, true}});
  for (const Uri& uri : uris) table.add({uri.type, uri.name, uri.uri});
  return table.text();
}

Result<ExitCode> show_uri(const ShowUriOptions& options) {
  MonitorTarget target = options.target;
  const bool monitor_only = (options.monitor && options.monitor->empty()) || options.formation == "monitor";
  if (options.monitor && !options.monitor->empty()) target.monitor = *options.monitor;
  const bool one = monitor_only || options.formation;
  std::vector<Uri> uris;
  const auto monitor = find_monitor_uri(target);
  if (!monitor) return fail(monitor.error());
  uris.push_back({"monitor", "monitor", *monitor});
  if (!monitor_only) {
    const auto formations = formation_uris(target, options.formation,
                                           options.read_only ? SessionAttrs::read_only : SessionAttrs::read_write);
    if (!formations) return fail(formations.error());
    uris.insert(uris.end(), formations->begin(), formations->end());
  }
  if (options.json)
    print(one ? pretty(json_of_one(uris.front(), uris.back())) : json_of(uris));
  else
    print(one ? uris.back().uri + '\n' : table_of(uris));
  return ExitCode::ok;
}

void declare(Verb command, ShowUriOptions& options) {
  add_pgdata(command, options.target.pgdata);
  command.add_option("--formation", options.formation, "print this formation's URI only; \"monitor\": the monitor's")
      .type_name("NAME");
  command.add_flag("--read-only", options.read_only,
                   "for applications that only read: leads to a standby while there is one");
  from_environment(command.add_option("--monitor", options.monitor,
                                      "alone: print the monitor's URI only; with a URI: ask that monitor"),
                   "MONITOR")
      .expected(0, 1)
      .type_name("[URI]");
  from_environment(command.add_option("--monitor-ca-file", options.target.monitor_ca_file,
                                      "certificates to trust for an https:// monitor"),
                   "MONITOR_CA_FILE")
      .type_name("FILE");
  from_environment(command.add_option("--token-file", options.target.token_file, "file with the credential to send"),
                   "TOKEN_FILE")
      .type_name("FILE");
  add_json(command, options.json);
}

}  // namespace

void add_show_uri(Verb show, Invocation& invocation) {
  add_command<ShowUriOptions>(show, invocation, "uri", "connection strings of the monitor and of each formation",
                              "psql \"$(autoctl show uri --pgdata /srv/pg --formation default)\"", declare, show_uri);
}

}  // namespace autoctl::cli
