// libpq, owned: connections and results that close themselves, parameters only, a deadline on everything.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/util/result.h"

struct pg_conn;
struct pg_result;

namespace autoctl::pg {

/// A query's rows. Text format; NULL is nullopt.
class Rows {
 public:
  explicit Rows(pg_result* result);  // takes ownership
  int size() const;
  bool empty() const { return size() == 0; }
  std::optional<std::string_view> get(int row, int column) const;  // valid as long as this object
  std::string text(int row, int column) const;                     // "" for NULL
  std::int64_t number(int row, int column) const;                  // 0 for NULL or no number
  bool truth(int row, int column) const;                           // "t"
  std::int64_t affected() const;
  /// Names of the columns; none for a statement that returns no rows.
  std::vector<std::string> columns() const;

 private:
  std::shared_ptr<pg_result> result_;
};

using Param = std::optional<std::string>;

/// One libpq connection, driven without blocking in libpq itself: each call ends by its deadline. Not thread-safe.
class Connection {
 public:
  Connection(Connection&&) noexcept;
  Connection& operator=(Connection&&) noexcept;
  ~Connection();

  /// `conninfo` is a libpq keyword string or URI. Errors: unavailable, timeout, denied (authentication), postgres.
  static Result<Connection> open(const std::string& conninfo, std::chrono::milliseconds timeout);

  /// One statement, with $1… parameters. On timeout the connection is closed (is_open() turns false): a commit may or
  /// may not have happened, and the caller must look. Errors: postgres (message has the server's words), timeout,
  /// unavailable.
  Result<Rows> query(const std::string& sql, const std::vector<Param>& params, std::chrono::milliseconds timeout);
  Result<Rows> query(const std::string& sql, std::chrono::milliseconds timeout) { return query(sql, {}, timeout); }
  /// Several statements in one round trip, no parameters (migrations, BEGIN…). Same errors.
  Result<> script(const std::string& sql, std::chrono::milliseconds timeout);

  /// The same with the rows of the last statement.
  Result<Rows> query_script(const std::string& sql, std::chrono::milliseconds timeout);

  /// While set, a call ends as soon as `asked` returns true (checked every 50 ms): Errc::unavailable, and the
  /// connection is closed.
  void interrupt_when(std::function<bool()> asked);
  /// From now on a statement that is interrupted, or not answered in time, is cancelled in the server, too: else it would
  /// go on there, and keep its locks. Only for a server of our own user whose processes this one sees: its backend gets
  /// SIGINT, as from its postmaster, because a cancel request would wait for a postmaster that hangs.
  void cancel_what_is_given_up();
  /// What `alter role … password` takes instead of the password: a SCRAM-SHA-256 verifier, made here. Errors:
  /// unavailable, internal.
  Result<std::string> encrypt_password(const std::string& role, const std::string& password);

  bool is_open() const;
  int server_version() const;    // 150004 = 15.4
  std::string sqlstate() const;  // of the last failed query; "" if none
  int socket() const;            // for poll(); -1 when closed

 private:
  explicit Connection(pg_conn* conn);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Of Connection::open(): the server lives and answered, but it has no connection left for us.
bool is_crowded(const Error& error);
/// Of Connection::open(): the server lives and says that it cannot let anybody in, for a reason that is no load.
bool is_broken(const Error& error);
/// Of Connection::open(): whoever answered does not ask for SCRAM over TLS, as the conninfo demands (channel_binding).
bool is_less_safe(const Error& error);
/// Of Connection::open(): it was refused in the server's own words, whichever they were: the server lives.
bool server_spoke(const Error& error);

std::string quote_identifier(std::string_view name);  // "name", inner quotes doubled
std::string quote_literal(std::string_view text);     // 'text' (E'' when it has backslashes)
/// Quotes one value for a keyword conninfo string.
std::string quote_conninfo(std::string_view value);

}  // namespace autoctl::pg
