// A local Postgres, with pg_autoctl's keys.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "common/config/config.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/tools.h"
#include "keeper/postgres/instance.h"

namespace autoctl::cli {

struct PgSetup {
  config::Config config;
  postgres::Tools tools;
  keeper::DataDirectory data;
  std::optional<postgres::LockFile> postmaster;  // of a process that lives
};

/// "ready", "standby", "starting", "stopping" or "not running".
std::string status_of(const std::optional<postgres::LockFile>& postmaster);

/// As `pg_autoctl inspect pgsetup discover` prints it.
std::string pgsetup_text(const PgSetup& setup);
nlohmann::json pgsetup_json(const PgSetup& setup);

}  // namespace autoctl::cli
