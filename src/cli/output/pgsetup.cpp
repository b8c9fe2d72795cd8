#include "cli/output/pgsetup.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

namespace autoctl::cli {

namespace {

/// Where autoctl itself connects to.
std::string host_of(const PgSetup& setup) {
  if (!setup.config.pghost.empty()) return setup.config.pghost;
  return setup.postmaster ? setup.postmaster->socket_directory : "";
}

}  // namespace

std::string status_of(const std::optional<postgres::LockFile>& postmaster) {
  if (!postmaster) return "not running";
  return postmaster->status.empty() ? "starting" : postmaster->status;
}

std::string pgsetup_text(const PgSetup& setup) {
  const auto line = [](const char* name, const auto& value) { return fmt::format("{:<22} {}\n", name, value); };
  return line("pgdata:", setup.config.pgdata) + line("pg_ctl:", setup.tools.path("pg_ctl")) +
         line("pg_version:", setup.tools.version) + line("pghost:", host_of(setup)) +
         line("pgport:", setup.config.pgport) + line("proxyport:", setup.config.proxy_port) +
         line("pid:", setup.postmaster ? setup.postmaster->pid : 0) +
         line("is in recovery:", setup.data.standby_signal ? "yes" : "no") +
         line("Control cluster state:", setup.data.cluster_state) +
         line("System Identifier:", std::to_string(setup.data.system_id.value)) +
         line("Latest checkpoint LSN:", to_string(setup.data.lsn)) +
         line("Postmaster status:", status_of(setup.postmaster));
}

nlohmann::json pgsetup_json(const PgSetup& setup) {
  return {{"pgdata", setup.config.pgdata},
          {"pg_ctl", setup.tools.path("pg_ctl")},
          {"version", setup.tools.version},
          {"host", host_of(setup)},
          {"port", setup.config.pgport},
          {"proxyport", setup.config.proxy_port},
          {"pid", setup.postmaster ? setup.postmaster->pid : 0},
          {"in_recovery", setup.data.standby_signal},
          {"control", {{"system_identifier", std::to_string(setup.data.system_id.value)}}},
          {"postmaster", {{"status", status_of(setup.postmaster)}}}};
}

}  // namespace autoctl::cli
