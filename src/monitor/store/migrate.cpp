#include <spdlog/spdlog.h>

#include <chrono>
#include <string>

#include "monitor/store/migrations.h"

namespace autoctl::monitor {

namespace {

constexpr std::chrono::milliseconds statement_timeout{30'000};
constexpr std::chrono::milliseconds look_timeout{2'000};

// Held by the session while it migrates: two daemons of one data directory cannot be, but two binaries can be tried.
constexpr const char* take_lock = "SELECT pg_advisory_lock(hashtext('autoctl schema migration'))";
constexpr const char* release_lock = "SELECT pg_advisory_unlock(hashtext('autoctl schema migration'))";

constexpr const char* version_table =
    "CREATE SCHEMA IF NOT EXISTS autoctl;"
    "CREATE TABLE IF NOT EXISTS autoctl.schema_version ("
    " version integer PRIMARY KEY, name text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());";

Result<int> read_version(pg::Connection& connection, std::chrono::milliseconds timeout) {
  auto rows = connection.query("SELECT coalesce(max(version), 0) FROM autoctl.schema_version", timeout);
  if (!rows) return fail(std::move(rows.error()));
  return static_cast<int>(rows->number(0, 0));
}

Result<int> current_version(pg::Connection& connection) {
  AUTOCTL_TRY(connection.script(version_table, statement_timeout));
  return read_version(connection, statement_timeout);
}

Result<> apply(pg::Connection& connection, const Migration& step) {
  spdlog::info("monitor schema: applying migration {}", step.name);
  const std::string record = "INSERT INTO autoctl.schema_version (version, name) VALUES (" +
                             std::to_string(step.number) + ", " + pg::quote_literal(step.name) + ");";
  // One simple-protocol script is one transaction, and so is what follows an explicit BEGIN.
  auto done = connection.script("BEGIN;" + std::string(step.sql) + record + "COMMIT;", statement_timeout);
  if (!done) return fail(std::move(done.error()).with_context("migration " + std::string(step.name)));
  return {};
}

Result<> migrate_locked(pg::Connection& connection) {
  const auto version = current_version(connection);
  if (!version) return fail(version.error());
  const auto steps = migrations();
  const int newest = steps.back().number;
  if (*version > newest)
    return fail(Errc::incompatible,
                "the monitor's schema has version " + std::to_string(*version) + ", this autoctl knows up to " +
                    std::to_string(newest),
                "install the autoctl that wrote it, or a newer one: schemas only go forward");
  for (const Migration& step : steps)
    if (step.number > *version) AUTOCTL_TRY(apply(connection, step));
  return {};
}

}  // namespace

Result<bool> is_behind(pg::Connection& connection) {
  const auto none = connection.query("SELECT to_regclass('autoctl.schema_version') IS NULL", look_timeout);
  if (!none) return fail(none.error());
  if (none->truth(0, 0)) return true;
  const auto version = read_version(connection, look_timeout);
  if (!version) return fail(version.error());
  return *version < migrations().back().number;
}

Result<> migrate(pg::Connection& connection) {
  if (auto locked = connection.query(take_lock, statement_timeout); !locked) return fail(std::move(locked.error()));
  auto migrated = migrate_locked(connection);
  if (!connection.is_open()) return migrated;
  // A step that failed left its transaction open; the lock is the session's and survives the rollback.
  if (!migrated) std::ignore = connection.script("ROLLBACK", statement_timeout);
  std::ignore = connection.query(release_lock, statement_timeout);
  return migrated;
}

}  // namespace autoctl::monitor
