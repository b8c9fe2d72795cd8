#include "keeper/postgres/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/postgres/lock_file.h"
#include "common/postgres/tools.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;

/// Never waits for a standby (we may be the one who has to change that), nor for a user's timeouts.
constexpr std::string_view session_options =
    "-c synchronous_commit=local -c statement_timeout=0 -c lock_timeout=0 -c default_transaction_read_only=off "
    "-c search_path=pg_catalog";

}  // namespace

Result<pg::Connection> Session::open(Millis timeout, const std::string& dbname, const Identity& identity) const {
  const auto lock = postgres::read_lock_file(pgdata_);
  if (!lock || lock->port == 0 || lock->socket_directory.empty())
    return fail(Errc::unavailable, "Postgres on " + pgdata_ + " does not listen yet");
  return pg::Connection::open(
      fmt::format("host={} port={} user={} dbname={} application_name={} options={}",
                  pg::quote_conninfo(lock->socket_directory), lock->port, pg::quote_conninfo(postgres::os_user()),
                  pg::quote_conninfo(dbname), pg::quote_conninfo(identity.application_name),
                  pg::quote_conninfo(std::string(session_options) + " " + identity.options)),
      timeout);
}

Result<pg::Rows> Session::query(const std::string& sql, const std::vector<pg::Param>& params, Millis timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const auto left = [&] {
    return std::max(std::chrono::ceil<Millis>(deadline - std::chrono::steady_clock::now()), 1ms);
  };
  for (bool first = true;; first = false) {
    const bool was_open = kept_ && kept_->is_open();
    if (!was_open) {
      auto fresh = open(left());
      if (!fresh) return fail(std::move(fresh.error()));
      kept_ = std::move(*fresh);
    }
    auto rows = kept_->query(sql, params, left());
    if (!kept_->is_open()) kept_.reset();
    // A connection that was idle may have died unseen; one that has just been opened is no accident.
    const bool again = !rows && rows.error().code == Errc::unavailable && was_open && first;
    if (!again) return rows;
  }
}

}  // namespace autoctl::keeper
