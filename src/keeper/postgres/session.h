// autoctl's own connections to the local server: socket directory and port as in postmaster.pid, database postgres, as
// the operating system's user.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/fsm/types.h"
#include "common/pg/connection.h"

namespace autoctl::keeper {

class Session {
 public:
  explicit Session(std::string pgdata) : pgdata_(std::move(pgdata)) {}

  /// The name in pg_stat_activity, and settings of the session ("-c name=value").
  struct Identity {
    std::string application_name = "autoctl";
    std::string options = {};
  };
  /// A new connection: what it sees is what the postmaster has loaded by now. Errors as pg::Connection::open, and
  /// unavailable when no server is there.
  Result<pg::Connection> open(Millis timeout, const std::string& dbname = "postgres") const {
    return open(timeout, dbname, Identity{});
  }
  Result<pg::Connection> open(Millis timeout, const std::string& dbname, const Identity& identity) const;

  /// On the kept connection, which is opened first, and once more if it turns out to be broken. For statements that may
  /// run twice.
  Result<pg::Rows> query(const std::string& sql, const std::vector<pg::Param>& params, Millis timeout);
  Result<pg::Rows> query(const std::string& sql, Millis timeout) { return query(sql, {}, timeout); }

  void drop() { kept_.reset(); }
  int server_version() const { return kept_ ? kept_->server_version() : 0; }

 private:
  std::string pgdata_;
  std::optional<pg::Connection> kept_;
};

}  // namespace autoctl::keeper
