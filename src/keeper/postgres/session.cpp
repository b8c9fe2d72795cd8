#include "keeper/postgres/session.h"

#include <fmt/format.h>

#include <algorithm>

#include "common/config/files.h"
#include "common/pg/own_settings.h"
#include "common/postgres/lock_file.h"
#include "common/postgres/tools.h"

namespace autoctl::keeper {
namespace {

using namespace std::chrono_literals;

/// Never waits for a standby: we may be the one who has to change that.
constexpr std::string_view local_settings = " -c synchronous_commit=local -c search_path=pg_catalog ";

/// 0 when it cannot be read.
int major_of(const std::string& pgdata) {
  return std::atoi(config::read_file(pgdata + "/PG_VERSION").value_or("").c_str());
}

}  // namespace

Result<pg::Connection> Session::open(Millis timeout, const std::string& dbname, const Identity& identity) const {
  const auto lock = postgres::read_lock_file(pgdata_);
  if (!lock || lock->port == 0 || lock->socket_directory.empty())
    return fail(Errc::unavailable, "Postgres on " + pgdata_ + " does not listen yet");
  const std::string options =
      pg::own_settings(major_of(pgdata_), pg::Privilege::superuser) + std::string(local_settings) + identity.options;
  return pg::Connection::open(fmt::format("host={} port={} user={} dbname={} application_name={} options={}",
                                          pg::quote_conninfo(lock->socket_directory), lock->port,
                                          pg::quote_conninfo(postgres::os_user()), pg::quote_conninfo(dbname),
                                          pg::quote_conninfo(identity.application_name), pg::quote_conninfo(options)),
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
