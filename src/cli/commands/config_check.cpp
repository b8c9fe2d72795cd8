#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "cli/commands/commands.h"
#include "cli/monitor_connection.h"
#include "cli/output/print.h"
#include "common/postgres/port_probe.h"
#include "common/postgres/tools.h"

namespace autoctl::cli {

namespace {

constexpr Millis monitor_timeout{5000};
constexpr Millis port_timeout{2000};

struct ConfigCheckOptions {
  std::string pgdata;
  bool json = false;
};

struct Finding {
  std::string what;
  bool good = false;
  std::string detail;
};

std::string in_words(const Error& error) {
  return error.message + (error.hint.empty() ? "" : fmt::format(" ({})", error.hint));
}

Finding check_tools(const config::Config& config) {
  const auto tools = postgres::find_tools(config.pg_ctl);
  if (!tools) return {"Postgres tools", false, in_words(tools.error())};
  return {"Postgres tools", true, fmt::format("{} in {}", tools->version, tools->bindir)};
}

/// Postgres insists on 0700 or 0750; our own directory holds keys and tokens.
Finding check_directory(const std::string& what, const std::string& path, mode_t forbidden) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {what, false, path + " does not exist"};
  if (!S_ISDIR(info.st_mode)) return {what, false, path + " is not a directory"};
  if (info.st_uid != ::geteuid())
    return {what, false, fmt::format("{} belongs to uid {}, not to this user", path, info.st_uid)};
  const mode_t mode = info.st_mode & 07777;
  if ((mode & forbidden) != 0)
    return {what, false, fmt::format("{} has mode {:04o}: other users may read it", path, mode)};
  return {what, true, fmt::format("{}, mode {:04o}", path, mode)};
}

Finding check_key(const config::Config& config) {
  if (config.ssl.server_key.empty())
    return {"TLS key", !config.ssl.enabled, config.ssl.enabled ? "none is set" : "off"};
  struct stat info {};
  if (::stat(config.ssl.server_key.c_str(), &info) != 0)
    return {"TLS key", false, config.ssl.server_key + " does not exist"};
  const bool open = (info.st_mode & 077) != 0 && info.st_uid == ::geteuid();
  return {"TLS key", !open, config.ssl.server_key + (open ? " can be read by others" : "")};
}

Finding check_port(const config::Config& config) {
  const PortState state = postgres::probe_postgres("127.0.0.1", config.pgport, port_timeout);
  return {"Postgres port", state == PortState::open,
          fmt::format("{} is {}", config.pgport, state == PortState::open ? "answering" : describe(state))};
}

Finding check_monitor(const std::string& pgdata) {
  MonitorTarget target;
  target.pgdata = pgdata;
  auto api = connect_monitor(target, Millis{0});
  if (!api) return {"Monitor", false, in_words(api.error())};
  const auto version = api->version(monitor_timeout);
  if (!version) return {"Monitor", false, in_words(version.error())};
  return {"Monitor", true, fmt::format("autoctl {}, protocol {}", version->version, version->protocol)};
}

Result<ExitCode> config_check(const ConfigCheckOptions& options) {
  const auto config = load_config(options.pgdata);
  if (!config) return fail(config.error());
  const config::Files files(options.pgdata);
  const std::vector<Finding> findings = {check_tools(*config),
                                         check_directory("Data directory", files.pgdata, 027),
                                         check_directory("autoctl's directory", files.directory, 077),
                                         check_key(*config),
                                         check_port(*config),
                                         check_monitor(options.pgdata)};
  bool good = true;
  std::string text;
  nlohmann::json array = nlohmann::json::array();
  for (const Finding& finding : findings) {
    good = good && finding.good;
    text += fmt::format("{:>4}  {}: {}\n", finding.good ? "ok" : "BAD", finding.what, finding.detail);
    array.push_back({{"check", finding.what}, {"ok", finding.good}, {"detail", finding.detail}});
  }
  print(options.json ? pretty(array) : text);
  return good ? ExitCode::ok : ExitCode::unhealthy;
}

void declare(Verb command, ConfigCheckOptions& options) {
  add_pgdata(command, options.pgdata);
  add_json(command, options.json);
}

}  // namespace

void add_config_check(Verb config, Invocation& invocation) {
  add_command<ConfigCheckOptions>(config, invocation, "check", "check the tools, files, ports and the monitor",
                                  "autoctl config check --pgdata /srv/pg", declare, config_check);
}

}  // namespace autoctl::cli
