#include "monitor/store/node_role.h"

#include <spdlog/spdlog.h>

#include <thread>

namespace autoctl::monitor {

namespace {

constexpr std::chrono::milliseconds node_role_deadline{2'000};
constexpr std::chrono::milliseconds look_interval{20};

// Not NOLOGIN: the role can lock its own row of pg_authid, but not that of the database.
constexpr const char* close_door =
    "DO $$ BEGIN"
    " EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());"
    " IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'autoctl_node') THEN"
    "  EXECUTE format('REVOKE ALL ON DATABASE %I FROM autoctl_node', current_database());"
    " END IF; "
    "END $$";
constexpr const char* open_door =
    "DO $$ BEGIN"
    " IF NOT has_database_privilege('autoctl_node', current_database(), 'CONNECT') THEN"
    "  EXECUTE format('GRANT CONNECT ON DATABASE %I TO autoctl_node', current_database());"
    " END IF; "
    "END $$";

constexpr const char* end_all = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'autoctl_node'";
// A session with a transaction id writes: it may hold the role's own row, which keep_node_role() changes.
constexpr const char* end_some =
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'autoctl_node'"
    " AND (backend_xid IS NOT NULL OR backend_start < clock_timestamp() - $1::interval)";

}  // namespace

Result<> shut_out_node_role(pg::Connection& connection) {
  AUTOCTL_TRY(connection.script(close_door, node_role_deadline));
  const auto end = std::chrono::steady_clock::now() + node_role_deadline;
  for (;;) {
    const auto ended = connection.query(end_all, node_role_deadline);
    if (!ended) return fail(ended.error());
    if (ended->empty()) return {};
    if (std::chrono::steady_clock::now() >= end) break;
    std::this_thread::sleep_for(look_interval);
  }
  spdlog::warn("Sessions of the role autoctl_node do not end");
  return {};
}

Result<> tend_node_role(pg::Connection& connection, std::chrono::milliseconds oldest) {
  const auto ended = connection.query(end_some, {std::to_string(oldest.count()) + " ms"}, node_role_deadline);
  if (!ended) return fail(ended.error());
  if (!ended->empty())
    spdlog::warn("The role autoctl_node: {} sessions that were too long or wrote: ended", ended->size());
  const auto changed = connection.query("SELECT * FROM autoctl.keep_node_role()", node_role_deadline);
  if (!changed) return fail(changed.error());
  for (int row = 0; row < changed->size(); ++row) spdlog::warn("The role autoctl_node: {}", changed->text(row, 0));
  return connection.script(open_door, node_role_deadline);
}

}  // namespace autoctl::monitor
